/**
 * Events that steps emit. Each becomes a trigger of its own, once; then a word of it stands in the run; then the agent gets its
 * receipt, or why there is none, in less than the five seconds after which it would invent one.
 */
import type { Appended, Journal } from '@waybill/journal';
import { type Clock, digest, type KeyRing, type Logger, milestone } from '@waybill/process';
import {
  chainDepthOf,
  emittedDraft,
  isChainTooLong,
  parseWireJobId,
  type ReceivedDraft,
  type Run,
  readTriggerMessage,
  receivedDraft,
  subjects,
  type wire,
} from '@waybill/protocol';
import type { Custody, CustodyBook } from '../domain/custody.ts';
import { emissionProblem, emissionText, emittedFact, refusals } from '../domain/emission.ts';
import { eventWindow } from '../domain/event-window.ts';
import { heldAttempt } from '../domain/history.ts';
import { limits } from '../domain/limits.ts';
import { standingOf } from '../domain/speaker.ts';
import type { FactWriter } from './fact-writer.ts';
import type { Seat } from './registry.ts';
import type { RunHistory } from './run-history.ts';

export type EventIntake = Readonly<{
  /** Settles when nothing more is done about it; the agent may have had its answer before. */
  take(seat: Seat, message: wire.EventEmit): Promise<void>;
}>;

type Deps = Readonly<{
  journal: Pick<Journal, 'append' | 'last'>;
  book: CustodyBook;
  facts: FactWriter;
  history: RunHistory;
  ring: KeyRing;
  clock: Clock;
  log: Logger;
}>;

type Receipt = Readonly<{ deliveryId: string } | { error: string }>;
const refused = (error: string): Receipt => ({ error });

export function openEventIntake(deps: Deps): EventIntake {
  const { journal, book, facts, history, ring, clock, log } = deps;
  const window = eventWindow({
    windowMs: limits.eventWindowMs,
    countMax: limits.eventsPerWindowMax,
    keysMax: limits.eventNamesMax,
  });

  const take = async (seat: Seat, message: wire.EventEmit): Promise<void> => {
    const late = new AbortController();
    const untilMs = clock.monotonicMs() + limits.emitAnswerMs;
    const { requestId } = message;
    const answer = (receipt: Receipt): void => {
      timer.cancel();
      if (!late.signal.aborted) seat.send({ type: 'event.emit.response', requestId, ...receipt });
    };
    const giveUp = (): void => {
      answer(refused(refusals.late));
      late.abort(new Error('an event was not stored in time'));
    };
    const timer = clock.after(limits.emitAnswerMs, giveUp, { background: true });
    try {
      answer(await receiptOf(seat, message, { untilMs, signal: late.signal }));
    } catch (error) {
      if (late.signal.aborted) return;
      timer.cancel();
      throw error;
    }
  };

  type Bound = Readonly<{ untilMs: number; signal: AbortSignal }>;

  const receiptOf = async (seat: Seat, message: wire.EventEmit, bound: Bound): Promise<Receipt> => {
    const { jobId } = message;
    const standing = standingOf(book, seat.who, message);
    const runId = parseWireJobId(jobId)?.runId;
    if (standing.kind === 'foreign') {
      const detail = `${message.type}: ${standing.detail}`;
      seat.violation('foreign-job', detail, { frame: message.type, jobId });
      if (runId !== undefined) seat.stray({ runId, jobId });
      return refused(refusals.foreign);
    }
    const { custody } = standing;
    if (standing.kind !== 'current') return over(seat, message, custody);
    const problem = emissionProblem(message);
    if (problem !== undefined) return refused(problem);
    // Behind all that the job has said before.
    return facts.within(custody.jobId, () => emit(seat, message, custody, bound));
  };

  const over = (seat: Seat, { jobId }: wire.EventEmit, { runId }: Custody): Receipt => {
    seat.stray({ runId, jobId });
    return refused(refusals.over);
  };

  const emit = async (
    seat: Seat,
    message: wire.EventEmit,
    custody: Custody,
    bound: Bound,
  ): Promise<Receipt> => {
    bound.signal.throwIfAborted();
    const { org, runId } = custody;
    const run = await history.current({ org, runId }, bound.signal);
    if (!isSpeaker(seat, run, custody)) return over(seat, message, custody);
    const draft = draftOf(message, run, custody);
    if (draft === undefined) return refused(refusals.chain);
    if (!window.admits(`${org} ${draft.event}`, draft.deliveryId, clock.monotonicMs()))
      return refused(refusals.often);
    const refusal = await stored(draft, bound);
    if (refusal !== undefined) return refused(refusal);
    // What is stored is told, however long that takes.
    await facts.store(emittedFact(message, draft.triggerId, custody, seat.who.session));
    book.change(custody, { heard: true });
    return { deliveryId: draft.triggerId };
  };

  /** The book may not have heard yet that the attempt is over: what it starts could not be taken back. */
  const isSpeaker = (seat: Seat, run: Run, { jobId, attempt }: Custody): boolean =>
    heldAttempt(run, jobId, attempt)?.attempt.session === seat.who.session;

  const draftOf = (
    message: wire.EventEmit,
    { created }: Run,
    { jobId, runId, requestId, traceparent }: Custody,
  ): ReceivedDraft | undefined => {
    if (created === null || isChainTooLong(chainDepthOf(created) + 1)) return undefined;
    const { eventName: name, payload, target } = message;
    return emittedDraft({
      run: created,
      jobId,
      wireJobId: message.jobId,
      requestId: message.requestId,
      name,
      payload,
      target: target === undefined ? null : { repos: [...(target.repos ?? [])] },
      digest: digest(ring, emissionText(message)),
      trace: { requestId: requestId ?? runId, traceparent },
    });
  };

  /** Why it is not; undefined once it is, and for a repeat of one that is. */
  const stored = async (draft: ReceivedDraft, bound: Bound): Promise<string | undefined> => {
    const { org, source, triggerId } = draft;
    const expect = { filter: subjects.triggerFilter(org, source, triggerId), lastSeq: 0 };
    const appended = await journal.append(receivedDraft(draft), expect, {
      deadlineMs: Math.max(1, bound.untilMs - clock.monotonicMs()),
      signal: bound.signal,
    });
    if (appended.outcome === 'stored') milestone('trigger.stored', draft);
    if (appended.outcome === 'stored' && !appended.duplicate) return undefined;
    if (appended.outcome === 'refused' || appended.outcome === 'unknown')
      return lost(draft, appended);
    const subject = subjects.trigger(org, source, triggerId, 'received');
    const first = await journal.last('WB_TRIGGERS', subject, { leader: true });
    const event = first === undefined ? undefined : readTriggerMessage(first);
    if (event?.type !== 'trigger.received') return refusals.failed;
    return event.digest === draft.digest ? undefined : refusals.reused;
  };

  const lost = (
    { triggerId, event }: ReceivedDraft,
    appended: Extract<Appended, { outcome: 'refused' | 'unknown' }>,
  ): string => {
    const about = { triggerId, event };
    if (appended.outcome === 'unknown') {
      log.warn({ ...about, err: appended.cause }, 'the log did not take an event in time');
      return refusals.late;
    }
    const { code, detail } = appended;
    log.warn({ ...about, code, detail }, 'the log refuses an event');
    return appended.code === 'stream-full' ? refusals.full : refusals.failed;
  };

  return { take };
}
