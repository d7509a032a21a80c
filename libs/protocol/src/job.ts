/**
 * One job of a run: what is known of it, and the few ways in which it moves on. Immutable: a change is another value.
 * Which event moves it is judged in `job-judgement.ts`; whether ended work is done again in `retry.ts`.
 */
import type { Attempt } from './attempt.ts';
import { fraction } from './hash.ts';
import { notBefore } from './instant.ts';
import type { JobSpec, RunCreated } from './run-created.ts';
import { isHeldJob, type JobState } from './states.ts';
import type { Step } from './step.ts';
import { closedSteps } from './step.ts';

/** A person asked for the end of it. What no agent has ends at once, the rest when its agent says so or is given up. */
export type Cancel = Readonly<{ at: number; reason: string | null; by: string; force: boolean }>;

export type Job = Readonly<{
  spec: JobSpec;
  state: JobState;
  attempts: readonly Attempt[];
  /** Of the current attempt. */
  steps: readonly Step[];
  /** Offers that nobody took up since work on it last ended, by cause; their sum is held against the run's `offersMax`. */
  spent: Readonly<{ expired: number; rejected: number; withdrawn: number }>;
  /** Those that cost nothing, since then: the agent was full beyond what anybody knew, or the loss was ours. */
  unspent: Readonly<{ busy: number; lapsed: number }>;
  /** How often ended work was done again, by the index of the policy. */
  retried: readonly number[];
  cancel: Cancel | null;
  /** A queued job is not offered before this server time: the end of a backoff, or of an agent's lease. */
  notBefore: number;
  /** An agent that was given up may be at work until then: an offer that does not lie behind it is void. */
  workedUntil: number;
  queuedAt: number | null;
  /** Since when it waits for an agent to take it; offers that come to nothing do not begin the wait anew. */
  waitsSince: number | null;
  /** When an agent first took it up; doing it again does not begin it anew. */
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
  unspent: { busy: 0, lapsed: 0 },
  retried: [],
  cancel: null,
  notBefore: 0,
  workedUntil: 0,
  queuedAt: spec.needs.length === 0 ? at : null,
  waitsSince: spec.needs.length === 0 ? at : null,
  startedAt: null,
  completedAt: null,
  failure: null,
  outputs: {},
});

export const currentAttempt = (job: Job): Attempt | undefined => job.attempts.at(-1);
export const offersSpent = (job: Job): number =>
  job.spent.expired + job.spent.rejected + job.spent.withdrawn;
export const retriesUsed = (job: Job): number => job.retried.reduce((sum, each) => sum + each, 0);

/** Whether an agent works on it, or may: what counts against the agent's capacity. */
export const isHeld = (job: Job): boolean => isHeldJob(job.state);

/** States in which it waits for something of ours: what a cancel ends without asking anybody. */
export const UNTOUCHED = ['pending', 'held', 'waiting', 'queued'] as const;
const untouched: ReadonlySet<JobState> = new Set(UNTOUCHED);
export const isUntouched = ({ state }: Job): boolean => untouched.has(state);

/** How long it may be silent while an agent has it; so long is also the lease that each heartbeat gives that agent. */
export const silenceMs = (spec: JobSpec, run: Pick<RunCreated, 'staleMs'>): number =>
  spec.heartbeatTimeoutMs ?? run.staleMs;

/** When it has waited for an agent for as long as it may. */
export const waitsUntil = ({ state, waitsSince, spec }: Job): number | undefined =>
  state !== 'queued' || waitsSince === null || spec.queueTimeoutMs === undefined
    ? undefined
    : waitsSince + spec.queueTimeoutMs;

export const withCurrent = (job: Job, attempt: Attempt): Job => ({
  ...job,
  attempts: [...job.attempts.slice(0, -1), attempt],
});

/** The needs of a pending job are met. */
export const queued = (job: Job, at: number): Job => ({
  ...job,
  state: 'queued',
  queuedAt: at,
  waitsSince: at,
});

/** How an offer came to nothing. `free`: it costs nothing, for this cause. */
export type Untaken = Readonly<{
  resolution: 'rejected' | 'expired' | 'withdrawn';
  cause: string;
  at: number;
  free?: keyof Job['unspent'];
}>;

/** Back to the queue, or ended where its budget of offers is spent or somebody cancelled it: decided by the fold, in the same event. */
export function requeued(job: Job, current: Attempt, how: Untaken, run: RunCreated): Job {
  const { resolution, at, free } = how;
  const next: Job = {
    ...untaken(job, current, how),
    ...(free === undefined
      ? { spent: { ...job.spent, [resolution]: job.spent[resolution] + 1 } }
      : { unspent: { ...job.unspent, [free]: job.unspent[free] + 1 } }),
  };
  if (job.cancel !== null) return ended(next, 'cancelled', at, 'cancelled');
  if (offersSpent(next) >= run.offersMax) return ended(next, 'failed', at, 'offers_exhausted');
  const rejects = next.spent.rejected + next.unspent.busy;
  const wait =
    resolution === 'rejected'
      ? backoffMs(rejects, REJECT_BACKOFF, `${job.spec.jobId}:${current.attempt}`)
      : 0;
  return { ...next, state: 'queued', queuedAt: at, notBefore: at + wait };
}

export const untaken = (job: Job, current: Attempt, { resolution, cause, at }: Untaken): Job =>
  withCurrent(job, {
    ...current,
    resolution,
    cause,
    resolvedAt: notBefore(current.offeredAt, at),
  });

export type Backoff = Readonly<{ baseMs: number; capMs: number }>;
const REJECT_BACKOFF: Backoff = { baseMs: 500, capMs: 30_000 };

/** Doubles with every time up to the cap, jittered by half through a hash: every reader computes the same. */
export function backoffMs(times: number, { baseMs, capMs }: Backoff, seed: string): number {
  const full = Math.min(capMs, baseMs * 2 ** Math.min(times - 1, 30));
  return Math.round(full * (0.5 + fraction(seed) / 2));
}

export function ended(job: Job, state: JobState, at: number, failure: string | null): Job {
  const completedAt = notBefore(job.startedAt, notBefore(job.queuedAt, at));
  const closed = withOutcome(job, state, completedAt);
  return { ...closed, state, steps: closedSteps(job.steps, state, at), completedAt, failure };
}

/** Work that was begun has an outcome; an offer that nobody took up has none. */
export function withOutcome(job: Job, outcome: JobState, at: number): Job {
  const current = currentAttempt(job);
  if (current?.resolution !== 'accepted' || current.outcome !== null) return job;
  return withCurrent(job, {
    ...current,
    outcome,
    endedAt: notBefore(current.startedAt, at),
    waitingSince: null,
    approvals: [],
  });
}
