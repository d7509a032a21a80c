/**
 * The scheduler's parts, wired: for every partition a desk that is told what the log says, the heartbeats and the leases of
 * gateways told to all of them, and one sweep over those that are held here.
 */
import type { Decider, DeciderOptions } from '@waybill/fold';
import { newId } from '@waybill/process';
import { holdsLease, partitionOf, partitionsOf } from '@waybill/protocol';
import { startSweeping } from './deadline-sweep.ts';
import { openHeartbeatTail } from './heartbeat-tail.ts';
import { openPartitionSeat } from './partition-seat.ts';

export type Scheduler = Decider &
  Readonly<{
    /** Surely holds the lease of the first partition: what there is one of falls to it. */ leads(): boolean;
  }>;

export async function openScheduler(o: DeciderOptions): Promise<Scheduler> {
  const { journal, clock, log, onFailure } = o;
  const holder = `scheduler-${newId()}`;
  const seats = await Promise.all(
    partitionsOf(o.partitions).map((partition) =>
      openPartitionSeat({ journal, clock, log, partition, holder, onFailure }),
    ),
  );
  const heartbeats = await openHeartbeatTail({
    journal,
    log,
    onHeartbeat: (org, jobId, attempt, at) =>
      seats[partitionOf(org, o.partitions)]?.desk.heartbeat(jobId, attempt, at),
    onFailure,
  });
  const leases = await journal.watchLeases({
    prefix: 'gateway.',
    onChange: (name, held) => {
      for (const { desk, live } of seats)
        desk.heardLease(name, held !== undefined, live.serverNow());
    },
    onFailure,
  });

  let sweeping: Readonly<{ stop(): void }> | undefined;
  let stopped = false;
  const begin = async (): Promise<void> => {
    await Promise.all([...seats.map((seat) => seat.caughtUp()), leases.caughtUp]);
    if (stopped) return;
    for (const seat of seats) seat.campaign();
    sweeping = startSweeping({ journal, clock, log, seats });
  };
  const caughtUp = begin();
  // Whoever does not wait for it hears of it by `onFailure`.
  caughtUp.catch(() => undefined);

  return {
    caughtUp,
    leads: () => holdsLease(seats[0]?.epoch()),
    check: () => {
      const isHolding = seats.some(({ desk, live }) => desk.holdsUntil() >= live.serverNow());
      return isHolding
        ? { ready: true, reason: 'degraded (breaker): too much fell silent at once' }
        : { ready: true };
    },
    stop: async () => {
      stopped = true;
      sweeping?.stop();
      await Promise.all([
        heartbeats.stop(),
        leases.stop(),
        ...seats.map((seat) => seat.stop().catch(() => undefined)),
      ]);
    },
  };
}
