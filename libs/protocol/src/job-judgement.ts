/**
 * Judges every event about a job: what it makes of the job, or why it is void. Pure and total.
 * Invariant 4 (terminal is final) lives here, 1 and 2 where decisions and facts are judged.
 */

import { isOpenJob } from './guards.ts';
import type { Job } from './job.ts';
import { answered, resolved } from './job-approval.ts';
import {
  cancelled,
  cancelling,
  expired,
  extended,
  lostForGood,
  offered,
  sessionEnded,
  stale,
  timedOut,
} from './job-decision.ts';
import { absent, heard, resumed } from './job-fact.ts';
import { used } from './job-work.ts';
import type { RunCreated } from './run-created.ts';
import type { DecisionType } from './run-event.ts';
import type { RunEvent, RunEventOf } from './run-message.ts';
import type { Judged } from './void.ts';

export type JobEvent = Exclude<
  RunEvent,
  | RunEventOf<'run.created' | 'run.completed' | 'job.queued' | 'job.skipped' | 'cancel.requested'>
  | { type: 'unreadable' }
>;

/** What the event makes of the job. `run.completed` and the events about needs are judged by the run. */
export function evolveJob(job: Job, event: JobEvent, run: RunCreated): Judged {
  // What was used was used, whatever has become of the work.
  if (event.type === 'usage.reported') return used(job, event);
  if (!isOpenJob(job.state)) return 'after-end';
  switch (event.type) {
    case 'job.offered':
      return offered(job, event);
    case 'deadline.extended':
      return extended(job, event);
    case 'job.expired':
      return expired(job, event, run);
    case 'job.lost':
      return lostForGood(job, event, run);
    case 'job.stale':
      return stale(job, event, run);
    case 'job.cancel':
      return cancelling(job, event);
    case 'job.cancelled':
      return cancelled(job, event, run);
    case 'job.timed_out':
      return timedOut(job, event);
    case 'session.ended':
      return sessionEnded(job, event, run);
    case 'approval.resolved':
      return resolved(job, event);
    default:
      return told(job, event, run);
  }
}

type JobFact = Exclude<JobEvent, Readonly<{ type: DecisionType | 'usage.reported' }>>;

function told(job: Job, event: JobFact, run: RunCreated): Judged {
  switch (event.type) {
    case 'approval.answered':
      return answered(job, event);
    case 'agent.resumed':
      return resumed(job, event);
    case 'agent.absent':
      return absent(job, event, run);
    default:
      return heard(job, event, run);
  }
}
