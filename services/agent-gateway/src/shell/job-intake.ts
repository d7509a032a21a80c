/**
 * Frames about a job: who may speak is settled first, then the frame is appended as it came, behind all that the job said before,
 * and answered once it is stored. Nothing that an agent says of itself decides where its words go.
 */
import { milestone } from '@waybill/process';
import { parseWireJobId } from '@waybill/protocol';
import type { Custody, CustodyBook } from '../domain/custody.ts';
import {
  heardFact,
  isAtWork,
  isRemark,
  isTerminalStatus,
  type JobFrame,
  jobFact,
  type Spoken,
} from '../domain/fact.ts';
import { type Standing, standingOf } from '../domain/speaker.ts';
import type { Completions } from './completions.ts';
import type { FactWriter } from './fact-writer.ts';
import {
  acknowledgeHeartbeat,
  acknowledgeUsage,
  answerNothing,
  answerStored,
  grant,
  type UsageReport,
} from './job-answer.ts';
import { keptOf } from './kept-frame.ts';
import {
  acknowledge,
  isKept,
  isSettled,
  type KeptStatus,
  pastCustody,
  settle,
  unreadCustody,
} from './last-word.ts';
import type { LogGate } from './log-gate.ts';
import type { LogLedger } from './log-ledger.ts';
import type { Seat } from './registry.ts';
import type { RunHistory } from './run-history.ts';
import type { ViolationPlace } from './violation-rate.ts';

export type JobIntakeDeps = Readonly<{
  book: CustodyBook;
  facts: FactWriter;
  history: RunHistory;
  logs: LogLedger;
  gate: LogGate;
  /** What is still under way for a job and comes before its last word. */
  completions: Completions;
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
    const lane = parseWireJobId(message.jobId)?.jobId ?? message.jobId;
    if (message.type === 'usage.report')
      return facts.within(lane, () => takeUnreadUsage(deps, seat, message, raw, spoken));
    if (isKept(seat, message))
      return facts.within(lane, () => takeUnread(deps, seat, message, raw, spoken));
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
  const store = (kept: () => Readonly<{ message: JobFrame; raw: Uint8Array }>): Promise<void> =>
    facts.within(standing.custody.jobId, () => {
      const { message: said, raw: body } = kept();
      return storeJobFrame(deps, seat, said, body, { standing, spoken });
    });
  if (message.type === 'log.chunk') return deps.gate.take(seat, { message, raw }, store);
  return store(() => ({ message, raw }));
}

const placeOf = ({ type, jobId }: JobFrame): ViolationPlace => ({ frame: type, jobId });

/** Nothing of it is kept. */
function refuse(seat: Seat, message: JobFrame, { detail }: Foreign): void {
  seat.violation('foreign-job', `${message.type}: ${detail}`, placeOf(message));
  seat.stray(message);
  answerNothing(seat, message);
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

/** Money that was spent counts, however long ago the attempt was: it is not forgotten before the log was asked. */
async function takeUnreadUsage(
  deps: Deps,
  seat: Seat,
  message: UsageReport,
  raw: Uint8Array,
  spoken: Spoken,
): Promise<void> {
  const custody = await pastCustody(deps, seat.who, message);
  if (custody !== undefined) {
    await deps.facts.store(jobFact(message, raw, custody, spoken));
    return acknowledgeUsage(seat, message);
  }
  const standing = standingOf(deps.book, seat.who, message);
  if (standing.kind === 'foreign') refuse(seat, message, standing);
  // Nobody will ever want it.
  acknowledgeUsage(seat, message);
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
  const { book, facts, logs, completions } = deps;
  const { custody } = standing;
  const isCurrent = standing.kind === 'current';
  // The last word of the job may have been stored since it came.
  if (isRemark(message) && standingOf(book, seat.who, message).kind !== 'current') return;
  if (await isSettled(deps, seat, message, { custody, isCurrent })) return;
  const isLast = isTerminalStatus(message);
  if (isLast) await completions.settle(custody.jobId);
  const kept = await keptOf(deps, message, raw, { custody, isCurrent });
  const isFirst = isCurrent && !latest(book, custody).heard;
  if (isFirst && liesElsewhere(message)) await facts.store(heardFact(message, custody, spoken));
  if (kept === undefined) return;
  passed(message, 'received');
  const draft = jobFact(message, kept.body, custody, spoken);
  const stored = await facts.store({ ...draft, ...(kept.extra && { extra: kept.extra }) });
  kept.stored?.(stored);
  passed(message, 'appended');
  if (isFirst) book.change(custody, { heard: true });
  const { seq } = stored;
  await answerStored(deps, seat, message, { custody, isCurrent, seq, action: kept.action });
  await settle(deps, seat, message, { custody, isCurrent, seq });
  if (!isCurrent) return;
  if (isLast) logs.ended(custody);
  acknowledgeHeartbeat(seat, message, latest(book, custody));
  await grant(deps, seat, message, custody, seq);
}

const liesElsewhere = ({ type }: JobFrame): boolean =>
  type === 'log.chunk' || type === 'job.heartbeat';

/** The two words that decide what becomes of an attempt. */
function passed(message: JobFrame, how: 'received' | 'appended'): void {
  if (message.type === 'job.ack') milestone(`ack.${how}`, message);
  if (message.type === 'job.status') milestone(`status.${how}`, message);
}

const latest = (book: CustodyBook, { runId, jobId, attempt, ...rest }: Custody): Custody =>
  book.find({ runId, jobId, attempt }) ?? { runId, jobId, attempt, ...rest };
