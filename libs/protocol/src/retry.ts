/**
 * Work that came to an end without success, and whether it is done again: by the first of the job's policies that fits the cause
 * and the exit code. A counter of its own: the budget of offers is about agents that did not take the job up, and is whole again
 * each time that it is done. Decided by the fold.
 */
import { withdrawn } from './approval.ts';
import type { Stop } from './attempt.ts';
import { backoffMs, currentAttempt, ended, type Job, withCurrent, withOutcome } from './job.ts';
import type { RetryCause, RetryPolicy } from './run-created.ts';
import type { JobState } from './states.ts';
import { closedSteps } from './step.ts';

export type Failed = Readonly<{
  state: Extract<JobState, 'failed' | 'timed_out_stale'>;
  at: number;
  failure: string;
  cause: RetryCause;
  /** Its agent may be at work until this server time: nobody else begins before it. 0 where its agent itself says that it has ended. */
  workedUntil: number;
}>;

/** Queued again, or ended for good. */
export function failed(job: Job, how: Failed): Job {
  const index = policyFor(job, how.cause);
  const policy = policiesOf(job)[index];
  if (policy === undefined) return ended(job, how.state, how.at, how.failure);
  const past = withPastSteps(withOutcome(job, how.state, how.at), how);
  const retried = policiesOf(job).map((_, at) => (job.retried[at] ?? 0) + (at === index ? 1 : 0));
  const wait = backoffMs(
    retried[index] ?? 1,
    { baseMs: policy.backoffMs, capMs: policy.backoffMaxMs },
    `${job.spec.jobId}:retry:${job.attempts.length}`,
  );
  const notBefore = Math.max(how.at + wait, how.workedUntil + 1);
  return {
    ...past,
    state: 'queued',
    approvals: withdrawn(job.approvals, how.at),
    retried,
    // Its attempts keep what became of the offers before.
    spent: { expired: 0, rejected: 0, withdrawn: 0 },
    unspent: { busy: 0, lapsed: 0 },
    queuedAt: how.at,
    // While it is held back, it does not wait for an agent.
    waitsSince: notBefore,
    notBefore,
    workedUntil: how.workedUntil,
    failure: how.failure,
    outputs: {},
  };
}

/** The steps of what came before stay with its attempt: the next one begins with none. */
function withPastSteps(job: Job, { state, at }: Failed): Job {
  const current = currentAttempt(job);
  if (current === undefined) return job;
  return {
    ...withCurrent(job, { ...current, steps: closedSteps(job.steps, state, at) }),
    steps: [],
  };
}

/** Its agent is given up. Where it was to stop, the job ends as that was meant; else it failed, and may be done again. */
export function givenUp(job: Job, cause: string, how: Failed): Job {
  const current = currentAttempt(job);
  if (current === undefined) return job;
  if (current.stop !== null) return stopped(job, current.stop, how.at, how.workedUntil);
  if (job.cancel !== null) return ended(job, 'cancelled', how.at, 'cancelled');
  return failed(withCurrent(job, { ...current, cause }), how);
}

/** The end of a job that was told to stop: as it was meant, whatever its agent did. */
export function stopped(job: Job, stop: Stop, at: number, workedUntil = 0): Job {
  const current = currentAttempt(job);
  const why = current === undefined ? job : withCurrent(job, { ...current, cause: stop.reason });
  if (stop.outcome === 'cancelled') return ended(why, 'cancelled', at, stop.reason);
  return failed(why, {
    state: 'failed',
    at,
    failure: stop.reason,
    cause: 'job_timeout',
    workedUntil,
  });
}

/** The index of the policy that does it again; -1 for none. One that fits and is used up leaves nothing to those behind it. */
function policyFor(job: Job, cause: RetryCause): number {
  const isToEnd = job.cancel !== null || currentAttempt(job)?.stop?.outcome === 'cancelled';
  if (isToEnd) return -1;
  const code = exitCodeOf(job);
  const index = policiesOf(job).findIndex(
    ({ on, exitCodes }) =>
      on.includes(cause) &&
      (exitCodes === undefined || (code !== undefined && exitCodes.includes(code))),
  );
  return (job.retried[index] ?? 0) < (policiesOf(job)[index]?.max ?? 0) ? index : -1;
}

const policiesOf = (job: Job): readonly RetryPolicy[] => job.spec.retries ?? [];

/** Of the step that failed last. */
const exitCodeOf = (job: Job): number | undefined =>
  job.steps.findLast((step) => step.state === 'failed' && step.exitCode !== null)?.exitCode ??
  undefined;
