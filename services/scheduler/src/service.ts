/**
 * The scheduler: it knows time. Every deadline is a fold of the log; what is due, it sweeps. Correct when several run at once:
 * they make the same decisions, the log keeps one of each, and the fold voids whatever was decided too late or too early.
 */

import type { Journal } from '@waybill/journal';
import { natsSettings, openJournal } from '@waybill/journal';
import type { Host, Service } from '@waybill/process';
import type { Config } from './config.ts';
import { openScheduler, type Scheduler } from './shell/scheduler.ts';

export function schedulerService(config: Config, { clock, log }: Host): Service {
  let journal: Journal | undefined;
  let scheduler: Scheduler | undefined;
  let failure: Error | undefined;

  const close = async (): Promise<void> => {
    await scheduler?.stop();
    // With it its readers end, and within a bound what is on its way.
    await journal?.close();
  };
  const open = async (signal: AbortSignal, onFailure: (error: Error) => void): Promise<void> => {
    const nats = natsSettings(config);
    journal = await openJournal({ nats, name: 'waybill-scheduler', clock, log });
    signal.addEventListener('abort', () => void close(), { once: true });
    signal.throwIfAborted();
    await journal.provision();
    const partitions = config.WAYBILL_PARTITIONS;
    scheduler = await openScheduler({ journal, clock, log, partitions, onFailure });
    await scheduler.caughtUp;
  };
  return {
    name: 'scheduler',
    start: async (signal, fail) => {
      const onFailure = (error: Error): void => {
        failure ??= error;
        fail(error);
      };
      try {
        await open(signal, onFailure);
      } catch (error) {
        await close();
        // What a closed journal says of itself is not why the start has ended.
        throw signal.aborted ? signal.reason : error;
      }
    },
    stop: close,
    checks: [
      {
        name: 'scheduler',
        check: () => {
          if (failure !== undefined) return { ready: false, reason: failure.message };
          if (journal?.status().connected !== true)
            return { ready: false, reason: 'not connected to NATS' };
          return scheduler?.check() ?? { ready: false, reason: 'not started' };
        },
      },
    ],
  };
}
