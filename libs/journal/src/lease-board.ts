/**
 * Who holds which lease, as far as this journal knows: one reader of the bucket for all leases and watchers of a process.
 * It may be late, never wrong for long: what was not renewed in time and left no mark is asked for.
 */
import { backoffMs, isOutage, Outage } from '@waybill/process';
import type { Connection } from './connection.ts';
import { openFeed, type Reader } from './feed.ts';
import { isLogRegressed } from './journal-error.ts';
import { type LeaseRecord, leaseRecordOf, leaseSubject, serverTtlMs } from './lease-record.ts';
import type { Lookup } from './lookup.ts';
import { createOrdered, dropOrdered } from './ordered-consumer.ts';

export type LeaseListener = Readonly<{
  heard(record: LeaseRecord): void;
  /** A wrong set-up; outages are waited out. The board goes on trying. */
  failed?(error: Error): void;
}>;

export type LeaseBoard = Readonly<{
  /** What was heard last; its `seq` is what the next append of that name expects. */
  at(name: string): LeaseRecord;
  names(): Iterable<string>;
  /** What an append of our own has left there. */
  saw(record: LeaseRecord): void;
  /** The truth, from the leader. */
  ask(name: string): Promise<LeaseRecord>;
  listen(listener: LeaseListener): () => void;
  /** Resolves once every lease that is held has been heard; rejects for a wrong set-up met before. */
  ready(): Promise<void>;
  seq(): number;
  lag(): number;
  close(): Promise<void>;
}>;

const stream = 'KV_WB_LEASES';
const all = '$KV.WB_LEASES.>';
const checkMs = 250;
/** After the TTL, by when the mark of the lapse should have come. */
const graceMs = 250;
/** By when the mark itself is gone, and with it the sequence to expect. */
const forgottenMs = 5_000;
const backoff = { baseMs: 100, capMs: 2_000, random: Math.random };

type Entry = { record: LeaseRecord; heardSeq: number; heardMs: number; asking: boolean };

export function openLeaseBoard(connection: Connection, lookup: Lookup): LeaseBoard {
  const { clock, log } = connection;
  const entries = new Map<string, Entry>();
  const listeners = new Set<LeaseListener>();
  const closing = new AbortController();
  let reader: Reader | undefined;
  let ready = settledLater();

  const tell = (record: LeaseRecord): void => {
    for (const listener of listeners) listener.heard(record);
  };
  const saw = (record: LeaseRecord): void => {
    const known = entries.get(record.name);
    // Whoever asked may be ahead of the reader, which then tells what is past.
    if (known !== undefined && record.seq > 0 && record.seq <= known.heardSeq) return;
    const heardSeq = Math.max(record.seq, known?.heardSeq ?? 0);
    entries.set(record.name, { record, heardSeq, heardMs: clock.monotonicMs(), asking: false });
    tell(record);
  };
  const ask = async (name: string): Promise<LeaseRecord> => {
    const before = entries.get(name)?.heardSeq;
    const found = await lookup.last(stream, leaseSubject(name), { leader: true });
    const record = found === undefined ? nothing(name) : leaseRecordOf(found);
    // Somebody may have taken it since the leader found nothing.
    if (record.seq > 0 || entries.get(name)?.heardSeq === before) saw(record);
    return record;
  };
  const forget = (): void => {
    const names = [...entries.keys()];
    entries.clear();
    for (const name of names) tell(nothing(name));
  };
  const check = (): void => {
    const nowMs = clock.monotonicMs();
    for (const [name, entry] of entries) {
      const { held } = entry.record;
      const silentMs = nowMs - entry.heardMs;
      if (held === undefined && silentMs > forgottenMs) entries.delete(name);
      if (held === undefined || entry.asking || silentMs <= serverTtlMs(held.ttlMs) + graceMs)
        continue;
      entry.asking = true;
      ask(name)
        .catch((error: unknown) => log.debug({ err: error, lease: name }, 'a lease is asked for'))
        .finally(() => {
          entry.asking = false;
        });
    }
  };
  const follow = async (): Promise<void> => {
    const ended = Promise.withResolvers<never>();
    ended.promise.catch(() => undefined);
    const opened = await openFeed({
      connection,
      lookup,
      stream,
      from: undefined,
      attach: (nextSeq) => createOrdered(connection, { stream, filters: [all] }, nextSeq),
      detach: (consumer) => dropOrdered(connection, stream, consumer),
      batchMax: 100,
      handle: (messages) => {
        for (const message of messages) saw(leaseRecordOf(message));
      },
      onFailure: ended.reject,
    });
    reader = opened;
    try {
      await Promise.race([opened.caughtUp, ended.promise]);
      ready.resolve();
      await Promise.race([ended.promise, aborted(closing.signal)]);
    } finally {
      await opened.stop();
    }
  };
  const followForEver = async (): Promise<void> => {
    for (let attempt = 1; !closing.signal.aborted; attempt++) {
      const error = await follow().catch((thrown: unknown) => asError(thrown));
      if (closing.signal.aborted || error === undefined) return;
      // Another bucket under the same name begins at another sequence.
      if (isLogRegressed(error)) forget();
      log.warn({ err: error, attempt }, 'the leases cannot be followed, trying again');
      if (!isOutage(error) && !isLogRegressed(error)) {
        for (const listener of listeners) listener.failed?.(error);
        ready.reject(error);
        ready = settledLater();
      }
      await clock.sleep(backoffMs(attempt, backoff), closing.signal).catch(() => undefined);
    }
  };
  void followForEver();
  const checking = clock.every(checkMs, check, { background: true });

  return {
    at: (name) => entries.get(name)?.record ?? nothing(name),
    names: () => entries.keys(),
    saw,
    ask,
    listen: (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    ready: () => ready.promise,
    seq: () => reader?.seq() ?? 0,
    lag: () => reader?.lag() ?? 0,
    close: async () => {
      checking.cancel();
      const error = new Outage('journal-closed', 'the journal is closed');
      closing.abort(error);
      ready.reject(error);
      await reader?.stop();
    },
  };
}

const nothing = (name: string): LeaseRecord => ({ name, seq: 0, held: undefined });

function settledLater(): PromiseWithResolvers<void> {
  const later = Promise.withResolvers<void>();
  later.promise.catch(() => undefined);
  return later;
}

const asError = (thrown: unknown): Error =>
  thrown instanceof Error ? thrown : new Error(String(thrown));

function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => {
    signal.addEventListener('abort', () => resolve(), { once: true });
  });
}
