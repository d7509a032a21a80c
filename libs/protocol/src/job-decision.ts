/**
 * What a decision about a job makes of it, judged by its place: one that lies behind a fact that its writer had not seen is void.
 * Invariants 1 (one resolution), 2 (attempts and fences) and 3 (nobody begins while another may be at work).
 */

import type { Attempt, Stop } from './attempt.ts';
import { newAttempt, runsUntil } from './attempt.ts';
import type { StopReason } from './decision-body.ts';
import {
  isDecidedFor,
  isFree,
  isFresh,
  isNextAttempt,
  isNextFence,
  isOfAttempt,
  isOfSession,
  isPast,
} from './guards.ts';
import type { Job } from './job.ts';
import {
  currentAttempt,
  ended,
  requeued,
  silenceMs,
  UNTOUCHED,
  untaken,
  waitsUntil,
  withCurrent,
} from './job.ts';
import { givenUp, stopped } from './retry.ts';
import type { RunCreated } from './run-created.ts';
import type { RunEventOf } from './run-message.ts';
import type { JobState } from './states.ts';
import type { Judged, Void } from './void.ts';

export function offered(job: Job, event: RunEventOf<'job.offered'>): Judged {
  const { body } = event;
  if (!isDecidedFor(job.state, ['queued'])) return 'not-queued';
  if (!isNextAttempt(body.attempt, job.attempts.length)) return 'wrong-attempt';
  if (!isNextFence(body.fence, currentAttempt(job)?.fence ?? 0, event.seq)) return 'wrong-fence';
  if (!isFree(event.at, job.workedUntil)) return 'not-due';
  return { ...job, state: 'offered', attempts: [...job.attempts, newAttempt(body, event.at)] };
}

/** The current attempt if the decision speaks of it and the job is in one of the states; else why not. */
function decidedOn(
  job: Job,
  attempt: number | undefined,
  states: readonly JobState[],
  otherwise: Void,
): Attempt | Void {
  const current = currentAttempt(job);
  if (current === undefined || !isOfAttempt(attempt, current)) return 'stale-attempt';
  return isDecidedFor(job.state, states) ? current : otherwise;
}

export function extended(job: Job, event: RunEventOf<'deadline.extended'>): Judged {
  const { attempt, until } = event.body;
  const current = decidedOn(job, attempt, ['offered', 'recovering'], 'not-offered');
  if (typeof current === 'string') return current;
  const deadline = job.state === 'recovering' ? 'recoverUntil' : 'until';
  if (until <= (current[deadline] ?? 0)) return 'not-later';
  return withCurrent(job, { ...current, [deadline]: until });
}

export function expired(job: Job, event: RunEventOf<'job.expired'>, run: RunCreated): Judged {
  const current = decidedOn(job, event.body.attempt, ['offered'], 'not-offered');
  if (typeof current === 'string') return current;
  if (!isPast(event.at, current.until)) return 'not-due';
  return requeued(job, current, { resolution: 'expired', cause: 'ack_timeout', at: event.at }, run);
}

export function lostForGood(job: Job, event: RunEventOf<'job.lost'>, run: RunCreated): Judged {
  const current = decidedOn(job, event.body.attempt, ['recovering'], 'not-recovering');
  if (typeof current === 'string') return current;
  const { recoverUntil } = current;
  if (recoverUntil === null || !isPast(event.at, recoverUntil)) return 'not-due';
  return givenUp(job, 'agent_lost', {
    state: 'failed',
    at: event.at,
    failure: 'agent_lost',
    cause: 'agent_lost',
    // Its lease began with the last heartbeat that was answered, before the loss.
    workedUntil: recoverUntil - run.recoveryMs + silenceMs(job.spec, run),
  });
}

export function stale(job: Job, event: RunEventOf<'job.stale'>, run: RunCreated): Judged {
  const { attempt, heartbeat, readAt } = event.body;
  const current = decidedOn(job, attempt, ['running', 'cancelling'], 'not-running');
  if (typeof current === 'string') return current;
  const heardAt = Math.max(current.heardAt ?? current.offeredAt, heartbeat?.at ?? 0);
  if (!isPast(event.at, heardAt + silenceMs(job.spec, run))) return 'not-due';
  // Heartbeats lie in another stream: no expectation tells of one that came after the look.
  if (readAt !== undefined && !isFresh(event.at, readAt)) return 'outdated';
  return givenUp(job, 'no_heartbeat', {
    state: 'timed_out_stale',
    at: event.at,
    failure: 'no_heartbeat',
    cause: 'timed_out_stale',
    // A heartbeat that came between the look and this event may have been answered: its lease is as long.
    workedUntil: event.at + silenceMs(job.spec, run),
  });
}

