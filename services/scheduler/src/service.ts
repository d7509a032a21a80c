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
import { openRunTable } from './shell/run-table.ts';

export function schedulerService(config: Config, { clock, log }: Host): Service {
  let journal: Journal | undefined;
  let sweeping: Readonly<{ stop(): void }> | undefined;
  let failure: Error | undefined;

  const close = async (): Promise<void> => {
    sweeping?.stop();
    // With it its reader ends, and within a bound what is on its way.
    await journal?.close();
  };
  const open = async (signal: AbortSignal, onFailure: (error: Error) => void): Promise<void> => {
    const nats = natsSettings(config);
    journal = await openJournal({ nats, name: 'waybill-scheduler', clock, log });
    signal.addEventListener('abort', () => void close(), { once: true });
    signal.throwIfAborted();
    await journal.provision();
    const startedAt = await journal.serverTime('WB_RUNS');
    // Offers that nobody watched get one full answer time from the start of the watch.
    const lookFrom = ({ kind, offeredAt }: Deadline): number =>
      kind === 'ack' && offeredAt < startedAt ? startedAt + WATCH_MS : 0;
    const table = await openRunTable({ journal, clock, log, lookFrom, onFailure });
    await table.reader.caughtUp;
    table.observe(startedAt);
    sweeping = startSweeping({ journal, clock, log, table });
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
          return journal?.status().connected === true
            ? { ready: true }
            : { ready: false, reason: 'not connected to NATS' };
        },
      },
    ],
  };
}
