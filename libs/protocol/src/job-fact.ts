/**
 * What a fact about a job makes of it: only the session that holds the current attempt has a say, and only while it has the job
 * in hand. Invariant 2.
 */
import { withdrawn } from './approval.ts';
import { type Attempt, waitedUntil } from './attempt.ts';
import { isDecidedFor, isInHand, isLaterSession, isOfAttempt, isOfSession } from './guards.ts';
import type { Job } from './job.ts';
import { currentAttempt, ended, requeued, silenceMs, taken, untaken, withCurrent } from './job.ts';
import { waiting } from './job-approval.ts';
import { away } from './job-decision.ts';
import { type WorkFact, withArtifact } from './job-work.ts';
import { failed, givenUp, stopped } from './retry.ts';
import type { RunCreated } from './run-created.ts';
import type { RunEventOf } from './run-message.ts';
import { isTerminalJob } from './states.ts';
import { OVER_TIME, reasonIn, recordIn, saysOverTime } from './status-data.ts';
import { withStep } from './step.ts';
import type { Judged, Void } from './void.ts';

/** The agent is back on a newer socket. Equal for resumed and absent: same agent, later session. */
function returned(job: Job, event: RunEventOf<'agent.resumed' | 'agent.absent'>): Attempt | Void {
  const current = currentAttempt(job);
  if (current === undefined || !isOfAttempt(event.meta.attempt, current)) return 'stale-attempt';
  if (!isInHand(job.state)) return 'stale-attempt';
  return isLaterSession(event.meta, current) ? current : 'foreign-session';
}

export function resumed(job: Job, event: RunEventOf<'agent.resumed'>): Judged {
  const current = returned(job, event);
  if (typeof current === 'string') return current;
  const session = event.meta.session ?? current.session;
  if (event.body.keepsApprovals === true) return taken(job, { ...current, session }, event.at);
  // Its waits failed with the connection, and their answers may never have been stored: one that still waits asks again.
  const back = { ...job, approvals: withdrawn(job.approvals, event.at) };
  return taken(back, { ...waitedUntil(current, event.at), session }, event.at);
}

export function absent(job: Job, event: RunEventOf<'agent.absent'>, run: RunCreated): Judged {
  const current = returned(job, event);
  if (typeof current === 'string') return current;
  const { at } = event;
  return job.state === 'offered'
    ? requeued(job, current, { resolution: 'withdrawn', cause: 'agent_absent', at }, run)
    : // It does not have the job any more: nothing of it is at work.
      gone(job, at, 0);
}

/** The work is lost with its agent. */
const gone = (job: Job, at: number, workedUntil: number): Job =>
  givenUp(job, 'agent_lost', {
    state: 'failed',
    at,
    failure: 'agent_lost',
    cause: 'agent_lost',
    workedUntil,
  });

type HeardEvent = RunEventOf<
  | 'job.ack'
  | 'job.reject'
  | 'job.status'
  | 'job.unsent'
  | 'step.status'
  | 'agent.lost'
  | 'agent.heard'
  | 'approval.requested'
  | WorkFact
>;

/** Facts of the session that holds the attempt. The fence: a session that lost its offer must not touch its successor's. */
export function heard(job: Job, event: HeardEvent, run: RunCreated): Judged {
  const current = currentAttempt(job);
  if (current === undefined || !isOfAttempt(event.meta.attempt, current)) return 'stale-attempt';
  if (!isOfSession(event.meta.session, current)) return 'foreign-session';
  if (!isInHand(job.state)) return 'not-offered';
  switch (event.type) {
    case 'job.reject':
      return rejected(job, current, event, run);
    case 'job.unsent':
      return unsent(job, current, event);
    case 'agent.lost':
      return lost(job, current, event, run);
    case 'job.status':
      return status(taken(job, current, event.at), event);
    case 'step.status':
      return step(taken(job, current, event.at), event);
    case 'artifact.stored':
      return withArtifact(taken(job, current, event.at), event);
    case 'approval.requested':
      return waiting(taken(job, current, event.at), event, run);
    default:
      return taken(job, current, event.at);
  }
}

/** `busy` of an agent that never showed that it has room tells more of what we knew than of the job: it costs nothing. */
function rejected(
  job: Job,
  current: Attempt,
  event: RunEventOf<'job.reject'>,
  run: RunCreated,
): Judged {
  if (!isDecidedFor(job.state, ['offered'])) return 'not-offered';
  const cause = event.body.reason;
  const how = { resolution: 'rejected', cause, at: event.at } as const;
  const isFree = cause === 'busy' && current.room === 'assumed';
  return requeued(job, current, isFree ? { ...how, free: 'busy' } : how, run);
}

/** What cannot be written to this agent can be written to no other: the job ends, and nobody's silence is waited for or counted. */
function unsent(job: Job, current: Attempt, { body, at }: RunEventOf<'job.unsent'>): Judged {
  if (!isDecidedFor(job.state, ['offered'])) return 'not-offered';
  const { cause } = body;
  const withdrawn = untaken(job, current, { resolution: 'withdrawn', cause, at });
  return job.cancel === null
    ? ended(withdrawn, 'failed', at, cause)
    : ended(withdrawn, 'cancelled', at, 'cancelled');
}

function lost(
  job: Job,
  current: Attempt,
  event: RunEventOf<'agent.lost'>,
  run: RunCreated,
): Judged {
  const { scalerManaged } = event.body;
  const { at } = event;
  if (job.state === 'offered')
    // A static agent may come back and answer in time: its offer stays open to its deadline.
    return scalerManaged
      ? requeued(job, current, { resolution: 'withdrawn', cause: 'agent_lost', at }, run)
      : withCurrent(job, { ...current, away: true });
  // Its host is gone as far as the scaler says; whatever is left of it ends with its lease.
  if (scalerManaged) {
    const left = withCurrent(job, { ...current, away: true });
    return gone(left, at, at + silenceMs(job.spec, run));
  }
  return job.state === 'recovering' ? 'not-running' : away(job, current, at, run);
}

function status(job: Job, event: RunEventOf<'job.status'>): Job {
  const { state, data } = event.body;
  const { at } = event;
  if (state === 'cancelling') return { ...job, state };
  if (!isTerminalJob(state)) return job;
  const { secretOutputs = {} } = event.body;
  const done = { ...job, outputs: recordIn(data, 'outputs'), secretOutputs };
  const stop = currentAttempt(job)?.stop ?? null;
  if (state === 'cancelled' && stop !== null) return stopped(done, stop, at);
  if (state === 'failed') {
    const cause = stop?.reason === OVER_TIME || saysOverTime(data) ? OVER_TIME : state;
    return failed(done, { state, at, failure: reasonIn(data) ?? cause, cause, workedUntil: 0 });
  }
  return ended(done, state, at, state === 'success' ? null : (reasonIn(data) ?? state));
}

function step(job: Job, event: RunEventOf<'step.status'>): Judged {
  const steps = withStep(job.steps, event);
  if (steps === undefined) return 'step-ended';
  return { ...job, steps, logBytes: job.logBytes + (event.body.logBytesStreamed ?? 0) };
}
