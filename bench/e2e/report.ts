/** What the comparison says, as tables and as one document: medians over repetitions, and ratios within each repetition. Pure. */
import type { Durability } from '../arguments.ts';
import { type Measured, type ProcessName, processNames } from '../measure/pipeline.ts';
import { median, ratios, type Spread, spread } from '../measure/statistics.ts';
import { type TableRow, table, withRange } from '../measure/table.ts';
import type { Run } from './comparison.ts';

export type Latency = Readonly<{
  /** Null: flat out. */
  rate: number | null;
  p50Ms: Spread;
  p99Ms: Spread;
  /** Jobs a second that were really done. */
  achieved: Spread;
}>;

export type Figures = Readonly<{
  jobsPerSecond: Spread;
  latencies: readonly Latency[];
  /** Microseconds a job, flat out; null where there is no `/proc`. */
  cpuMicros: Readonly<Record<ProcessName | 'all', Spread>> | null;
}>;

export type ClassReport = Readonly<{
  durability: Durability;
  floor: Figures;
  e2e: Figures;
  /** The whole service as a multiple of the floor, of the same repetition each. */
  ratios: Readonly<{
    jobsPerSecond: Spread;
    latencies: readonly Readonly<{ rate: number | null; p50: Spread; p99: Spread }>[];
    cpuAll: Spread | null;
  }>;
}>;

export function report(runs: readonly Run[]): readonly ClassReport[] {
  const durabilities = [...new Set(runs.map(({ durability }) => durability))];
  return durabilities.map((durability) => classReport(durability, runs));
}

function classReport(durability: Durability, runs: readonly Run[]): ClassReport {
  const of = (pipeline: Run['pipeline']): readonly Run[] =>
    runs
      .filter((run) => run.pipeline === pipeline && run.durability === durability)
      .toSorted((a, b) => a.rep - b.rep);
  const floor = of('floor');
  const e2e = of('e2e');
  const ratio = (value: (run: Run) => number): Spread =>
    spread(ratios(e2e.map(value), floor.map(value)));
  return {
    durability,
    floor: figures(floor),
    e2e: figures(e2e),
    ratios: {
      jobsPerSecond: ratio((run) => run.flatOut.jobsPerSecond),
      latencies: loads(floor).map((rate) => ({
        rate,
        p50: ratio((run) => underLoad(run, rate)?.dispatchP50Ms ?? Number.NaN),
        p99: ratio((run) => underLoad(run, rate)?.dispatchP99Ms ?? Number.NaN),
      })),
      cpuAll: hasCpu(runs) ? ratio((run) => cpuAll(run.flatOut)) : null,
    },
  };
}

const figures = (runs: readonly Run[]): Figures => ({
  jobsPerSecond: spread(runs.map(({ flatOut }) => flatOut.jobsPerSecond)),
  latencies: loads(runs).map((rate) => {
    const measured = runs.flatMap((run) => underLoad(run, rate) ?? []);
    return {
      rate,
      p50Ms: spread(measured.map(({ dispatchP50Ms }) => dispatchP50Ms)),
      p99Ms: spread(measured.map(({ dispatchP99Ms }) => dispatchP99Ms)),
      achieved: spread(measured.map(({ jobsPerSecond }) => jobsPerSecond)),
    };
  }),
  cpuMicros: hasCpu(runs) ? cpuFigures(runs) : null,
});

function cpuFigures(runs: readonly Run[]): Readonly<Record<ProcessName | 'all', Spread>> {
  const of = (name: ProcessName): Spread =>
    spread(runs.map(({ flatOut }) => flatOut.cpuMicros?.[name] ?? Number.NaN));
  return {
    service: of('service'),
    agents: of('agents'),
    producer: of('producer'),
    nats: of('nats'),
    postgres: of('postgres'),
    all: spread(runs.map(({ flatOut }) => cpuAll(flatOut))),
  };
}

const loads = (runs: readonly Run[]): readonly (number | null)[] => [
  ...(runs[0]?.paced.map(({ rate }) => rate ?? null) ?? []),
  null,
];

const underLoad = (run: Run, rate: number | null): Measured | undefined =>
  rate === null ? run.flatOut : run.paced.find((each) => each.rate === rate);

const hasCpu = (runs: readonly Run[]): boolean =>
  runs.every(({ flatOut }) => flatOut.cpuMicros !== undefined);

const cpuAll = ({ cpuMicros }: Measured): number =>
  cpuMicros === undefined
    ? Number.NaN
    : processNames.reduce((sum, name) => sum + cpuMicros[name], 0);

export function tables(classes: readonly ClassReport[]): string {
  const text = [
    table(
      'Jobs per second, flat out: first request to last row in Postgres',
      classes.flatMap(throughputRows),
    ),
    table(
      'Dispatch latency in ms: request sent to frame in the agent',
      classes.flatMap(latencyRows),
    ),
  ];
  if (classes.some(({ e2e }) => e2e.cpuMicros !== null))
    text.push(table('CPU in µs per job, flat out', classes.flatMap(cpuRows)));
  else text.push('CPU per job is not shown: this system has no /proc.\n');
  return text.join('\n');
}

const throughputRows = ({ durability, floor, e2e, ratios }: ClassReport): readonly TableRow[] => [
  {
    profile: durability,
    pipeline: 'floor',
    'jobs/s': withRange(floor.jobsPerSecond),
    'x of floor': 1,
  },
  {
    profile: durability,
    pipeline: 'e2e',
    'jobs/s': withRange(e2e.jobsPerSecond),
    'x of floor': withRange(ratios.jobsPerSecond),
  },
];

function latencyRows({ durability, floor, e2e, ratios }: ClassReport): readonly TableRow[] {
  return e2e.latencies.map(({ rate, p50Ms, p99Ms, achieved }, index) => ({
    profile: durability,
    load:
      rate === null ? 'flat out' : `${rate}/s${isBehind(achieved, rate) ? ' (not reached)' : ''}`,
    'floor p50': floor.latencies[index]?.p50Ms.median ?? Number.NaN,
    'floor p99': floor.latencies[index]?.p99Ms.median ?? Number.NaN,
    'e2e p50': withRange(p50Ms),
    'e2e p99': withRange(p99Ms),
    'p50 x of floor': ratios.latencies[index]?.p50.median ?? Number.NaN,
    'p99 x of floor': ratios.latencies[index]?.p99.median ?? Number.NaN,
  }));
}

/** The last row comes a little after the last request, hence the tolerance. */
const isBehind = (achieved: Spread, rate: number): boolean => achieved.median < 0.85 * rate;

function cpuRows({ durability, floor, e2e, ratios }: ClassReport): readonly TableRow[] {
  const row = (pipeline: string, { cpuMicros }: Figures, share: number): readonly TableRow[] => {
    if (cpuMicros === null) return [];
    const cells = Object.entries(cpuMicros).map(([name, { median }]) => [name, median] as const);
    return [{ profile: durability, pipeline, ...Object.fromEntries(cells), 'x of floor': share }];
  };
  return [...row('floor', floor, 1), ...row('e2e', e2e, ratios.cpuAll?.median ?? median([]))];
}
