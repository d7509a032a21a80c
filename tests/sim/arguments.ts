/** What `npm run sim` is asked for, read from its arguments. Pure; every mistake is a sentence. */
import { parseArgs } from 'node:util';

export type SimArguments = Readonly<{
  from: number;
  seeds: number;
  workers: number;
  /** The one seed's whole trace. */
  trace: boolean;
  /** Also what happens without each of the guards, or without one of them. */
  guards: boolean;
  guard: string | undefined;
  /** How many seeds a guard may survive. */
  guardSeeds: number;
  /** Keeps what the kill table found, for the spec that looks whether each guard is still missed. */
  record: boolean;
  /** Goes on behind a red seed. */
  all: boolean;
  json: boolean;
}>;
type Read =
  | Readonly<{ kind: 'run'; arguments: SimArguments }>
  | Readonly<{ kind: 'help' }>
  | Readonly<{ kind: 'mistake'; problem: string }>;

export const usage = [
  'usage: npm run sim -- [options]',
  '',
  '  --seeds N        how many seeds are played (1000)',
  '  --from N         the first of them (1)',
  '  --seed N         that one alone',
  '  --trace          every event of it',
  '  --workers N      threads that play at once (2)',
  '  --guards         also the kill table: which seed goes red without each guard',
  '  --guard NAME     without that guard alone; with --seed, the seed is played without it',
  '  --guard-seeds N  how many seeds a guard may survive (1000)',
  '  --record         keeps the seeds that the kill table found in tests/sim/killing-seeds.json',
  '  --all            go on behind a red seed',
  '  --json           the outcome as JSON on standard output',
].join('\n');

const options = {
  seeds: { type: 'string', default: '1000' },
  from: { type: 'string', default: '1' },
  seed: { type: 'string' },
  trace: { type: 'boolean', default: false },
  workers: { type: 'string', default: '2' },
  guards: { type: 'boolean', default: false },
  guard: { type: 'string' },
  'guard-seeds': { type: 'string', default: '1000' },
  record: { type: 'boolean', default: false },
  all: { type: 'boolean', default: false },
  json: { type: 'boolean', default: false },
  help: { type: 'boolean', default: false },
} as const;

export function readArguments(argv: readonly string[]): Read {
  let values: ReturnType<typeof parse>;
  try {
    values = parse(argv);
  } catch (error) {
    return { kind: 'mistake', problem: error instanceof Error ? error.message : String(error) };
  }
  if (values.help) return { kind: 'help' };
  const { seed, trace, guards, guard, record, all, json } = values;
  const numbers = [values.seeds, values.from, values.workers, values['guard-seeds'], seed ?? '1'];
  const wrong = numbers.find((text) => !/^\d{1,9}$/.test(text) || Number(text) === 0);
  if (wrong !== undefined)
    return { kind: 'mistake', problem: `"${wrong}" is no whole number above 0` };
  if (trace && seed === undefined)
    return { kind: 'mistake', problem: '--trace needs --seed: traces are long' };
  const one = seed === undefined ? undefined : { from: Number(seed), seeds: 1 };
  return {
    kind: 'run',
    arguments: {
      from: Number(values.from),
      seeds: Number(values.seeds),
      ...one,
      workers: Number(values.workers),
      guardSeeds: Number(values['guard-seeds']),
      trace,
      guards,
      guard,
      record,
      all,
      json,
    },
  };
}

const parse = (argv: readonly string[]) => parseArgs({ args: [...argv], options }).values;
