/**
 * What a decision about a job makes of it, judged by its place: one that lies behind a fact that its writer had not seen is void.
 * Invariants 1 (one resolution) and 2 (attempts and fences).
 */

import type { Attempt } from './attempt.ts';
import { newAttempt } from './attempt.ts';
import type { Job } from './job.ts';
import { currentAttempt, ended, requeued, withCurrent } from './job.ts';
import type { RunCreated } from './run-created.ts';
import type { RunEventOf } from './run-message.ts';
import type { JobState } from './states.ts';
import type { Judged, Void } from './void.ts';

export function offered(job: Job, event: RunEventOf<'job.offered'>): Judged {
  const { body } = event;
  if (job.state !== 'queued') return 'not-queued';
  if (body.attempt !== job.attempts.length + 1) return 'wrong-attempt';
  // A fence past its own offer would be passed by no later one: the job could never be offered again.
  const last = currentAttempt(job)?.fence ?? 0;
  if (body.fence <= last || body.fence >= event.seq) return 'wrong-fence';
  return { ...job, state: 'offered', attempts: [...job.attempts, newAttempt(body, event.at)] };
}

/** The current attempt if the decision speaks of it and the job is in one of the states; else why not. */
function decidedOn(
  job: Job,
  attempt: number,
  states: readonly JobState[],
  otherwise: Void,
): Attempt | Void {
  const current = currentAttempt(job);
  if (current === undefined || current.attempt !== attempt) return 'stale-attempt';
  return states.includes(job.state) ? current : otherwise;
}

export function extended(job: Job, event: RunEventOf<'deadline.extended'>): Judged {
  const current = decidedOn(job, event.body.attempt, ['offered'], 'not-offered');
  if (typeof current === 'string') return current;
  if (event.body.until <= current.until) return 'not-later';
  return withCurrent(job, { ...current, until: event.body.until });
}

export function expired(job: Job, event: RunEventOf<'job.expired'>, run: RunCreated): Judged {
  const current = decidedOn(job, event.body.attempt, ['offered'], 'not-offered');
  if (typeof current === 'string') return current;
  // Stored times are rounded down to milliseconds: only a strictly later one is surely past the deadline.
  if (event.at <= current.until) return 'not-due';
  return requeued(
    job,
    { ...current, resolution: 'expired', cause: 'ack_timeout', resolvedAt: event.at },
    run,
  );
}

export function lostForGood(job: Job, event: RunEventOf<'job.lost'>): Judged {
  const current = decidedOn(job, event.body.attempt, ['recovering'], 'not-recovering');
  if (typeof current === 'string') return current;
  if (current.recoverUntil === null || event.at <= current.recoverUntil) return 'not-due';
  return ended(
    withCurrent(job, { ...current, cause: 'agent_lost' }),
    'failed',
    event.at,
    'agent_lost',
  );
}

export function stale(job: Job, event: RunEventOf<'job.stale'>, run: RunCreated): Judged {
  const current = decidedOn(job, event.body.attempt, ['running', 'cancelling'], 'not-running');
  if (typeof current === 'string') return current;
  const heardAt = Math.max(current.heardAt ?? current.offeredAt, event.body.heartbeat?.at ?? 0);
  if (event.at <= heardAt + run.staleMs) return 'not-due';
  return ended(
    withCurrent(job, { ...current, cause: 'no_heartbeat' }),
    'timed_out_stale',
    event.at,
    'no_heartbeat',
  );
}
