/**
 * One partition of the log as this process sees it: its runs and sessions folded into a desk, whether or not the lease of it is
 * held here, so that whoever gains it decides at once.
 */
import { type LiveRuns, openLiveRuns } from '@waybill/fold';
import type { Journal, Lease, Reader } from '@waybill/journal';
import { refuseNewer } from '@waybill/journal';
import type { Clock, Logger } from '@waybill/process';
import type { Partition, StoredMessage } from '@waybill/protocol';
import { holdsLease, partitionFilters, partitionName, readAgentMessage } from '@waybill/protocol';
import { createDeadlineDesk, type DeadlineDesk } from '../domain/deadline-desk.ts';

const LEASE_TTL_MS = 5_000;

export type SeatOptions = Readonly<{
  journal: Pick<Journal, 'read' | 'info' | 'saveSnapshot' | 'loadSnapshot' | 'lease'>;
  clock: Clock;
  log: Logger;
  partition: Partition;
  /** This process, for people. */
  holder: string;
  onFailure: (error: Error) => void;
}>;

export type PartitionSeat = Readonly<{
  /** `0of1`. */
  name: string;
  desk: DeadlineDesk;
  live: LiveRuns;
  caughtUp(): Promise<unknown>;
  /** From then on the lease is campaigned for. */
  campaign(): void;
  /** Of the lease, while it is surely held. */
  epoch(): number | undefined;
  /** Called when a run is folded that more is to be decided of. */
  onFreed(call: () => void): void;
  stop(): Promise<void>;
}>;

export async function openPartitionSeat(o: SeatOptions): Promise<PartitionSeat> {
  const { journal, clock, log, partition, onFailure } = o;
  const name = partitionName(partition);
  /** Events come before the reader that brings them is known. */
  const opened: { live?: LiveRuns; agents?: Reader; lease?: Lease; freed?: () => void } = {};
  const epoch = (): number | undefined => opened.lease?.epoch();
  const desk = createDeadlineDesk({ run: (runId) => opened.live?.run(runId) });

  const live = await openLiveRuns({
    journal,
    clock,
    log,
    name: `scheduler.${name}`,
    partition,
    onRestored: desk.restored,
    onEvent: (folded) => {
      if (desk.folded(folded)) opened.freed?.();
    },
    onFailure,
    maySave: () => holdsLease(epoch()),
    beside: {
      save: desk.lines,
      restore: desk.restore,
      positions: () => {
        const position = opened.agents?.position();
        return position === undefined ? {} : { WB_AGENTS: position };
      },
    },
  });
  opened.live = live;
  const agents = await journal.read({
    stream: 'WB_AGENTS',
    filters: partitionFilters('agent', partition),
    from: live.restoredPositions.WB_AGENTS,
    onMessage: (message: StoredMessage) => {
      const event = readAgentMessage(message);
      if (event?.type === 'unreadable') refuseNewer(message, event.problem, log);
      if (event !== undefined) desk.heardAgent(event);
    },
    onFailure,
  });
  opened.agents = agents;
  return {
    name,
    desk,
    live,
    caughtUp: () => Promise.all([live.reader.caughtUp, agents.caughtUp]),
    campaign: () => {
      const { holder } = o;
      opened.lease = journal.lease({ name: `scheduler.${name}`, holder, ttlMs: LEASE_TTL_MS });
    },
    epoch,
    onFreed: (call) => {
      opened.freed = call;
    },
    stop: async () => {
      await opened.lease?.release();
      await Promise.all([live.stop(), agents.stop()]);
    },
  };
}
