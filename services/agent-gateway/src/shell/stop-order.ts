/**
 * Tells an agent what was decided about a job that it has: to cancel it, or that the attempt is not its own any more. Only after the
 * run was folded up to the decision; behind a fact that its decider had not seen it is void, and nothing happens to anybody.
 */
import { type RunEventOf, wire, wireJobId } from '@waybill/protocol';
import type { Custody, CustodyBook } from '../domain/custody.ts';
import { attemptOf, heldAttempt } from '../domain/history.ts';
import type { Registry, Seat } from './registry.ts';
import type { RunHistory } from './run-history.ts';

export const stopTypes = [
  'job.expired',
  'job.stale',
  'job.lost',
  'job.cancel',
  'job.cancelled',
  'job.timed_out',
  'session.ended',
] as const;
export type StopEvent = RunEventOf<(typeof stopTypes)[number]>;

type Deps = Readonly<{ book: CustodyBook; registry: Registry; history: RunHistory }>;

/** The attempts that the event may be about, as far as the book knows. */
export function meant(book: CustodyBook, { runId, body }: StopEvent): readonly Custody[] {
  const { jobId, attempt } = body;
  if (typeof attempt !== 'number') return book.openOfJob({ runId, jobId });
  const custody = book.find({ runId, jobId, attempt });
  return custody === undefined ? [] : [custody];
}

export async function stopAsDecided(
  { book, registry, history }: Deps,
  event: StopEvent,
  { org, agentId, runId, jobId, attempt }: Custody,
): Promise<void> {
  // An agent that comes back may be about to take the job to another session.
  await registry.returned({ org, agentId });
  // However long the log is away: a job that was cancelled must not go on because of it.
  const judged = await history.judge(event, event.seq);
  if (judged.verdict !== 'valid') return;
  const found = attemptOf(judged.run, jobId, attempt);
  if (found === undefined) return;
  const known = book.find({ runId, jobId, attempt });
  if (known?.phase === 'open' && heldAttempt(judged.run, jobId, attempt) === undefined)
    book.change(known, { phase: 'void' });
  const seat = registry.seat(found.session);
  if (seat === undefined) return;
  const wish = judged.run.jobs.find(({ spec }) => spec.jobId === jobId)?.cancel?.reason ?? null;
  tell(seat, event, { runId, jobId: wireJobId(jobId, attempt) }, wish);
  if (event.type === 'session.ended') registry.ended(event.body.session);
}

type JobName = Readonly<{ runId: string; jobId: string }>;

/** `wish`: why a person wants it so, in their own words. */
function tell(seat: Seat, event: StopEvent, job: JobName, wish: string | null): void {
  switch (event.type) {
    case 'job.cancel':
      seat.stop(job, inWords(event.body.reason, wish), event.body.force);
      break;
    case 'job.cancelled':
      seat.stop(job, inWords(event.body.reason, wish), true);
      break;
    case 'job.expired':
      seat.stop(job, 'ack_timeout');
      seat.close(wire.wireCloseCodes.ackTimeout, 'a dispatch was not answered in time');
      break;
    case 'job.stale':
      seat.stop(job, 'timed_out_stale');
      break;
    case 'job.lost':
      seat.stop(job, 'agent_lost');
      break;
    case 'job.timed_out':
      seat.stop(job, 'queue_timeout');
      break;
    // Its socket is closed, and it comes back with what it has.
    case 'session.ended':
      break;
  }
}

/** The field is for people; what it begins with is for programs. */
const inWords = (reason: string, wish: string | null): string =>
  reason === 'cancelled' && wish !== null ? `${reason}: ${wish}` : reason;
