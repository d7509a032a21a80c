/**
 * Follows WB_TRIGGERS: decides every trigger once, and creates the runs of every decision that has none yet. A decision is acted
 * on when it is read back, not when it is sent, so a restart at any point ends in the same runs. What waits, waits in the log:
 * the reader goes no further while enough is under way. Whoever does not hold the lease reads along, so as to go on at once.
 */

import type { Journal, Position, Reader } from '@waybill/journal';
import { refuseNewer } from '@waybill/journal';
import { type Clock, isOutage, type Logger, milestone } from '@waybill/process';
import type { Partition, StoredMessage, TriggerReceived } from '@waybill/protocol';
import { decidedDraft, partitionFilters, readTriggerMessage, subjects } from '@waybill/protocol';
import { decideTrigger } from '../domain/trigger-decision.ts';
import { createTriggerLedger, type Decided, type Unsettled } from '../domain/trigger-ledger.ts';
import type { ConfigBook } from './config-book.ts';
import { openRunCreation } from './run-creation.ts';
import { isSettled } from './settled.ts';
import type { Tenure } from './tenure.ts';

export type TriggerLoopOptions = Readonly<{
  journal: Pick<Journal, 'get' | 'last' | 'read' | 'maxPayload'>;
  tenure: Pick<Tenure, 'isHeld' | 'append'>;
  clock: Clock;
  log: Logger;
  partition: Partition;
  /** Where a snapshot has found everything before it settled. */
  from: Position | undefined;
  book: Pick<ConfigBook, 'rules' | 'settings' | 'pinned'>;
  /** With all runs folded that were created before: what it does not know is created. */
  knowsRun: (runId: string) => boolean;
  /** Whether new runs may begin. */
  mayCreate: () => boolean;
  onFailure: (error: Error) => void;
}>;

export type TriggerLoop = Readonly<{
  reader: Reader;
  /** Everything before it is settled. */
  settledUpTo(): Position | undefined;
  /** Goes on where there is something to be done and it may be done here. To be told of every change of that. */
  pump(): void;
  /** Begins nothing more and tries nothing again. Its reader and what is on its way end with the journal. */
  stop(): void;
}>;

const RETRY_MS = 1_000;
const AT_ONCE_MAX = 64;
/** Triggers kept from `received` to their runs, none of them larger than this: any other is read again. */
const RECENT_MAX = 256;
const RECENT_BYTES_MAX = 64 * 1024;

type Waiting = Unsettled<Position>;

