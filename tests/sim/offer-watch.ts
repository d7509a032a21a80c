/**
 * What a dispatcher knew of a run when it made an offer: everything up to the fence. It does not offer to a session that it has seen
 * let an offer expire or drain there, nor more jobs than it has seen the agent take.
 */
import type { RunEventOf } from '@waybill/protocol';
import { currentAttempt, isHeld } from '@waybill/protocol';
import type { Moment } from '../support/run-story.ts';
import type { SimViolation } from './judgement.ts';
import type { Observer } from './observer.ts';

export function openOfferWatch(observer: Observer): Readonly<{
  violations(): readonly SimViolation[];
}> {
  const found: SimViolation[] = [];
  /** By run and session, where it was closed. */
  const closed = new Map<string, number>();

  const close = ({ event, before }: Moment): void => {
    const isDraining = event.type === 'job.reject' && event.body.reason === 'draining';
    if (event.type !== 'job.expired' && !isDraining) return;
    const jobId = event.type === 'job.expired' ? event.body.jobId : event.meta.jobId;
    const job = before.jobs.find(({ spec }) => spec.jobId === jobId);
    const session = job && currentAttempt(job)?.session;
    closed.set(`${event.runId} ${session}`, event.seq);
  };
  const offered = (event: RunEventOf<'job.offered'>, before: Moment['before']): void => {
    const { jobId, session, fence, agentId } = event.body;
    const wrong = (why: string): void => {
      const what = `${jobId} is offered to session ${session} of ${agentId}, which ${why}`;
      found.push({ invariant: 'rule', seq: event.seq, what });
    };
    const closedSeq = closed.get(`${event.runId} ${session}`);
    if (closedSeq !== undefined && closedSeq <= fence) wrong(`was closed at ${closedSeq}`);
    const held = before.jobs.filter(
      (job) => isHeld(job) && currentAttempt(job)?.agentId === agentId,
    ).length;
    const capacity = observer.session(session)?.capacity;
    if (capacity !== undefined && held >= capacity) wrong(`has ${held} jobs and takes ${capacity}`);
  };
  observer.onMoment((moment) => {
    const { event, before, isVoid } = moment;
    if (isVoid) return;
    close(moment);
    if (event.type === 'job.offered') offered(event, before);
  });
  return { violations: () => found };
}
