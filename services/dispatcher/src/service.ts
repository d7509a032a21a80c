/**
 * The dispatcher: triggers into runs, queued jobs into offers. It decides, and appends with an expectation; a second one
 * beside it changes nothing but the number of conflicts. Its state is a fold of the log and nothing else.
 */

import type { Journal, Reader } from '@waybill/journal';
import { natsSettings, openJournal } from '@waybill/journal';
import type { Host, Service } from '@waybill/process';
import type { Config } from './config.ts';
import { openRuleBook } from './shell/rule-book.ts';
import type { RunLoop } from './shell/run-loop.ts';
import { openRunLoop } from './shell/run-loop.ts';
import type { TriggerLoop } from './shell/trigger-loop.ts';
import { openTriggerLoop } from './shell/trigger-loop.ts';

export function dispatcherService(config: Config, { clock, log }: Host): Service {
  let journal: Journal | undefined;
  let readers: readonly Reader[] = [];
  let runs: RunLoop | undefined;
  let triggers: TriggerLoop | undefined;
  let failure: Error | undefined;

  return {
    name: 'dispatcher',
    start: async (_signal, fail) => {
      const onFailure = (error: Error): void => {
        failure ??= error;
        fail(error);
      };
      journal = await openJournal({
        nats: natsSettings(config),
        name: 'waybill-dispatcher',
        clock,
        log,
      });
      await journal.provision();
      const rules = await openRuleBook(journal, log, onFailure);
      runs = await openRunLoop({ journal, clock, log, onFailure });
      triggers = await openTriggerLoop({
        journal,
        clock,
        log,
        rules,
        knowsRun: runs.knowsRun,
        onFailure,
      });
      readers = [rules.reader, ...runs.readers, triggers.reader];
      await Promise.all(readers.map((reader) => reader.caughtUp));
      runs.begin();
      triggers.begin();
    },
    stop: async () => {
      triggers?.stop();
      await Promise.all(readers.map((reader) => reader.stop()));
      await runs?.drain();
      await journal?.close();
    },
    checks: [
      {
        name: 'dispatcher',
        check: () => {
          if (failure !== undefined) return { ready: false, reason: failure.message };
          const status = journal?.status() ?? { connected: false };
          return status.connected
            ? { ready: true }
            : { ready: false, reason: 'not connected to NATS' };
        },
      },
    ],
  };
}
