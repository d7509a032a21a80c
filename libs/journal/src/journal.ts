/**
 * The log, as every service sees it: append, read, follow, provision; and the leases and snapshots beside it. One
 * connection behind it; the only place in the project that knows NATS.
 */
import type { StoredMessage, StreamName } from '@waybill/protocol';
import { type Append, openAppender } from './append.ts';
import { type Blobs, openBlobs } from './blobs.ts';
import {
  type Broadcaster,
  type Listening,
  type ListenOptions,
  listen,
  openBroadcaster,
} from './broadcast.ts';
import type { TableName } from './bucket.ts';
import { type Connection, type ConnectionOptions, openConnection } from './connection.ts';
import { type ConsumeOptions, consume } from './consume.ts';
import type { Reader } from './feed.ts';
import type { Lease, LeaseOptions } from './lease.ts';
import type { WatchLeasesOptions } from './lease-watch.ts';
import { openLeases } from './leases.ts';
import { type LoadOptions, openLookup } from './lookup.ts';
import { type Provisioned, provision } from './provision.ts';
import { openPublisher } from './publisher.ts';
import {
  type PageOptions,
  page,
  type ReadOptions,
  type Replayed,
  type ReplayOptions,
  read,
  replay,
} from './read.ts';
import { loadSnapshot, type Snapshot, type SnapshotDraft, saveSnapshot } from './snapshot.ts';
import { type LogInfo, logInfo } from './stream-info.ts';
import { openTable, type Table } from './table.ts';

export type JournalStatus = Readonly<{ connected: boolean; reason?: string }>;

export type Journal = Readonly<{
  append: Append;
  /** All messages of one run, ascending. `filter` has wildcards, as `subjects.runFilter`. */
  load(stream: StreamName, filter: string, o?: LoadOptions): Promise<readonly StoredMessage[]>;
  get(
    stream: StreamName,
    seq: number,
    o?: { leader?: boolean },
  ): Promise<StoredMessage | undefined>;
  /** The last message on a subject, or on all subjects of a wildcard. */
  last(
    stream: StreamName,
    subject: string,
    o?: { leader?: boolean },
  ): Promise<StoredMessage | undefined>;
  read(o: ReadOptions): Promise<Reader>;
  consume(o: ConsumeOptions): Promise<Reader>;
  replay(o: ReplayOptions): Promise<Replayed>;
  /** The first so many of what exists at the time of the call. */
  page(o: PageOptions): Promise<readonly StoredMessage[]>;
  /** Unix milliseconds; moves when nothing is appended. */
  serverTime(stream: StreamName): Promise<number>;
  info(stream: StreamName): Promise<LogInfo>;
  /** Campaigns until it is released or the journal closes. */
  lease(o: LeaseOptions): Lease;
  watchLeases(o: WatchLeasesOptions): Promise<Reader>;
  /** Replaces the one under that name once it is stored as a whole. */
  saveSnapshot(name: string, draft: SnapshotDraft): Promise<void>;
  /** The newest whole one; none for one of another fold version or a damaged one, and the log says so. */
  loadSnapshot(name: string, foldVersion: number): Promise<Snapshot | undefined>;
  /** For messages that nobody keeps. `onGap`: connected again, and the last ones may have reached nobody. */
  broadcaster(o: { onGap: () => void }): Broadcaster;
  /** Hears what is broadcast from then on. */
  listen(o: ListenOptions): Promise<Listening>;
  readonly blobs: Blobs;
  table(name: TableName): Table;
  provision(o?: { replicas?: number }): Promise<readonly Provisioned[]>;
  /** Of the server the journal is connected to: body and headers together. */
  readonly maxPayload: number;
  status(): JournalStatus;
  /** Stops the readers and waits for appends under way, both within a bound. */
  close(): Promise<void>;
}>;

const closeBoundMs = 5_000;
const closeStepMs = 10;

export async function openJournal(o: ConnectionOptions): Promise<Journal> {
  const connection = await openConnection(o);
  const lookup = openLookup(connection);
  const publisher = openPublisher(connection);
  const appender = openAppender({ connection, publisher, lookup });
  const leases = openLeases(connection, lookup);
  const readers = new Set<Reader>();
  const keep = async (opening: Promise<Reader>): Promise<Reader> => {
    const reader = await opening;
    readers.add(reader);
    return { ...reader, stop: () => reader.stop().finally(() => readers.delete(reader)) };
  };
  let closing: Promise<void> | undefined;
  const close = async (): Promise<void> => {
    appender.refuse();
    const stopped = Promise.all([...readers].map((reader) => reader.stop()));
    const endsAtMs = o.clock.monotonicMs() + closeBoundMs;
    await within(connection, closeBoundMs, Promise.all([stopped, leases.release()]));
    while (appender.unsettled() > 0 && o.clock.monotonicMs() < endsAtMs)
      await o.clock.sleep(closeStepMs);
    if (connection.connected()) await within(connection, 1_000, connection.nc.flush());
    publisher.close();
    leases.close();
    lookup.close();
    await connection.close();
  };
  return {
    append: appender.append,
    load: lookup.load,
    get: lookup.get,
    last: lookup.last,
    read: (options) => keep(read(connection, lookup, options)),
    consume: (options) => keep(consume(connection, lookup, options)),
    replay: (options) => replay(connection, lookup, options),
    page: (options) => page(connection, lookup, options),
    lease: leases.lease,
    watchLeases: (options) => keep(leases.watch(options)),
    saveSnapshot: (name, draft) => saveSnapshot(connection, lookup, name, draft),
    loadSnapshot: (name, foldVersion) => loadSnapshot(connection, lookup, name, foldVersion),
    broadcaster: ({ onGap }) => openBroadcaster(connection, onGap),
    listen: (options) => listen(connection, options),
    blobs: openBlobs(connection, lookup),
    table: (name) => {
      const table = openTable({ connection, publisher, lookup }, name);
      return { ...table, watch: (options) => keep(table.watch(options)) };
    },
    serverTime: async (stream) => (await logInfo(connection, stream)).at,
    info: (stream) => logInfo(connection, stream),
    provision: (options) => provision(connection, options),
    get maxPayload() {
      return connection.maxPayload();
    },
    status: () => {
      const reason = connection.reason();
      return reason === undefined ? { connected: true } : { connected: false, reason };
    },
    close: () => {
      closing ??= close();
      return closing;
    },
  };
}

/** Whatever it ends with: closing goes on. */
async function within(connection: Connection, ms: number, work: Promise<unknown>): Promise<void> {
  const late = new AbortController();
  await Promise.race([
    work.catch(() => undefined),
    connection.clock.sleep(ms, late.signal).catch(() => undefined),
  ]);
  late.abort();
}
