/** The runs of a plan: few jobs each, with needs, retries, limits and now and then somebody who cancels. */
import { nobody } from './people.ts';
import type { Random } from './random.ts';
import { agents } from './stage-names.ts';

export type JobPlan = Readonly<{
  name: string;
  runsOn: readonly string[];
  needs: readonly Readonly<{ job: string; on: readonly string[] }>[];
  /** What it does, where that is not left to chance. */
  run: string;
  timeoutMs?: number;
  queueTimeoutMs?: number;
  approval?: Readonly<{ users?: readonly string[]; teams?: readonly string[]; timeoutMs: number }>;
  retries?: number | readonly Readonly<{ on: readonly string[]; max: number; backoffMs: number }>[];
}>;
export type RunPlan = Readonly<{
  atMs: number;
  delivery: string;
  jobs: readonly JobPlan[];
  attemptsMax?: number;
  cancelGraceMs?: number;
  failFast?: boolean;
  cancel?: Readonly<{ afterMs: number; force: boolean }>;
}>;

export const lastRunMs = 12_000;

/** Nothing is said of it: the agent draws. */
export const anyWork = 'work';
export const workFor = (ms: number): string => `work ${Math.round(ms)}`;
/** Of an agent that falls silent, but for these signs of life. */
export const silentWorkFor = (ms: number, beatsMs: readonly number[]): string =>
  `work ${Math.round(ms)} beats ${beatsMs.map(Math.round).join(' ')}`;

/** Of an agent that says busy so many times before it takes the job. */
export const refusedWorkFor = (ms: number, times: number): string =>
  `work ${Math.round(ms)} rejects ${times}`;

/** Some jobs wait for people first. Of a chance of its own: what else is drawn stays as it is. */
export const withHolds = (runs: readonly RunPlan[], random: Random): readonly RunPlan[] =>
  runs.map((run) => ({
    ...run,
    jobs: run.jobs.map((job) =>
      job.run === anyWork && random.chance(holdChance)
        ? { ...job, approval: random.pick(holds) }
        : job,
    ),
  }));

const holdChance = 0.1;
const holds = [
  { timeoutMs: 30_000 },
  { users: ['ada'], teams: ['ops'], timeoutMs: 60_000 },
  { users: [nobody], timeoutMs: 40_000 },
] as const;

export function drawRuns(random: Random, already: number): readonly RunPlan[] {
  const count = already > 0 ? random.whole(0, 1) : random.whole(1, 3);
  return Array.from({ length: count }, (_, index) => drawRun(random, already + index));
}

function drawRun(random: Random, index: number): RunPlan {
  const jobs: JobPlan[] = [];
  for (let at = random.whole(1, 3); at > 0; at--) jobs.push(drawJob(random, jobs));
  return {
    atMs: random.between(300, lastRunMs),
    delivery: `delivery-${index}`,
    jobs,
    ...(random.chance(0.2) ? { attemptsMax: random.whole(1, 6) } : {}),
    ...(random.chance(0.2) ? { failFast: true } : {}),
    ...(random.chance(0.2)
      ? {
          cancelGraceMs: random.whole(500, 8_000),
          cancel: { afterMs: random.between(0, 6_000), force: random.chance(0.3) },
        }
      : {}),
  };
}

function drawJob(random: Random, before: readonly JobPlan[]): JobPlan {
  const upstream = before.at(-1);
  const needs =
    upstream !== undefined && random.chance(0.5)
      ? [{ job: upstream.name, on: random.chance(0.3) ? ['success', 'failed'] : ['success'] }]
      : [];
  return {
    name: `job-${before.length}`,
    runsOn: random.chance(0.25) ? [random.pick(agents)] : ['any'],
    needs,
    run: anyWork,
    ...(random.chance(0.15) ? { timeoutMs: random.whole(500, 6_000) } : {}),
    ...(random.chance(0.1) ? { queueTimeoutMs: random.whole(1_000, 20_000) } : {}),
    ...(random.chance(0.3) ? { retries: random.whole(1, 2) } : {}),
  };
}
