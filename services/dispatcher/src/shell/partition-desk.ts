/**
 * What one dispatcher does for one partition: its runs, its triggers, and the lease under which it decides about both. Campaigns
 * for the lease only when everything is folded.
 */
import type { DeciderJournal } from '@waybill/fold';
import type { Position } from '@waybill/journal';
import type { Clock, Logger } from '@waybill/process';
import type { Partition } from '@waybill/protocol';
import type { ConfigBook } from './config-book.ts';
import { openRunLoop, type RunLoop } from './run-loop.ts';
import { openTenure, type Tenure } from './tenure.ts';
import { openTriggerLoop, type TriggerLoop } from './trigger-loop.ts';

export type PartitionDeskOptions = Readonly<{
  journal: DeciderJournal;
  clock: Clock;
  log: Logger;
  partition: Partition;
  /** This process, for people. */
  holder: string;
  book: ConfigBook;
  /** Whether the log has no room for new work. */
  isFull: () => boolean;
  onFailure: (error: Error) => void;
}>;

export type PartitionDesk = Readonly<{
  heardGateway: RunLoop['heardGateway'];
  /** Once everything is folded that was there: from then on it campaigns and decides. */
  begin(): Promise<void>;
  pump(): void;
  stop(): Promise<void>;
}>;

export async function openPartitionDesk(o: PartitionDeskOptions): Promise<PartitionDesk> {
  const { journal, book, isFull } = o;
  let lease: Tenure | undefined;
  let triggers: TriggerLoop | undefined;
  let stopped = false;
  const tenure: Pick<Tenure, 'isHeld' | 'append'> = {
    isHeld: () => lease?.isHeld() ?? false,
    append: (draft, expect) => lease?.append(draft, expect),
  };
  const runs = await openRunLoop({
    ...o,
    tenure,
    ackTimeoutMs: (org) => book.settings(org).dispatchAckTimeoutMs,
    mayOffer: () => !isFull(),
    triggersSettledUpTo: (): Position | undefined => triggers?.settledUpTo(),
  });
  const pump = (): void => {
    runs.pump();
    triggers?.pump();
  };
  return {
    heardGateway: runs.heardGateway,
    begin: async () => {
      await runs.caughtUp;
      if (stopped) return;
      // Behind the runs: a decision whose run is not known by then has none.
      triggers = await openTriggerLoop({
        ...o,
        tenure,
        from: runs.triggersFrom,
        knowsRun: runs.knowsRun,
        mayCreate: () => !isFull(),
      });
      await triggers.reader.caughtUp;
      if (stopped) return;
      lease = openTenure({ ...o, journal, onChange: pump });
      runs.begin();
      triggers.pump();
    },
    pump,
    stop: async () => {
      stopped = true;
      triggers?.stop();
      await Promise.all([lease?.release(), runs.stop(), triggers?.reader.stop()]);
    },
  };
}
