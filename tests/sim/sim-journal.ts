/**
 * A journal of one simulated process: the product's own `append` with its retries and judgements, over simulated publishing,
 * reading and following. Everything that it answers arrives as an event of that process.
 */
import type { Append, Journal } from '@waybill/journal';
import type { Clock, Logger } from '@waybill/process';
import { Outage } from '@waybill/process';
import type { LogLink } from './log-link.ts';
import { type LeaseTable, openSimLeases } from './sim-lease.ts';
import type { Headers, LogAnswer, SimLog } from './sim-log.ts';
import { type SimLookup, simLookup } from './sim-lookup.ts';
import { type Redelivery, simRead } from './sim-reader.ts';
import { openSimSnapshots, type SnapshotShelf } from './sim-snapshot.ts';
import { filterOf } from './subject-filter.ts';
import type { World } from './world.ts';

type Silent = Readonly<{ kind: 'silent'; cause: Error; noResponders: boolean }>;
type Publication = Readonly<{
  subject: string;
  body: Uint8Array;
  headers: Readonly<{ encode(): Uint8Array }>;
  untilMs: number;
  done: (answer: LogAnswer | Silent) => void;
}>;

/** What the simulator needs of the real journal's parts: the appender, given everything that it asks of a connection. */
export type OpenAppender = (deps: {
  connection: Readonly<{
    clock: Clock;
    log: Logger;
    connected(): boolean;
    whenConnected(signal?: AbortSignal): Promise<void>;
  }>;
  publisher: Readonly<{ publish(publication: Publication): void; close(): void }>;
  lookup: SimLookup;
}) => Readonly<{ append: Append; refuse(): void }>;

export type Server = Readonly<{
  log: SimLog;
  leases: LeaseTable;
  snapshots: SnapshotShelf;
  again: Redelivery;
  /** A process goes on from a snapshot. */
  onRestored: (name: string) => void;
}>;
type Options = Readonly<{ clock: Clock; log: Logger; openAppender: OpenAppender }>;

const decoder = new TextDecoder();
const maxPayload = 8 * 1024 * 1024;

export function simJournal(world: World, server: Server, link: LogLink, o: Options): Journal {
  const { log } = server;
  const { clock } = o;
  const lookup = simLookup(world, log, link);
  const silent = (cause: Error): Silent => ({ kind: 'silent', cause, noResponders: false });
  const publisher = {
    publish: ({ subject, body, headers, untilMs, done }: Publication): void => {
      if (!link.connected()) {
        const cause = new Outage('nats-disconnected', 'there is no connection');
        queueMicrotask(() => done(silent(cause)));
        return;
      }
      const record = recordOf(headers);
      link.ask<LogAnswer>(
        `append ${subject}`,
        untilMs - clock.monotonicMs(),
        (reply) => log.append(subject, record, body, reply),
        done,
        (cause) => done(silent(cause)),
      );
    },
    close: () => undefined,
  };
  const connection = {
    clock,
    log: o.log,
    connected: link.connected,
    whenConnected: link.whenConnected,
  };
  const appender = o.openAppender({ connection, publisher, lookup });
  return {
    append: appender.append,
    load: lookup.load,
    get: lookup.get,
    last: lookup.last,
    serverTime: lookup.serverTime,
    info: lookup.info,
    read: (options) => simRead({ world, log, link, again: server.again }, options),
    consume: () => Promise.reject(new Error('nobody in the simulation projects anything')),
    replay: async ({
      stream,
      filter,
      fromSeq = 1,
      toSeq = Number.POSITIVE_INFINITY,
      batchMax,
      onBatch,
    }) => {
      const matches = filterOf(filter);
      const all = await lookup.load(stream, filter, { leader: true });
      const wanted = all.filter(
        ({ seq, subject }) => seq >= fromSeq && seq <= toSeq && matches(subject),
      );
      for (let at = 0; at < wanted.length; at += batchMax)
        await onBatch(wanted.slice(at, at + batchMax));
      return { count: wanted.length, lastSeq: wanted.at(-1)?.seq ?? 0 };
    },
    page: () => Promise.reject(new Error('nobody in the simulation reads a page')),
    provision: async () => {
      await lookup.info('WB_RUNS');
      return [];
    },
    ...openSimLeases(world, server.leases, link, clock),
    ...openSimSnapshots(server.snapshots, link, server.onRestored),
    // Nobody in the simulation listens either.
    broadcaster: () => ({ publish: () => undefined, stop: () => undefined }),
    listen: () => Promise.resolve({ stop: () => undefined }),
    // Nobody in the simulation stores objects.
    get blobs(): Journal['blobs'] {
      throw new Error('the simulation has no objects');
    },
    table: () => {
      throw new Error('the simulation has no tables');
    },
    maxPayload,
    status: () =>
      link.connected() ? { connected: true } : { connected: false, reason: 'disconnected' },
    close: () => {
      appender.refuse();
      return Promise.resolve();
    },
  };
}

function recordOf(headers: Publication['headers']): Headers {
  const record: Record<string, string> = {};
  for (const line of decoder.decode(headers.encode()).split('\r\n')) {
    const colon = line.indexOf(':');
    if (colon > 0) record[line.slice(0, colon)] = line.slice(colon + 2);
  }
  return record;
}
