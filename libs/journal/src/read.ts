/** Following the log from a checkpoint, message by message, and running once over a finite part of it. */
import type { StoredMessage, StreamName } from '@waybill/protocol';
import type { Connection } from './connection.ts';
import { openFeed, type Reader } from './feed.ts';
import type { Lookup } from './lookup.ts';
import { createOrdered, dropOrdered } from './ordered-consumer.ts';
import type { Position } from './position.ts';
import { logInfo } from './stream-info.ts';

export type ReadOptions = Readonly<{
  stream: StreamName;
  /** None for the whole stream. */
  filters: readonly string[];
  /** The first message when undefined. */
  from: Position | undefined;
  headersOnly?: boolean;
  /** The next message waits for the promise; a rejection ends the reader. */
  onMessage: (message: StoredMessage) => void | Promise<void>;
  onCaughtUp?: (seq: number) => void;
  onFailure: (error: Error) => void;
}>;

export function read(connection: Connection, lookup: Lookup, o: ReadOptions): Promise<Reader> {
  return openFeed({
    connection,
    lookup,
    stream: o.stream,
    from: o.from,
    attach: (nextSeq) => createOrdered(connection, o, nextSeq),
    detach: (consumer) => dropOrdered(connection, o.stream, consumer),
    batchMax: 1,
    handle: ([message]) => (message === undefined ? undefined : o.onMessage(message)),
    onCaughtUp: o.onCaughtUp,
    onFailure: o.onFailure,
  });
}

export type ReplayOptions = Readonly<{
  stream: StreamName;
  filter: string;
  fromSeq?: number;
  toSeq?: number;
  batchMax: number;
  /** The next batch waits for it; a rejection ends the replay and becomes its own. */
  onBatch: (messages: readonly StoredMessage[]) => void | Promise<void>;
}>;

export type Replayed = Readonly<{ count: number; lastSeq: number }>;

/** Everything that exists at the time of the call, once and in order. */
export async function replay(
  connection: Connection,
  lookup: Lookup,
  o: ReplayOptions,
): Promise<Replayed> {
  const info = await logInfo(connection, o.stream);
  const toSeq = Math.min(o.toSeq ?? info.lastSeq, info.lastSeq);
  const fromSeq = Math.max(o.fromSeq ?? 1, info.firstSeq, 1);
  let count = 0;
  let lastSeq = 0;
  if (fromSeq > toSeq) return { count, lastSeq };
  const done = Promise.withResolvers<void>();
  const reader = await openFeed({
    connection,
    lookup,
    stream: o.stream,
    from: undefined,
    // The feed counts from the first message that it has handled; before it, from where the replay begins.
    attach: (nextSeq) =>
      createOrdered(
        connection,
        { stream: o.stream, filters: [o.filter] },
        Math.max(nextSeq, fromSeq),
      ),
    detach: (consumer) => dropOrdered(connection, o.stream, consumer),
    batchMax: o.batchMax,
    handle: async (messages) => {
      const wanted = messages.filter((message) => message.seq <= toSeq);
      if (wanted.length > 0) await o.onBatch(wanted);
      count += wanted.length;
      lastSeq = wanted.at(-1)?.seq ?? lastSeq;
      if (wanted.length < messages.length) done.resolve();
    },
    onFailure: done.reject,
  });
  reader.caughtUp.then(done.resolve, done.reject);
  try {
    await done.promise;
    return { count, lastSeq };
  } finally {
    await reader.stop();
  }
}

export type PageOptions = Readonly<{
  stream: StreamName;
  filter: string;
  fromSeq?: number;
  toSeq?: number;
  max: number;
}>;

/** The first so many messages that there are; however long the rest is, no more of it is read than that takes. */
export async function page(
  connection: Connection,
  lookup: Lookup,
  { max, ...o }: PageOptions,
): Promise<readonly StoredMessage[]> {
  const found: StoredMessage[] = [];
  const full = new Error('the page is full');
  const replayed = replay(connection, lookup, {
    ...o,
    batchMax: max,
    onBatch: (messages) => {
      found.push(...messages.slice(0, max - found.length));
      if (found.length === max) throw full;
    },
  });
  await replayed.catch((error: unknown) => {
    if (error !== full) throw error;
  });
  return found;
}
