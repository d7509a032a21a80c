/**
 * The scheduler: it knows time. Every deadline is a fold of the log; what is due, it sweeps. Correct when several run at once:
 * they make the same decisions, the log keeps one of each, and the fold voids whatever was decided too late or too early.
 */
import { deciderService } from '@waybill/fold';
import { objectSettings } from '@waybill/objects';
import type { Host, Service } from '@waybill/process';
import type { Config } from './config.ts';
import { startObjectSweep } from './shell/object-sweep.ts';
import { openScheduler } from './shell/scheduler.ts';

/** `objects`: whether it also sweeps those, which needs a journal that has them. */
export function schedulerService(
  config: Config,
  host: Host,
  { objects = true }: Readonly<{ objects?: boolean }> = {},
): Service {
  const settings = objectSettings(config);
  return deciderService('scheduler', config, host, async (o) => {
    const scheduler = await openScheduler(o);
    if (!objects) return scheduler;
    const sweep = startObjectSweep({ ...o, settings, leads: scheduler.leads });
    return {
      ...scheduler,
      stop: async () => {
        await sweep.stop();
        await scheduler.stop();
      },
    };
  });
}
