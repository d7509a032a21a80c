/**
 * The dispatcher's parts, wired: what orgs have set, a desk for every partition, and the leases of gateways told to all of them.
 */
import type { Decider, DeciderOptions } from '@waybill/fold';
import { newId, type Readiness } from '@waybill/process';
import { partitionsOf } from '@waybill/protocol';
import { openConfigBook } from './config-book.ts';
import { watchLogRoom } from './log-room.ts';
import { openPartitionDesk, type PartitionDesk } from './partition-desk.ts';

export async function openDispatcher(o: DeciderOptions): Promise<Decider> {
  const { journal, clock, log, onFailure } = o;
  const holder = `dispatcher-${newId()}`;
  const desks: PartitionDesk[] = [];
  const opened: Readonly<{ stop(): unknown }>[] = [];
  const stop = async (): Promise<void> => {
    await Promise.allSettled(opened.map((each) => each.stop()));
  };
  const pump = (): void => {
    for (const desk of desks) desk.pump();
  };

  const open = async (): Promise<Omit<Decider, 'stop'>> => {
    const book = await openConfigBook({ journal, log, onFailure });
    opened.push(book.reader);
    const room = await watchLogRoom({ journal, clock, log, onRoom: pump });
    opened.push(room);
    const isFull = room.isFull;
    for (const partition of partitionsOf(o.partitions)) {
      const about = { journal, clock, log, partition, holder, book, isFull, onFailure };
      const desk = await openPartitionDesk(about);
      desks.push(desk);
      opened.push(desk);
    }
    // What is held is told before anything is offered: a gateway of which nobody tells is not there.
    const leases = await journal.watchLeases({
      prefix: 'gateway.',
      onChange: (name, held) => {
        for (const desk of desks) desk.heardGateway(name, held !== undefined);
      },
      onFailure,
    });
    opened.push(leases);
    const begin = async (): Promise<void> => {
      await leases.caughtUp;
      await Promise.all(desks.map((desk) => desk.begin()));
    };
    const caughtUp = begin();
    // Whoever does not wait for it hears of it by `onFailure`.
    caughtUp.catch(() => undefined);
    return { caughtUp, check: () => (isFull() ? full : { ready: true }) };
  };
  try {
    return { ...(await open()), stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

const full: Readiness = {
  ready: true,
  reason: 'WB_RUNS is at 90 % of its limit: no run is created and no job offered',
};
