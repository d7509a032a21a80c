/**
 * The triggers that are not settled: not decided, or decided with runs that are not there. What was read before the oldest of them
 * need never be read again. Pure but for its own table.
 */
import type { TriggerEvent } from '@waybill/protocol';

export type Decided = Extract<TriggerEvent, { type: 'trigger.decided' }>;

export type Unsettled<P> = {
  readonly triggerId: string;
  /** Of its `received`. */
  readonly seq: number;
  /** Where a reader stood before it. */
  readonly before: P | undefined;
  decided: Decided | undefined;
};

export type TriggerLedger<P> = Readonly<{
  received(triggerId: string, seq: number, before: P | undefined): void;
  /** `isDone`: its runs are there. */
  decided(event: Decided, isDone: boolean, before: P | undefined): void;
  settled(triggerId: string): void;
  /** The oldest that something has to be done about; from then on it counts as taken. */
  take(): Unsettled<P> | undefined;
  /** It was taken, and something is to be done about it still. */
  putBack(each: Unsettled<P>): void;
  /** Those that something has to be done about. */
  waiting(): number;
  /** Where a reader stands behind which nothing is unsettled; `read` where nothing is at all. */
  floor(read: P | undefined): P | undefined;
}>;

export function createTriggerLedger<P>(): TriggerLedger<P> {
  /** In the order of the log. */
  const unsettled = new Map<string, Unsettled<P>>();
  const waiting = new Set<Unsettled<P>>();

  return {
    received: (triggerId, seq, before) => {
      if (unsettled.has(triggerId)) return;
      const each = { triggerId, seq, before, decided: undefined };
      unsettled.set(triggerId, each);
      waiting.add(each);
    },
    decided: (event, isDone, before) => {
      const { triggerId, body } = event;
      const known = unsettled.get(triggerId);
      if (isDone) {
        unsettled.delete(triggerId);
        if (known !== undefined) waiting.delete(known);
        return;
      }
      const seq = body.receivedSeq;
      const each = known ?? { triggerId, seq, before, decided: event };
      each.decided = event;
      unsettled.set(triggerId, each);
      waiting.add(each);
    },
    settled: (triggerId) => {
      const known = unsettled.get(triggerId);
      unsettled.delete(triggerId);
      if (known !== undefined) waiting.delete(known);
    },
    take: () => {
      const [first] = waiting;
      if (first !== undefined) waiting.delete(first);
      return first;
    },
    putBack: (each) => {
      if (unsettled.get(each.triggerId) === each) waiting.add(each);
    },
    waiting: () => waiting.size,
    floor: (read) => {
      const [oldest] = unsettled.values();
      return oldest === undefined ? read : oldest.before;
    },
  };
}
