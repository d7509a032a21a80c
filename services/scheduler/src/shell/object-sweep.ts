/**
 * Sweeps objects, once a minute: uploads that nobody has committed, caches that are too old or over their quota. Only where the
 * lease of the first partition is held, which saves work and guards nothing: two at once remove the same things.
 */
import type { Journal } from '@waybill/journal';
import { type ObjectSettings, type ObjectSweeper, openObjectSweeper } from '@waybill/objects';
import type { Clock, Logger } from '@waybill/process';

const SWEEP_MS = 60_000;

export type ObjectSweepOptions = Readonly<{
  journal: Pick<Journal, 'blobs' | 'table' | 'serverTime'>;
  clock: Clock;
  log: Logger;
  settings: ObjectSettings;
  leads: () => boolean;
  everyMs?: number;
}>;

/** A sweep that fails is logged, and the next one does its work. */
export function startObjectSweep(o: ObjectSweepOptions): Readonly<{ stop(): Promise<void> }> {
  const { journal, clock, log } = o;
  let sweeper: ObjectSweeper | undefined;
  let sweeping: Promise<void> | undefined;
  let stopped = false;

  const sweep = async (): Promise<void> => {
    sweeper ??= await openObjectSweeper(o);
    const swept = await sweeper.sweep({ nowMs: await journal.serverTime('WB_RUNS') });
    if (swept.uploads + swept.expired + swept.evicted > 0) log.info(swept, 'objects were swept');
  };
  const timer = clock.every(o.everyMs ?? SWEEP_MS, () => {
    if (sweeping !== undefined || !o.leads()) return;
    sweeping = sweep()
      .catch((error: unknown) => {
        if (!stopped) log.warn({ err: error }, 'objects could not be swept; the next one tries');
      })
      .finally(() => {
        sweeping = undefined;
      });
  });
  return {
    // What is under way ends with the journal, and what it has not done is done by the next.
    stop: async () => {
      stopped = true;
      timer.cancel();
      await sweeper?.close();
    },
  };
}