const outcomeOf = (reason: StopReason): Stop['outcome'] =>
  reason === 'job_timeout' ? 'failed' : 'cancelled';

/** An offer is withdrawn, work is asked to stop, and what did not stop is forced. */
export function cancelling(job: Job, event: RunEventOf<'job.cancel'>): Judged {
  const { attempt, reason } = event.body;
  const states = ['offered', 'running', 'recovering', 'cancelling'] as const;
  const current = decidedOn(job, attempt, states, 'not-running');
  if (typeof current === 'string') return current;
  return job.state === 'offered'
    ? withdrawn(job, current, reason, event.at)
    : stopping(job, current, event);
}

function withdrawn(job: Job, current: Attempt, reason: StopReason, at: number): Judged {
  // It has not begun: its own limit cannot be over.
  if (reason === 'job_timeout') return 'not-due';
  const taken = untaken(job, current, { resolution: 'withdrawn', cause: reason, at });
  return ended(taken, 'cancelled', at, reason);
}

function stopping(job: Job, current: Attempt, event: RunEventOf<'job.cancel'>): Judged {
  const { reason, force, graceMs } = event.body;
  const { at } = event;
  const { stop } = current;
  if (stop === null && reason === 'job_timeout') {
    const limit = runsUntil(current, job.spec.timeoutMs);
    if (limit === undefined || !isPast(at, limit)) return 'not-due';
  }
  if (stop !== null && (stop.force || !force)) return 'already-stopping';
  const first = { reason, outcome: outcomeOf(reason), askedAt: at };
  const next: Stop = { ...first, ...stop, force, until: at + graceMs };
  return {
    ...withCurrent(job, { ...current, stop: next, recoverUntil: null }),
    state: 'cancelling',
  };
}

/** Without an attempt: nobody has it. With one: whoever has it did not even stop when it was forced. */
export function cancelled(job: Job, event: RunEventOf<'job.cancelled'>, run: RunCreated): Judged {
  const { at, body } = event;
  if (body.attempt === undefined)
    return isDecidedFor(job.state, UNTOUCHED)
      ? ended(job, 'cancelled', at, body.reason)
      : 'not-stopping';
  const current = decidedOn(job, body.attempt, ['cancelling'], 'not-stopping');
  if (typeof current === 'string') return current;
  const { stop } = current;
  if (stop === null || !stop.force) return 'not-stopping';
  if (!isPast(at, stop.until)) return 'not-due';
  return stopped(job, stop, at, at + silenceMs(job.spec, run));
}

export function timedOut(job: Job, event: RunEventOf<'job.timed_out'>): Judged {
  const until = waitsUntil(job);
  if (until === undefined) return 'not-waiting';
  return isPast(event.at, until) ? ended(job, 'failed', event.at, 'queue_timeout') : 'not-due';
}

/** The fault was ours: an unanswered offer costs nothing, and work that was begun gets its time to come back. */
export function sessionEnded(
  job: Job,
  event: RunEventOf<'session.ended'>,
  run: RunCreated,
): Judged {
  const { attempt, session, cause } = event.body;
  const states = ['offered', 'running', 'cancelling'] as const;
  const current = decidedOn(job, attempt, states, 'not-running');
  if (typeof current === 'string') return current;
  if (!isOfSession(session, current)) return 'foreign-session';
  const { at } = event;
  if (job.state === 'offered')
    return requeued(job, current, { resolution: 'withdrawn', cause, at, free: 'lapsed' }, run);
  return away(job, current, at, run);
}

/** Its agent may come back with it; one that was to stop keeps the deadline of that. */
export function away(job: Job, current: Attempt, at: number, run: RunCreated): Job {
  const left = { ...current, away: true };
  return job.state === 'cancelling'
    ? withCurrent(job, left)
    : { ...withCurrent(job, { ...left, recoverUntil: at + run.recoveryMs }), state: 'recovering' };
}
