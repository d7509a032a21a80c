/**
 * Time, environment and signals have one owner each, so that everything else can be tested with a
 * clock that the test turns.
 */
import { forbid, type Rule } from './rule.ts';
import { lineAt, type SourceFile } from './tree.ts';

const CLOCK =
  /\bDate\.now\b|\bnew Date\(\s*\)|\bDate\(\s*\)|(?<![.\w])(?:setTimeout|setInterval)\s*\(/;
const TIMER_MODULE = /(['"])(?:node:)?timers(?:\/promises)?\1/;

const isProduction = (file: SourceFile): boolean =>
  file.isCode && !file.isSpec && /^(?:libs|services|apps)\/[^/]+\/src\//.test(file.path);

const isDomain = (file: SourceFile): boolean => file.path.includes('/src/domain/');

const isTest = (file: SourceFile): boolean =>
  file.isCode &&
  (file.isSpec || (file.path.startsWith('tests/') && !file.path.startsWith('tests/tidy/')));

const mayReadEnvironment = (file: SourceFile): boolean =>
  file.path.endsWith('/main.ts') || /^(?:apps\/cli|libs\/process)\//.test(file.path);

export const ambientRules: readonly Rule[] = [
  forbid({
    name: 'only libs/process knows the time',
    fix: 'take a Clock from @waybill/process as an argument: clock.now(), clock.after(…).',
    pattern: CLOCK,
    in: 'code',
    where: (file) =>
      isProduction(file) && !/^libs\/(?:process|embedded)\//.test(file.path) && !isDomain(file),
    bad: [
      { 'services/api/src/shell/x.ts': 'const at = Date.now();' },
      { 'apps/runner/src/x.ts': 'const at = new Date();' },
      { 'libs/agent/src/x.ts': 'setTimeout(retry, 10);' },
    ],
    good: [
      { 'libs/process/src/clock.ts': 'const at = Date.now();' },
      { 'libs/agent/src/x.ts': 'clock.setTimeout(retry); // setTimeout(x)' },
      { 'services/api/src/shell/x.ts': 'const at = new Date(storedMs);' },
    ],
  }),
  forbid({
    name: 'a domain and the protocol read no clock',
    fix: 'time arrives inside commands and events as milliseconds.',
    pattern: new RegExp(`${CLOCK.source}|\\bperformance\\.now\\b`),
    in: 'code',
    where: (file) =>
      isProduction(file) && (isDomain(file) || file.path.startsWith('libs/protocol/src/')),
    bad: [
      { 'services/api/src/domain/x.ts': 'const at = new Date();' },
      { 'libs/protocol/src/run.ts': 'const at = Date.now();' },
    ],
    good: [{ 'libs/protocol/src/run.ts': 'const text = new Date(event.at).toISOString();' }],
  }),
  forbid({
    name: 'a domain counts in milliseconds and makes no date',
    fix: 'leave dates as text to the shell, where a view is written.',
    pattern: /\bnew Date\b/,
    in: 'code',
    where: (file) => isProduction(file) && isDomain(file),
    bad: [{ 'services/api/src/domain/x.ts': 'const at = new Date(storedMs);' }],
    good: [{ 'services/api/src/shell/x.ts': 'const at = new Date(storedMs);' }],
  }),
  {
    name: 'at most one file of libs/embedded has timers',
    fix: 'its waits belong into one file; better, use the Clock of @waybill/process.',
    find: (tree) => {
      const found = tree.files
        .filter((file) => isProduction(file) && file.path.startsWith('libs/embedded/'))
        .flatMap((file) => {
          const match = CLOCK.exec(file.code);
          if (match === null) return [];
          const what = `\`${match[0].trim()}\``;
          return [{ path: file.path, line: lineAt(file.text, match.index), what }];
        });
      return found.length > 1 ? found : [];
    },
    bad: [
      {
        'libs/embedded/src/a.ts': 'setTimeout(x, 1);',
        'libs/embedded/src/b.ts': 'Date.now();',
      },
    ],
    good: [{ 'libs/embedded/src/a.ts': 'setTimeout(x, 1); Date.now();' }],
  },
  forbid({
    name: "nobody but libs/process imports Node's timers",
    fix: 'take a Clock from @waybill/process as an argument.',
    pattern: TIMER_MODULE,
    in: 'text',
    where: (file) =>
      (isProduction(file) || isTest(file)) && !/^libs\/(?:process|embedded)\//.test(file.path),
    bad: [{ 'services/api/src/x.ts': "import { setTimeout } from 'node:timers/promises';" }],
    good: [{ 'services/api/src/x.ts': "import { createHash } from 'node:crypto';" }],
  }),
  forbid({
    name: 'only main.ts, the CLI and libs/process read the environment',
    fix: 'read it once in main.ts, parse it in config.ts, pass it on as a value.',
    pattern: /\bprocess\s*\.\s*env\b|\bprocess\[/,
    in: 'code',
    where: (file) => isProduction(file) && !mayReadEnvironment(file),
    bad: [{ 'services/api/src/config.ts': "const port = process.env['PORT'];" }],
    good: [
      { 'services/api/src/main.ts': 'const config = parse(process.env);' },
      { 'apps/cli/src/up.ts': 'const config = parse(process.env);' },
    ],
  }),
  forbid({
    name: 'only main.ts, the CLI and libs/process listen to signals and end the process',
    fix: 'give the lifecycle a part to stop; it listens for all.',
    pattern: /\bprocess\s*\.\s*(?:on|once|addListener|exit|abort)\s*\(/,
    in: 'code',
    where: (file) => isProduction(file) && !mayReadEnvironment(file),
    bad: [
      { 'services/api/src/service.ts': "process.once('SIGTERM', stop);" },
      { 'libs/agent/src/agent.ts': 'process.exit(1);' },
    ],
    good: [{ 'services/api/src/main.ts': "process.on('SIGTERM', stop);" }],
  }),
  forbid({
    name: 'tests wait for conditions, they never sleep',
    fix: 'wait for a signal, or poll a stated condition with a bound: vi.waitFor, expect.poll.',
    pattern:
      /(?<![.\w])(?:sleep|delay|wait)\s*\(\s*\d|new Promise\b[^;]{0,80}\bsetTimeout\s*\(|\bawait\s+sleep\s*\(/,
    in: 'code',
    where: isTest,
    bad: [
      { 'libs/x/src/a.spec.ts': 'await sleep(100);' },
      { 'tests/e2e/a.spec.ts': 'await new Promise((resolve) => setTimeout(resolve, 50));' },
    ],
    good: [{ 'libs/x/src/a.spec.ts': "await vi.waitFor(check); run('sleep 100');" }],
  }),
];
