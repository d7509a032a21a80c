/**
 * One job of a run: what is known of it, and the few ways in which it moves on. Immutable: a change is another value.
 * Which event moves it is judged in `job-judgement.ts`; whether ended work is done again in `retry.ts`.
 */
import { type Approval, holdOf, noApprovals, withdrawn } from './approval.ts';
import type { Attempt } from './attempt.ts';
import type { SealedOutput } from './fact-body.ts';
import { fraction } from './hash.ts';
import { notBefore } from './instant.ts';
import type { JobSpec, RunCreated } from './run-created.ts';
import { isHeldJob, type JobState } from './states.ts';
import type { Step } from './step.ts';
import { closedSteps } from './step.ts';
import { noUsage, type Usage } from './usage.ts';
import type { ArtifactStored } from './work-body.ts';

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
  /** What people were asked about it, the first first; of all its attempts. */
  approvals: readonly Approval[];
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
  /** Sealed to the key of the run; only a gateway that writes a frame opens them. */
  secretOutputs: Readonly<Record<string, SealedOutput>>;
  /** Of all its attempts: what was used was used. */
  usage: Usage;
  logBytes: number;
  /** What it has left behind, of all its attempts; the first `artifactsMax`. */
  artifacts: readonly ArtifactRef[];
}>;

export type ArtifactRef = Readonly<
  Pick<ArtifactStored, 'name' | 'uri' | 'sha256' | 'sizeBytes'> & { mediaType: string | null }
>;
/** Of one job, in the fold: all of them are in the log, and in their table. */
export const artifactsMax = 1_000;

type Pinned = Pick<RunCreated, 'approvalTimeoutMs'>;

/** A job of a run that was just created. Those without needs are born queued, or held; the others wait for `job.queued`. */
export const newJob = (spec: JobSpec, at: number, run: Pinned = {}): Job => {
  const job = pendingJob(spec);
  return spec.needs.length === 0 ? unbound(job, at, run) : job;
};

const pendingJob = (spec: JobSpec): Job => ({
  spec,
  state: 'pending',
  attempts: [],
  steps: [],
  spent: { expired: 0, rejected: 0, withdrawn: 0 },
  unspent: { busy: 0, lapsed: 0 },
  retried: [],
  approvals: noApprovals,
  cancel: null,
  notBefore: 0,
  workedUntil: 0,
  queuedAt: null,
  waitsSince: null,
  startedAt: null,
  completedAt: null,
  failure: null,
  outputs: {},
  secretOutputs: {},
  usage: noUsage,
  logBytes: 0,
  artifacts: [],
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

/** Any word of the attempt but a reject accepts the offer, and shows that a recovering job is not lost. */
export function taken(job: Job, current: Attempt, at: number): Job {
  return {
    ...withCurrent(job, {
      ...current,
      resolution: current.resolution ?? 'accepted',
      resolvedAt: current.resolvedAt ?? notBefore(current.offeredAt, at),
      startedAt: current.startedAt ?? at,
      heardAt: notBefore(current.heardAt, at),
      away: false,
      recoverUntil: null,
    }),
    state: job.state === 'cancelling' ? 'cancelling' : 'running',
    startedAt: job.startedAt ?? at,
    failure: null,
  };
}

/** The needs of a pending job are met: it waits for an agent, but where people are asked first, for them. */
export const unbound = (job: Job, at: number, run: Pinned): Job =>
  job.spec.approval === undefined
    ? queued(job, at)
    : {
        ...job,
        state: 'held',
        approvals: [holdOf(job.spec.jobId, job.spec.approval, at, run)],
      };

/** It waits for an agent. */
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
  return {
    ...closed,
    state,
    steps: closedSteps(job.steps, state, at),
    approvals: withdrawn(job.approvals, at),
    completedAt,
    failure,
  };
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
  });
}
