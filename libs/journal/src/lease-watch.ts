/** Who holds the leases of a kind, told as it changes: taken, taken by another, gone. Renewals are not told. */
import { Outage } from '@waybill/process';
import type { Reader } from './feed.ts';
import type { LeaseBoard } from './lease-board.ts';
import type { LeaseRecord } from './lease-record.ts';

export type LeaseView = Readonly<{ name: string; holder: string; epoch: number }>;

export type WatchLeasesOptions = Readonly<{
  /** Of the name: `gateway.`. */
  prefix: string;
  onChange: (name: string, held: LeaseView | undefined) => void;
  /** A wrong set-up, or what `onChange` has thrown: the watch is over. Outages are waited out. */
  onFailure: (error: Error) => void;
}>;

/** Caught up once every lease that is held has been told. */
export async function watchLeases(board: LeaseBoard, o: WatchLeasesOptions): Promise<Reader> {
  const told = new Map<string, number>();
  const caughtUp = Promise.withResolvers<void>();
  caughtUp.promise.catch(() => undefined);
  let isOpen = true;

  const end = (error: Error): void => {
    isOpen = false;
    stopListening();
    caughtUp.reject(error);
  };
  const failed = (error: Error): void => {
    if (!isOpen) return;
    end(error);
    o.onFailure(error);
  };
  const heard = ({ name, held }: LeaseRecord): void => {
    if (!isOpen || !name.startsWith(o.prefix) || told.get(name) === held?.epoch) return;
    if (held === undefined) told.delete(name);
    else told.set(name, held.epoch);
    const view = held === undefined ? undefined : { name, holder: held.holder, epoch: held.epoch };
    try {
      o.onChange(name, view);
    } catch (error) {
      failed(error instanceof Error ? error : new Error(String(error)));
    }
  };
  // Before, a failure is the answer to the call.
  let attached = false;
  const stopListening = board.listen({
    heard,
    failed: (error) => {
      if (attached) failed(error);
    },
  });
  for (const name of board.names()) heard(board.at(name));
  try {
    await board.ready();
  } catch (error) {
    end(new Outage('reader-stopped', 'the reader was stopped'));
    throw error;
  }
  attached = true;
  caughtUp.resolve();
  return {
    position: () => undefined,
    seq: board.seq,
    lag: board.lag,
    caughtUp: caughtUp.promise,
    stop: async () => end(new Outage('reader-stopped', 'the reader was stopped')),
  };
}
