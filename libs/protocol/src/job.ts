/**
 * One job of a run: what is known of it, and the few ways in which it moves on. Immutable: a change is another value.
 * Which event moves it is judged in `job-judgement.ts`.
 */
import type { Attempt } from './attempt.ts';
import { fraction } from './hash.ts';
import type { JobSpec, RunCreated } from './run-created.ts';
import type { JobState } from './states.ts';
import type { Step } from './step.ts';
import { closedSteps } from './step.ts';

export type Job = Readonly<{
  spec: JobSpec;
  state: JobState;
  attempts: readonly Attempt[];
  steps: readonly Step[];
  /** Offers that nobody took up, by cause; their sum is held against the run's `offersMax`. */
  spent: Readonly<{ expired: number; rejected: number; withdrawn: number }>;
  /** A queued job is not offered before this server time. */
  notBefore: number;
  queuedAt: number | null;
  startedAt: number | null;
  completedAt: number | null;
  failure: string | null;
  outputs: Readonly<Record<string, unknown>>;
}>;

/** A job of a run that was just created. Jobs without needs are born queued; the others wait for `job.queued`. */
export const newJob = (spec: JobSpec, at: number): Job => ({
  spec,
  state: spec.needs.length === 0 ? 'queued' : 'pending',
  attempts: [],
  steps: [],
  spent: { expired: 0, rejected: 0, withdrawn: 0 },
  notBefore: 0,
  queuedAt: spec.needs.length === 0 ? at : null,
  startedAt: null,
  completedAt: null,
  failure: null,
  outputs: {},
});

export const currentAttempt = (job: Job): Attempt | undefined => job.attempts.at(-1);
export const offersSpent = (job: Job): number =>
  job.spent.expired + job.spent.rejected + job.spent.withdrawn;

/** Whether an agent works on it, or may: what counts against the agent's capacity. */
export const isHeld = (job: Job): boolean =>
  job.state === 'offered' ||
  job.state === 'running' ||
  job.state === 'recovering' ||
  job.state === 'cancelling';

export const withCurrent = (job: Job, attempt: Attempt): Job => ({
  ...job,
  attempts: [...job.attempts.slice(0, -1), attempt],
});

/** Back to the queue, or failed where the budget of offers is spent: decided by the fold, in the same event. */
export function requeued(job: Job, settled: Attempt, run: RunCreated): Job {
  const resolution = settled.resolution;
  if (resolution === null || resolution === 'accepted') return withCurrent(job, settled);
  const spent = { ...job.spent, [resolution]: job.spent[resolution] + 1 };
  const at = settled.resolvedAt ?? settled.offeredAt;
  const next = { ...withCurrent(job, settled), spent };
  if (offersSpent(next) >= run.offersMax) return ended(next, 'failed', at, 'offers_exhausted');
  const wait =
    resolution === 'rejected'
      ? backoffMs(spent.rejected, `${job.spec.jobId}:${settled.attempt}`)
      : 0;
  return { ...next, state: 'queued', queuedAt: at, notBefore: at + wait };
}

const BACKOFF_BASE_MS = 500;
const BACKOFF_CAP_MS = 30_000;

/** Doubling from half a second to 30 s, jittered by half through a hash: every reader computes the same. */
function backoffMs(rejects: number, seed: string): number {
  const full = Math.min(BACKOFF_CAP_MS, BACKOFF_BASE_MS * 2 ** Math.min(rejects - 1, 16));
  return Math.round(full * (0.5 + fraction(seed) / 2));
}

/** Nothing ends before it began, though a clock of the log may step back: durations are never negative. */
export function ended(job: Job, state: JobState, at: number, failure: string | null): Job {
  const completedAt = Math.max(at, job.queuedAt ?? at, job.startedAt ?? at);
  return { ...job, state, steps: closedSteps(job.steps, state, at), completedAt, failure };
}
