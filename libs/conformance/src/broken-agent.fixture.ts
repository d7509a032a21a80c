/** The plain agent of the examples with one fault each, as a command for the kit: what every check of it has to find. */
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { pathToFileURL } from 'node:url';

const root = path.resolve(import.meta.dirname, '..', '..', '..');
const source = readFileSync(path.join(root, 'examples', 'plain-agent', 'agent.mjs'), 'utf8');
const wsFolder = path.dirname(createRequire(import.meta.url).resolve('ws/package.json'));

export type BrokenAgent = Readonly<{ command: string; folder: string }>;

/** `edits`: what of its text is another; each has to be there. */
export function brokenAgent(edits: readonly (readonly [from: string, to: string])[]): BrokenAgent {
  const folder = mkdtempSync(path.join(tmpdir(), 'waybill-broken-agent-'));
  const file = path.join(folder, 'agent.mjs');
  const ws = pathToFileURL(path.join(wsFolder, 'wrapper.mjs')).href;
  const text = [["'ws'", `'${ws}'`] as const, ...edits].reduce((edited, [from, to]) => {
    if (!edited.includes(from)) throw new Error(`the plain agent has no longer: ${from}`);
    return edited.replace(from, () => to);
  }, source);
  writeFileSync(file, text);
  return { command: `${process.execPath} ${file}`, folder };
}
