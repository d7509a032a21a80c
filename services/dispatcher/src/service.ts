/**
 * The dispatcher: triggers into runs, queued jobs into offers. It decides, and appends with an expectation; a second one
 * beside it changes nothing but the number of conflicts. Its state is a fold of the log and nothing else.
 */

import type { Journal } from '@waybill/journal';
import { natsSettings, openJournal } from '@waybill/journal';
import type { Host, Service } from '@waybill/process';
import type { Config } from './config.ts';
import { type Dispatcher, openDispatcher } from './shell/dispatcher.ts';

export function dispatcherService(config: Config, { clock, log }: Host): Service {
  let journal: Journal | undefined;
  let dispatcher: Dispatcher | undefined;
  let failure: Error | undefined;

  const close = async (): Promise<void> => {
    await dispatcher?.stop();
    await journal?.close();
  };
  const open = async (signal: AbortSignal, onFailure: (error: Error) => void): Promise<void> => {
    const nats = natsSettings(config);
    journal = await openJournal({ nats, name: 'waybill-dispatcher', clock, log });
    signal.addEventListener('abort', () => void close(), { once: true });
    signal.throwIfAborted();
    await journal.provision();
    const partitions = config.WAYBILL_PARTITIONS;
    dispatcher = await openDispatcher({ journal, clock, log, partitions, onFailure });
    await dispatcher.caughtUp;
  };
  return {
    name: 'dispatcher',
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
        name: 'dispatcher',
        check: () => {
          if (failure !== undefined) return { ready: false, reason: failure.message };
          const status = journal?.status() ?? { connected: false };
          if (!status.connected) return { ready: false, reason: 'not connected to NATS' };
          return dispatcher?.check() ?? { ready: false, reason: 'not started' };
        },
      },
    ],
  };
}
