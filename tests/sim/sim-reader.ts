/**
 * Following the simulated log as the journal's readers do: every message once and strictly in order, the next one when the one
 * before is handled, from the first that is not handled again whenever the link was lost.
 */
import type { Reader, ReadOptions } from '@waybill/journal';
import { positionOf } from '@waybill/journal';
import { Outage } from '@waybill/process';
import type { StoredMessage } from '@waybill/protocol';
import type { LogLink } from './log-link.ts';
import type { SimLog, SimMessage } from './sim-log.ts';
import { identityOf } from './sim-lookup.ts';
import { anyOf } from './subject-filter.ts';
import type { World } from './world.ts';

const attachWaitMs = 3_000;
const againMs = 200;

/** How many messages of a run's stream are told again when a reader comes back: none, unless a world wants it so. */
export type Redelivery = Readonly<{ messages: number }>;

type Place = Readonly<{ world: World; log: SimLog; link: LogLink; again: Redelivery }>;

export function simRead({ world, log, link, again }: Place, o: ReadOptions): Promise<Reader> {
  const matches = anyOf(o.filters);
  const opened = Promise.withResolvers<Reader>();
  const caughtUp = Promise.withResolvers<void>();
  caughtUp.promise.catch(() => undefined);
  const buffer: StoredMessage[] = [];
  let last: StoredMessage | undefined;
  let handledSeq = o.from?.seq ?? 0;
  let sentSeq = handledSeq;
  /** What existed at the start. */
  let dueSeq: number | undefined;
  let generation = 0;
  let isAttached = false;
  let isHandling = false;
  let isOver = false;
  let settled: Promise<void> = Promise.resolve();

  const end = (error: Error): void => {
    isOver = true;
    caughtUp.reject(error);
  };
  const fail = (error: unknown): void => {
    if (isOver) return;
    const failure = error instanceof Error ? error : new Error(String(error));
    end(failure);
    o.onFailure(failure);
  };
  const checkCaughtUp = (): void => {
    if (dueSeq === undefined || handledSeq < dueSeq || isOver) return;
    dueSeq = undefined;
    caughtUp.resolve();
    o.onCaughtUp?.(handledSeq);
  };
  const handled = (message: StoredMessage): void => {
    isHandling = false;
    if (message.seq > handledSeq) last = message;
    handledSeq = Math.max(handledSeq, message.seq);
    checkCaughtUp();
  };
  const next = (): StoredMessage | undefined => (isHandling || isOver ? undefined : buffer.shift());
  const drain = (): void => {
    for (let message = next(); message !== undefined; message = next()) {
      const current = message;
      isHandling = true;
      try {
        const outcome = o.onMessage(current);
        if (outcome === undefined) handled(current);
        else
          settled = outcome
            .then(() => handled(current))
            .catch(fail)
            .then(drain);
      } catch (error) {
        fail(error);
      }
    }
  };
  const send = (message: SimMessage): void => {
    if (!isAttached || isOver || !link.life.isAlive) return;
    if (message.stream !== o.stream || message.seq <= sentSeq) return;
    if (!matches(message.subject)) return;
    const of = generation;
    const { seq } = message;
    // What comes behind a gap is not for this reader: it attaches again when the link is back.
    isAttached = link.push(`reads ${o.stream} ${seq}`, () => take(of, message));
    if (isAttached) sentSeq = seq;
  };
  const take = (of: number, message: StoredMessage): void => {
    if (of !== generation || isOver) return;
    buffer.push(message);
    drain();
  };
  /** Everything that is there; what comes later follows by itself. */
  const attach = (): void => {
    generation += 1;
    const of = generation;
    isAttached = false;
    link.ask<number>(
      `reader of ${o.stream}`,
      attachWaitMs,
      (reply) => {
        if (of !== generation || isOver) return;
        const all = log.messages(o.stream).filter(({ subject }) => matches(subject));
        reply(all.at(-1)?.seq ?? 0);
        buffer.length = 0;
        sentSeq = Math.max(0, handledSeq - (o.stream === 'WB_RUNS' ? again.messages : 0));
        isAttached = true;
        for (const message of all) send(message);
      },
      (lastSeq) => {
        dueSeq ??= lastSeq;
        opened.resolve(reader);
        checkCaughtUp();
      },
      (why) => {
        if (!isOver && of === generation && !link.connected()) opened.reject(why);
        if (isOver || of !== generation) return;
        world.schedule(againMs, link.life, 'attaches again', attach);
      },
    );
  };
  const reader: Reader = {
    position: () => (last === undefined ? o.from : positionOf(identityOf(o.stream), last)),
    seq: () => handledSeq,
    lag: () => buffer.length,
    caughtUp: caughtUp.promise,
    stop: () => {
      end(new Outage('reader-stopped', 'the reader was stopped'));
      return settled;
    },
  };
  log.onSeen(send);
  link.onDrop(() => {
    generation += 1;
    isAttached = false;
  });
  link.onBack(() => {
    if (!isOver) attach();
  });
  attach();
  return opened.promise;
}
