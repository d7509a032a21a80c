/**
 * What a reader has received and not handled yet: a bounded buffer, handed on in batches, one at a time and strictly in
 * order. Keeps count of how far the handling is; knows nothing of how messages get here.
 */
import type { Clock, Timer } from '@waybill/process';
import type { StreamName } from '@waybill/protocol';
import type { LogName, Stored } from './bucket.ts';
import type { Delivery } from './message.ts';

export type IntakeOptions<S extends LogName = StreamName> = Readonly<{
  clock: Clock;
  /** What is handled already. */
  startSeq: number;
  batchMax: number;
  /** How long the first message of a batch may wait for others. */
  lingerMs: number;
  handle: (messages: readonly Stored<S>[]) => void | Promise<void>;
  onCaughtUp: (seq: number) => void;
  /** There may be room for more. */
  onRoom: () => void;
  onFailure: (error: unknown) => void;
}>;

export type Intake<S extends LogName = StreamName> = Readonly<{
  /** `acknowledge` is called once everything up to this delivery is handled, or at once when it was before. */
  take(delivery: Delivery<S>, acknowledge?: (reply: string) => void): void;
  /** Forgets what waits: it will be delivered again, from the sequence that is returned. */
  rewind(): number;
  /** The server has `pending` messages to deliver. */
  attached(pending: number): void;
  /** The server has nothing to deliver. */
  idle(): void;
  /** To be asked for on top of what is outstanding; 0 while it is not worth a request. */
  room(outstanding: number): number;
  last(): Stored<S> | undefined;
  seq(): number;
  lag(): number;
  /** Hands nothing more on; resolves when the batch under way is through. */
  close(): Promise<void>;
}>;

type Arrival<S extends LogName> = Readonly<{
  delivery: Delivery<S>;
  acknowledge: ((reply: string) => void) | undefined;
}>;

const bufferMin = 512;
const bufferBytesMax = 16 * 1024 * 1024;

export function openIntake<S extends LogName>(o: IntakeOptions<S>): Intake<S> {
  const bufferMax = Math.max(bufferMin, 2 * o.batchMax);
  let buffer: Arrival<S>[] = [];
  let bytes = 0;
  let running: readonly Arrival<S>[] = [];
  let settled: Promise<void> = Promise.resolve();
  let handledSeq = o.startSeq;
  let receivedSeq = o.startSeq;
  let last: Stored<S> | undefined;
  let handled = 0;
  /** What existed when the reader began. */
  let due: number | undefined;
  let pending = 0;
  let caught = false;
  let scheduled = false;
  let closed = false;
  let lingering: Timer | undefined;
  let lingered = false;

  const checkCaughtUp = (idle: boolean): void => {
    if (caught || due === undefined || closed) return;
    const nothingLeft = buffer.length + running.length === 0 && (idle || pending === 0);
    if (handled < due && !nothingLeft) return;
    caught = true;
    o.onCaughtUp(handledSeq);
  };
  const complete = (batch: readonly Arrival<S>[]): void => {
    running = [];
    const end = batch.at(-1);
    if (end === undefined) return;
    handled += batch.length;
    last = end.delivery.message;
    handledSeq = last.seq;
    end.acknowledge?.(end.delivery.reply);
    checkCaughtUp(false);
  };
  const mustWait = (): boolean => {
    if (o.lingerMs === 0 || lingered || buffer.length >= o.batchMax) return false;
    lingering ??= o.clock.after(o.lingerMs, () => {
      lingered = true;
      schedule();
    });
    return true;
  };
  const mayHandOn = (): boolean =>
    !closed && running.length === 0 && buffer.length > 0 && !mustWait();
  const nextBatch = (): readonly Arrival<S>[] => {
    lingering?.cancel();
    lingering = undefined;
    lingered = false;
    const batch = buffer.splice(0, o.batchMax);
    for (const { delivery } of batch) bytes -= delivery.bytes;
    return batch;
  };
  const handOn = (batch: readonly Arrival<S>[]): void => {
    running = batch;
    try {
      const outcome = o.handle(batch.map(({ delivery }) => delivery.message));
      if (outcome === undefined) complete(batch);
      else {
        settled = outcome
          .then(() => complete(batch))
          .catch(o.onFailure)
          .then(schedule);
      }
    } catch (error) {
      o.onFailure(error);
    }
  };
  const drain = (): void => {
    scheduled = false;
    while (mayHandOn()) handOn(nextBatch());
    if (!closed) o.onRoom();
  };
  // Not inside the client's parser: messages of one read of the socket become one batch, and a throw stays ours.
  const schedule = (): void => {
    if (scheduled || closed) return;
    scheduled = true;
    queueMicrotask(drain);
  };

  return {
    take: (delivery, acknowledge) => {
      const { seq } = delivery.message;
      pending = delivery.pending;
      if (seq > receivedSeq) {
        receivedSeq = seq;
        buffer.push({ delivery, acknowledge });
        bytes += delivery.bytes;
      } else if (seq <= handledSeq) acknowledge?.(delivery.reply);
      schedule();
    },
    rewind: () => {
      buffer = [];
      bytes = 0;
      // What is being handled comes again too, and is known by its sequence.
      receivedSeq = running.at(-1)?.delivery.message.seq ?? handledSeq;
      return handledSeq + 1;
    },
    attached: (count) => {
      pending = count;
      due ??= count;
      checkCaughtUp(false);
    },
    idle: () => checkCaughtUp(true),
    room: (outstanding) => {
      const room = bufferMax - buffer.length - running.length - outstanding;
      return room >= bufferMax / 2 && bytes < bufferBytesMax ? room : 0;
    },
    last: () => last,
    seq: () => handledSeq,
    lag: () => pending + buffer.length + running.length,
    close: () => {
      closed = true;
      lingering?.cancel();
      return settled;
    },
  };
}
