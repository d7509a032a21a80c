/** The clock of one life of a process: its host's opinion of the time, and durations that nobody can move. */
import type { Clock, Timer } from '@waybill/process';
import type { Life } from './life.ts';
import type { World } from './world.ts';

/** Any day will do: what the log calls the time at the beginning of a world. */
export const epochMs = Date.UTC(2030, 0, 1);

export function simClock(world: World, life: Life): Clock {
  const after: Clock['after'] = (ms, run) => {
    // As under any event loop, time has gone on when a timer fires, however short it was.
    const cancel = world.schedule(Math.max(ms, 1), life, 'timer', run);
    return { cancel };
  };
  const every: Clock['every'] = (ms, run): Timer => {
    let cancel = (): void => undefined;
    // Armed anew when it has fired: one that was frozen fires once and not for every period that it missed.
    const arm = (): void => {
      cancel = world.schedule(ms, life, 'timer', () => {
        arm();
        run();
      });
    };
    arm();
    return { cancel: () => cancel() };
  };
  return {
    now: () => Math.floor(epochMs + world.now() + life.hostOffsetMs),
    monotonicMs: () => world.now() - life.bornMs,
    after,
    every,
    sleep: async (ms, signal) => {
      signal?.throwIfAborted();
      const awake = Promise.withResolvers<void>();
      const timer = after(ms, awake.resolve);
      const onAbort = (): void => awake.resolve();
      signal?.addEventListener('abort', onAbort, { once: true });
      await awake.promise;
      timer.cancel();
      signal?.removeEventListener('abort', onAbort);
      signal?.throwIfAborted();
    },
  };
}
