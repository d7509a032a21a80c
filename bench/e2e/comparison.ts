/**
 * The whole service beside the floor, in both durability profiles: the same load on each, in turn,
 * every run on fresh streams and a fresh database, and checked for what it has written.
 */
import type { Servers } from '@waybill/embedded';
import type { BenchArguments, Durability } from '../arguments.ts';
import { floorPlan } from '../floor/plan.ts';
import { alternate, settleDisk } from '../measure/alternation.ts';
import { type Measured, type Pipeline, type Plan, startPipeline } from '../measure/pipeline.ts';
import { rounded } from '../measure/table.ts';
import { e2ePlan } from './plan.ts';

export type Run = Readonly<{
  pipeline: Plan['name'];
  durability: Durability;
  rep: number;
  flatOut: Measured;
  paced: readonly Measured[];
}>;

export type Context = Readonly<{
  postgres: Servers['postgres'];
  natsServerBin: string | undefined;
  signal: AbortSignal;
  /** One line of progress. */
  say: (line: string) => void;
}>;

/** Code is compiled and connections are warm before anything counts. */
const warmUpJobs = 300;
const pacedMs = 4_000;
const defaultBudgetMs = 300_000;

export const pacedJobs = (rate: number): number => Math.ceil((rate * pacedMs) / 1_000);

export function compare(o: BenchArguments, context: Context): Promise<readonly Run[]> {
  const variants = o.durabilities.flatMap((durability) =>
    [floorPlan, e2ePlan].map((plan) => ({ plan, durability })),
  );
  return alternate({
    variants,
    reps: o.reps,
    withinMs: o.isDefault ? defaultBudgetMs : undefined,
    settle: settleDisk,
    run: ({ plan, durability }, rep) => runOnce({ plan, durability, rep }, o, context),
  });
}

type Turn = Readonly<{ plan: Plan; durability: Durability; rep: number }>;

async function runOnce(
  { plan, durability, rep }: Turn,
  o: BenchArguments,
  context: Context,
): Promise<Run> {
  const run = await withPipeline(plan, durability, context, async ({ measure, verify }) => {
    await measure({ jobs: warmUpJobs });
    const paced: Measured[] = [];
    for (const rate of o.rates) paced.push(await measure({ jobs: pacedJobs(rate), rate }));
    const flatOut = await measure({ jobs: jobsOf(o, durability) });
    await verify();
    return { pipeline: plan.name, durability, rep, flatOut, paced };
  });
  context.say(
    `repetition ${rep + 1} of ${o.reps}: ${plan.name} ${durability}, ${rounded(run.flatOut.jobsPerSecond)} jobs/s`,
  );
  return run;
}

export const jobsOf = ({ jobs }: BenchArguments, durability: Durability): number =>
  durability === 'strict' ? Math.ceil(jobs / 2) : jobs;

/** Whatever happens, what was started is ended before this is answered. */
export async function withPipeline<R>(
  plan: Plan,
  durability: Durability,
  { postgres, natsServerBin, signal }: Context,
  use: (pipeline: Pipeline) => Promise<R>,
): Promise<R> {
  signal.throwIfAborted();
  const pipeline = await startPipeline(plan, { durability, postgres, natsServerBin });
  const { promise: aborted, reject } = Promise.withResolvers<never>();
  const abort = (): void => reject(signal.reason);
  signal.addEventListener('abort', abort, { once: true });
  try {
    signal.throwIfAborted();
    return await Promise.race([use(pipeline), aborted]);
  } finally {
    signal.removeEventListener('abort', abort);
    await pipeline.stop();
  }
}
