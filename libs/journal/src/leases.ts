/** All leases and watchers of one journal: opened when the first is asked for, released together. */
import type { Connection } from './connection.ts';
import type { Reader } from './feed.ts';
import { type Lease, type LeaseOptions, openLease } from './lease.ts';
import { type LeaseBoard, openLeaseBoard } from './lease-board.ts';
import { type WatchLeasesOptions, watchLeases } from './lease-watch.ts';
import type { Lookup } from './lookup.ts';
import { openPublisher, type Publisher } from './publisher.ts';

export type Leases = Readonly<{
  lease(o: LeaseOptions): Lease;
  watch(o: WatchLeasesOptions): Promise<Reader>;
  /** Those that are not released yet. */
  release(): Promise<void>;
  close(): void;
}>;

/** A publisher of its own, so that a renewal does not wait behind thousands of appends. */
type Opened = Readonly<{ connection: Connection; board: LeaseBoard; publisher: Publisher }>;

export function openLeases(connection: Connection, lookup: Lookup): Leases {
  const held = new Set<Lease>();
  let opened: Opened | undefined;
  const open = (): Opened => {
    opened ??= {
      connection,
      board: openLeaseBoard(connection, lookup),
      publisher: openPublisher(connection),
    };
    return opened;
  };
  return {
    lease: (o) => {
      const lease = openLease(open(), o);
      const kept: Lease = {
        epoch: lease.epoch,
        release: () => lease.release().finally(() => held.delete(kept)),
      };
      held.add(kept);
      return kept;
    },
    watch: (o) => watchLeases(open().board, o),
    release: async () => {
      await Promise.all([...held].map((lease) => lease.release()));
    },
    close: () => {
      void opened?.board.close();
      opened?.publisher.close();
    },
  };
}
