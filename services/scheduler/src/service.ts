/**
 * The scheduler: it knows time. Every deadline is a fold of the log; what is due, it sweeps. Correct when several run at once:
 * they make the same decisions, the log keeps one of each, and the fold voids whatever was decided too late or too early.
 */

import type { Journal } from '@waybill/journal';
import { natsSettings, openJournal } from '@waybill/journal';
import type { Host, Service } from '@waybill/process';
import type { Config } from './config.ts';
import type { Deadline } from './domain/deadline.ts';
import { startSweeping, WATCH_MS } from './shell/deadline-sweep.ts';
import type { RunTable } from './shell/run-table.ts';
import { openRunTable } from './shell/run-table.ts';

export function schedulerService(config: Config, { clock, log }: Host): Service {
  let journal: Journal | undefined;
  let table: RunTable | undefined;
  let sweeping: Readonly<{ stop(): Promise<void> }> | undefined;
  let failure: Error | undefined;

  return {
    name: 'scheduler',
    start: async (_signal, fail) => {
      const onFailure = (error: Error): void => {
        failure ??= error;
        fail(error);
      };
      journal = await openJournal({
        nats: natsSettings(config),
        name: 'waybill-scheduler',
        clock,
        log,
      });
      await journal.provision();
      const startedAt = await journal.serverTime('WB_RUNS');
      // Offers that nobody watched get one full answer time from the start of the watch.
      const lookFrom = ({ kind, offeredAt }: Deadline): number =>
        kind === 'ack' && offeredAt < startedAt ? startedAt + WATCH_MS : 0;
      table = await openRunTable({ journal, clock, log, lookFrom, onFailure });
      await table.reader.caughtUp;
      table.observe(startedAt);
      sweeping = startSweeping({ journal, clock, log, table });
    },
    stop: async () => {
      await sweeping?.stop();
      await table?.reader.stop();
      await journal?.close();
    },
    checks: [
      {
        name: 'scheduler',
        check: () => {
          if (failure !== undefined) return { ready: false, reason: failure.message };
          return journal?.status().connected === true
            ? { ready: true }
            : { ready: false, reason: 'not connected to NATS' };
        },
      },
    ],
  };
}
