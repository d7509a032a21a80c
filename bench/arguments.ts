/** What `npm run bench` is asked for, read from its arguments. Pure; every mistake is a sentence. */
import { parseArgs } from 'node:util';

export const suites = {
  e2e: 'jobs/s and dispatch latency of the whole service, as ratios to our own leanest pipeline',
  restart: 'start time and memory with many live jobs, from the log and from a snapshot',
  sockets: 'memory of idle agents, ten thousand that come back at once, and some that do not read',
} as const;
export type Suite = keyof typeof suites;

export const durabilities = ['strict', 'fast'] as const;
export type Durability = (typeof durabilities)[number];

export type BenchArguments = Readonly<{
  suite: Suite;
  /** Flat out, in the fast profile; the strict one gets half. Of a restart: that are live; of sockets: that run in a storm. */
  jobs: number;
  /** Agents that are connected. */
  sockets: number;
  /** Small numbers that show that it works and measure nothing: nothing is kept. */
  quick: boolean;
  reps: number;
  /** Runs a second at which latency is measured. */
  rates: readonly number[];
  durabilities: readonly Durability[];
  json: boolean;
  profile: boolean;
  /** Nothing was asked for that takes longer than the default. */
  isDefault: boolean;
}>;

export type ReadArguments =
  | Readonly<{ kind: 'run'; arguments: BenchArguments }>
  | Readonly<{ kind: 'help' }>
  | Mistake;
type Mistake = Readonly<{ kind: 'mistake'; problem: string }>;

const defaults = {
  jobs: { e2e: '2000', restart: '100000', sockets: '500' },
  sockets: '10000',
  reps: '3',
  rate: '50,200',
};
const quick = { jobs: '10', sockets: '50', reps: '1', rate: '20' };

export const usage = [
  'usage: npm run bench -- <suite> [options]',
  '',
  'suites',
  ...Object.entries(suites).map(([name, question]) => `  ${name.padEnd(7)}   ${question}`),
  '',
  'options',
  `  --jobs N          e2e: jobs of a run flat out (${defaults.jobs.e2e}; the strict profile gets half)`,
  `                    restart: live jobs (${defaults.jobs.restart})`,
  `                    sockets: jobs that run while their gateway is away (${defaults.jobs.sockets})`,
  `  --sockets N       sockets: agents that are connected (${defaults.sockets})`,
  '  --quick           sockets: a few agents, to see that it works; keeps no numbers',
  `  --reps R          repetitions; e2e alternates forwards and backwards (${defaults.reps})`,
  `  --rate r[,r]      e2e, sockets: jobs a second at which latency is measured (${defaults.rate}; sockets the first)`,
  '  --durability p    strict or fast alone; when left out, e2e takes both and the others fast',
  '  --profile         e2e: also one run under the CPU profiler, summarised',
  '  --json            the numbers as JSON on standard output, progress on standard error',
].join('\n');

export function readArguments(argv: readonly string[]): ReadArguments {
  let parsed: ReturnType<typeof parse>;
  try {
    parsed = parse(argv);
  } catch (error) {
    return mistake(error instanceof Error ? error.message : String(error));
  }
  const { values, positionals } = parsed;
  if (values.help === true) return { kind: 'help' };
  const suite = suiteOf(positionals);
  if (typeof suite !== 'string') return suite;
  const numbers = numbersOf(suite, values);
  if ('kind' in numbers) return numbers;
  const { durability } = values;
  if (durability !== undefined && !isDurability(durability))
    return mistake(`--durability is ${durabilities.join(' or ')}`);
  return {
    kind: 'run',
    arguments: {
      suite,
      ...numbers,
      durabilities: durability === undefined ? durabilities : [durability],
      json: values.json === true,
      profile: values.profile === true,
      quick: values.quick === true,
      isDefault: [values.jobs, values.reps, values.rate].every((value) => value === undefined),
    },
  };
}

function suiteOf([suite, ...more]: readonly string[]): Suite | Mistake {
  if (suite === undefined) return mistake('name a suite');
  if (!isSuite(suite)) return mistake(`there is no suite "${suite}"`);
  return more.length === 0 ? suite : mistake(`one suite at a time, not also "${more.join(' ')}"`);
}

type Numbers = Pick<BenchArguments, 'jobs' | 'sockets' | 'reps' | 'rates'>;
type Texts = Readonly<{
  jobs?: string | undefined;
  sockets?: string | undefined;
  quick?: boolean | undefined;
  reps?: string | undefined;
  rate?: string | undefined;
}>;

function numbersOf(suite: Suite, texts: Texts): Numbers | Mistake {
  const assumed = texts.quick === true ? quick : { ...defaults, jobs: defaults.jobs[suite] };
  const jobs = wholeNumber(texts.jobs ?? assumed.jobs);
  const sockets = wholeNumber(texts.sockets ?? assumed.sockets);
  const reps = wholeNumber(texts.reps ?? assumed.reps);
  const rates = (texts.rate ?? assumed.rate).split(',').map(wholeNumber);
  if (jobs === undefined) return mistake('--jobs is a whole number above 0');
  if (sockets === undefined) return mistake('--sockets is a whole number above 0');
  if (reps === undefined) return mistake('--reps is a whole number above 0');
  if (!rates.every((rate) => rate !== undefined))
    return mistake('--rate is one or more whole numbers above 0');
  return { jobs, sockets, reps, rates };
}

const parse = (argv: readonly string[]) =>
  parseArgs({
    args: [...argv],
    allowPositionals: true,
    options: {
      jobs: { type: 'string' },
      sockets: { type: 'string' },
      quick: { type: 'boolean' },
      reps: { type: 'string' },
      rate: { type: 'string' },
      durability: { type: 'string' },
      profile: { type: 'boolean' },
      json: { type: 'boolean' },
      help: { type: 'boolean', short: 'h' },
    },
  });

const mistake = (problem: string): Mistake => ({ kind: 'mistake', problem });
const isSuite = (name: string): name is Suite => Object.hasOwn(suites, name);
const isDurability = (name: string): name is Durability =>
  durabilities.some((each) => each === name);

function wholeNumber(text: string): number | undefined {
  return /^[1-9]\d{0,8}$/.test(text) ? Number(text) : undefined;
}