/** Reads at once; decides when it is told to go on for the first time. */
export async function openTriggerLoop(options: TriggerLoopOptions): Promise<TriggerLoop> {
  const { journal, tenure, clock, log, partition, book, knowsRun, mayCreate, onFailure } = options;
  const stopping = new AbortController();
  const { signal } = stopping;
  const ledger = createTriggerLedger<Position>();
  const creation = openRunCreation(options);
  const received = new Map<string, TriggerReceived>();
  /** Bodies of runs, of triggers that were decided here a moment ago. */
  const recent = new Map<string, ReadonlyMap<string, string>>();
  let underWay = 0;
  let begun = false;
  const open: { reader?: Reader } = {};
  let roomAgain = Promise.withResolvers<void>();

  const stood = (): Position | undefined => open.reader?.position() ?? options.from;
  const isOurs = (): boolean => begun && !signal.aborted && tenure.isHeld() && mayCreate();

  /** Whether somebody else's decision lies there, or is on its way to this reader. */
  const decide = async (trigger: TriggerReceived): Promise<boolean> => {
    const { org, source, triggerId } = trigger;
    const { decided, bodies } = decideTrigger(
      trigger,
      book.rules(org),
      creation.bodyBytesMax(),
      book.settings(org),
    );
    const filter = subjects.triggerFilter(org, source, triggerId);
    remember(recent, triggerId, bodies, sizeOf(bodies));
    for (let lastSeq = trigger.seq; ; ) {
      const answer = await tenure.append(decidedDraft(trigger, decided), { filter, lastSeq });
      if (answer === undefined) return false;
      if (answer.outcome === 'stored') milestone('decision.appended', trigger);
      if (answer.outcome !== 'conflict') return isSettled(answer, log, { triggerId });
      const last = await journal.last('WB_TRIGGERS', filter, { leader: true });
      const there = last === undefined ? undefined : readTriggerMessage(last);
      if (there?.type === 'trigger.decided') return true;
      if (last === undefined || last.seq <= lastSeq) return false;
      log.warn({ triggerId, seq: last.seq }, 'something foreign lies where the trigger is decided');
      lastSeq = last.seq;
    }
  };

  /** Whether nothing is left to be done now. */
  const work = async ({ triggerId, seq, decided }: Waiting): Promise<boolean> => {
    if (decided !== undefined) {
      if (!(await creation.create(decided, recent.get(triggerId)))) return false;
      recent.delete(triggerId);
      ledger.settled(triggerId);
      return true;
    }
    const trigger = received.get(triggerId) ?? (await creation.receivedAt(seq));
    received.delete(triggerId);
    if (trigger !== undefined) return decide(trigger);
    ledger.settled(triggerId);
    return true;
  };

  /** An outage of the log is waited out, whatever else fails ends the service. */
  const begin = async (each: Waiting): Promise<void> => {
    underWay += 1;
    try {
      const isDone = await work(each);
      if (!isDone) await pauseBefore(each);
    } catch (error) {
      if (!isOutage(error))
        return onFailure(error instanceof Error ? error : new Error(String(error)));
      log.warn({ err: error }, 'the log did not answer; tried again');
      await pauseBefore(each);
    } finally {
      underWay -= 1;
    }
    pump();
  };
  const pauseBefore = async (each: Waiting): Promise<void> => {
    if (isOurs()) await clock.sleep(RETRY_MS, signal).catch(() => undefined);
    ledger.putBack(each);
  };

  const pump = (): void => {
    begun = true;
    for (;;) {
      const each = isOurs() && underWay < AT_ONCE_MAX ? ledger.take() : undefined;
      if (each === undefined) break;
      void begin(each);
    }
    if (isFull()) return;
    roomAgain.resolve();
    roomAgain = Promise.withResolvers<void>();
  };
  /** Where nobody works here, what is read is only noted. */
  const isFull = (): boolean =>
    begun && !signal.aborted && tenure.isHeld() && ledger.waiting() >= AT_ONCE_MAX;

  const room = async (): Promise<void> => {
    while (isFull()) await roomAgain.promise;
  };

  const read = (message: StoredMessage): void => {
    const event = readTriggerMessage(message);
    if (event?.type === 'unreadable') return refuseNewer(message, event.problem, log);
    if (event?.type === 'trigger.received') {
      if (isOurs()) remember(received, event.triggerId, event, message.body.length);
      ledger.received(event.triggerId, event.seq, stood());
    }
    if (event?.type === 'trigger.decided') ledger.decided(event, isDone(event), stood());
  };
  const isDone = ({ triggerId, body }: Decided): boolean => {
    received.delete(triggerId);
    return body.runs.every(({ runId }) => knowsRun(runId));
  };

  const reader = await journal.read({
    stream: 'WB_TRIGGERS',
    filters: partitionFilters('trigger', partition),
    from: options.from,
    onFailure,
    onMessage: (message) => {
      read(message);
      if (!begun) return undefined;
      pump();
      return isFull() ? room() : undefined;
    },
  });
  open.reader = reader;
  return {
    reader,
    settledUpTo: () => ledger.floor(stood()),
    pump,
    stop: () => {
      stopping.abort();
      roomAgain.resolve();
    },
  };
}

function remember<T>(kept: Map<string, T>, triggerId: string, value: T, bytes: number): void {
  if (bytes > RECENT_BYTES_MAX) return;
  const [oldest] = kept.keys();
  if (kept.size >= RECENT_MAX && oldest !== undefined) kept.delete(oldest);
  kept.set(triggerId, value);
}

const sizeOf = (bodies: ReadonlyMap<string, string>): number =>
  [...bodies.values()].reduce((sum, { length }) => sum + length, 0);
