/**
 * How product code is made to live in the simulator without a line of its own for it: while its modules are loaded, sockets,
 * connections and chance are replaced, and of the guards one may be missing. To be called before any of it is imported.
 */
import { readFileSync } from 'node:fs';
import { registerHooks } from 'node:module';
import { stage } from './stage.ts';

/** An exported name, and the expression that stands in its place. */
export type Replacement = Readonly<{ name: string; by: string }>;

const stageUrl = new URL('./stage.ts', import.meta.url).href;
const socketUrl = new URL('./sim-socket.ts', import.meta.url).href;
const guardsFile = '/libs/protocol/src/guards.ts';

/** By the end of a module's address: what of it is replaced. `real` is the module as it is. */
const replacements: Readonly<Record<string, readonly Replacement[]>> = {
  '/libs/process/src/id.ts': [{ name: 'newId', by: 'stage.newId' }],
  '/libs/agent/src/host-facts.ts': [
    { name: 'hostFacts', by: '() => ({})' },
    { name: 'hostLoad', by: '() => ({})' },
  ],
  // All processes of a world are given the very same message: it is read once.
  '/libs/protocol/src/run-message.ts': [
    { name: 'readRunMessage', by: 'stage.once(real.readRunMessage)' },
  ],
  '/libs/protocol/src/agent-event.ts': [
    { name: 'readAgentMessage', by: 'stage.once(real.readAgentMessage)' },
  ],
  // Nothing in a simulated run is sealed.
  '/libs/process/src/key-ring.ts': [
    { name: 'parseKeyRing', by: 'async () => ({ keys: new Map() })' },
  ],
  '/libs/process/src/run-output.ts': [
    { name: 'runPublicKey', by: "async () => 'A'.repeat(43) + '='" },
  ],
};

/** Its connection is ours, its way of appending is the product's. */
const journalSource = [
  "import { openAppender } from './append.ts';",
  `import { stage } from '${stageUrl}';`,
  'export const openJournal = (o) => stage.openJournal(o, openAppender);',
].join('\n');

function sourceOf(url: string, guard: Replacement | undefined): string | undefined {
  if (url.endsWith('/libs/journal/src/journal.ts')) return journalSource;
  const of = url.endsWith(guardsFile)
    ? guard && [guard]
    : Object.entries(replacements).find(([end]) => url.endsWith(end))?.[1];
  if (of === undefined) return undefined;
  return [
    `import { stage } from '${stageUrl}';`,
    `import * as real from '${url}?real';`,
    `export * from '${url}?real';`,
    ...of.map(({ name, by }) => `export const ${name} = ${by};`),
    'void [stage, real];',
  ].join('\n');
}

export function installHooks(guard: Replacement | undefined): void {
  Math.random = stage.random;
  registerHooks({
    resolve: (specifier, context, nextResolve) =>
      specifier === 'ws' && context.parentURL?.includes('/node_modules/') !== true
        ? { url: socketUrl, shortCircuit: true, format: 'module-typescript' }
        : nextResolve(specifier, context),
    load: (url, context, nextLoad) => {
      const source = sourceOf(url, guard);
      if (source === undefined) return nextLoad(url, context);
      return { format: 'module', source, shortCircuit: true };
    },
  });
}

/** Names of all guards, in their order: from the text, because a guard may be missing from what is loaded. */
export function guardNames(): readonly string[] {
  const text = readFileSync(new URL(`../..${guardsFile}`, import.meta.url), 'utf8');
  return [...text.matchAll(/^export const (\w+)/gm)].map(([, name = '']) => name);
}
