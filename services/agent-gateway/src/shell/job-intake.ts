/**
 * Frames about a job: who may speak is settled first, then the frame is appended as it came, behind all that the job said before,
 * and answered once it is stored. Nothing that an agent says of itself decides where its words go.
 */
import { milestone } from '@waybill/process';
import { parseWireJobId, wire } from '@waybill/protocol';
import type { Custody, CustodyBook } from '../domain/custody.ts';
import {
  heardFact,
  isAtWork,
  type JobFrame,
  jobFact,
  rejectedApproval,
  type Spoken,
} from '../domain/fact.ts';
import { granted } from '../domain/grant.ts';
import { heldAttempt } from '../domain/history.ts';
import { replyTo } from '../domain/reply.ts';
import { type Standing, standingOf } from '../domain/speaker.ts';
import type { FactWriter } from './fact-writer.ts';
import {
  acknowledge,
  isKept,
  isSettled,
  type KeptStatus,
  settle,
  unreadCustody,
} from './last-word.ts';
import type { Seat } from './registry.ts';
import type { RunHistory } from './run-history.ts';
import type { ViolationPlace } from './violation-rate.ts';

export type JobIntakeDeps = Readonly<{
  book: CustodyBook;
  facts: FactWriter;
  history: RunHistory;
}>;
type Deps = JobIntakeDeps;

/** Settles when what had to be stored is stored; undefined when nothing has to be. */
export function takeJobFrame(
  deps: Deps,
  seat: Seat,
  message: JobFrame,
  raw: Uint8Array,
  spoken: Spoken,
): Promise<void> | undefined {
  const { book, facts } = deps;
  const standing = standingOf(book, seat.who, message);
  if (standing.kind === 'foreign') {
    if (isKept(seat, message)) {
      const lane = parseWireJobId(message.jobId)?.jobId ?? message.jobId;
      return facts.within(lane, () => takeUnread(deps, seat, message, raw, spoken));
    }
    refuse(seat, message, standing);
    return undefined;
  }
  if (standing.kind === 'stale' || (standing.kind === 'ended' && isAtWork(message)))
    seat.stray(message);
  // The last heartbeat of a job must be one of the attempt that is current.
  if (standing.kind !== 'current' && message.type === 'job.heartbeat') {
    seat.violation('late-frame', `${message.type}: the attempt is over`, placeOf(message));
    return undefined;
  }
  return facts.within(standing.custody.jobId, () =>
    storeJobFrame(deps, seat, message, raw, { standing, spoken }),
  );
}

const placeOf = ({ type, jobId }: JobFrame): ViolationPlace => ({ frame: type, jobId });

/** Nothing of it is kept. */
function refuse(seat: Seat, message: JobFrame, { detail }: Foreign): void {
  seat.violation('foreign-job', `${message.type}: ${detail}`, placeOf(message));
  seat.stray(message);
  answer(seat, message);
}

/** A last word that the book knows no job for is not forgotten before the log was asked. */
async function takeUnread(
  deps: Deps,
  seat: Seat,
  message: KeptStatus,
  raw: Uint8Array,
  spoken: Spoken,
): Promise<void> {
  const { book } = deps;
  const found = await unreadCustody(deps, seat.who, message.jobId);
  if (found?.runId === message.runId) book.put(found);
  const standing = standingOf(book, seat.who, message);
  if (standing.kind !== 'foreign')
    return storeJobFrame(deps, seat, message, raw, { standing, spoken });
  refuse(seat, message, standing);
  // Nobody will ever want it.
  if (found === undefined) acknowledge(seat, message);
}

type Foreign = Extract<Standing, { kind: 'foreign' }>;
type Said = Readonly<{ standing: Exclude<Standing, Foreign>; spoken: Spoken }>;

async function storeJobFrame(
  deps: Deps,
  seat: Seat,
  message: JobFrame,
  raw: Uint8Array,
  { standing, spoken }: Said,
): Promise<void> {
  const { book, facts } = deps;
  const { custody, kind } = standing;
  const isCurrent = kind === 'current';
  if (await isSettled(deps, seat, message, { custody, isCurrent })) return;
  const liesElsewhere = message.type === 'log.chunk' || message.type === 'job.heartbeat';
  const isFirst = isCurrent && !latest(book, custody).heard;
  if (isFirst && liesElsewhere) await facts.store(heardFact(message, custody, spoken));
  passed(message, 'received');
  const { seq } = await facts.store(
    jobFact(message, withoutSecrets(message, raw), custody, spoken),
  );
  passed(message, 'appended');
  if (isFirst) book.change(custody, { heard: true });
  if (message.type === 'step.approval-request' && isCurrent)
    await facts.store(rejectedApproval(message, custody, spoken));
  answer(seat, message);
  await settle(deps, seat, message, { custody, isCurrent, seq });
  if (!isCurrent) return;
  acknowledgeHeartbeat(seat, message, latest(book, custody));
  if (message.type === 'job.ack' && seat.extensions?.granted === true)
    await grant(deps, seat, message, custody, seq);
}

/** Requests whose service is not there yet. */
function answer(seat: Seat, message: JobFrame): void {
  const reply = replyTo(message);
  if (reply !== undefined) seat.send(reply);
}

/** The two words that decide what becomes of an attempt. */
function passed(message: JobFrame, how: 'received' | 'appended'): void {
  if (message.type === 'job.ack') milestone(`ack.${how}`, message);
  if (message.type === 'job.status') milestone(`status.${how}`, message);
}

const latest = (book: CustodyBook, { runId, jobId, attempt, ...rest }: Custody): Custody =>
  book.find({ runId, jobId, attempt }) ?? { runId, jobId, attempt, ...rest };

/** Secret outputs are sealed to the run's own key by the agent; until runs have one, nothing of them is kept. */
function withoutSecrets(message: JobFrame, raw: Uint8Array): string | Uint8Array {
  if (message.type !== 'job.status' || message.secretOutputs === undefined) return raw;
  return JSON.stringify(wire.redact(wire.JobStatus, message));
}

function acknowledgeHeartbeat(
  seat: Seat,
  message: JobFrame,
  { attempt, fence, leaseMs }: Custody,
): void {
  if (message.type !== 'job.heartbeat' || seat.extensions?.heartbeatAck !== true) return;
  if (leaseMs === undefined) return;
  const { runId, jobId } = message;
  seat.send({ type: 'job.heartbeat.ack', runId, jobId, attempt, fence, leaseMs });
}

/** Only behind the fold: an ack that was too late lies in the log like any other. */
async function grant(
  deps: Deps,
  seat: Seat,
  message: JobFrame,
  custody: Custody,
  ackSeq: number,
): Promise<void> {
  const { org, runId, jobId, attempt } = custody;
  const judged = await deps.history.judge({ org, runId }, ackSeq);
  const held = judged.verdict === 'valid' ? heldAttempt(judged.run, jobId, attempt) : undefined;
  if (held?.attempt.session === seat.who.session) seat.send(granted(custody));
  else seat.stray(message);
}
