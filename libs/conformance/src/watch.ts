/** Waiting for what the other side does, with a bound: looked at again whenever something has happened. */
import type { Clock } from '@waybill/process';

export type Watch = Readonly<{
  /** Something has happened. */
  tell(): void;
  /** The first answer of the probe; undefined when the time is over. */
  until<T>(probe: () => T | undefined, withinMs: number): Promise<T | undefined>;
  /** Counts what happens, from 1. */
  place(): number;
  /** The place of what happened last. */
  readonly last: number;
  nowMs(): number;
}>;

/** `signal`: the trial is broken off, and with it everything that is waited for. */
export function createWatch(clock: Clock, signal?: AbortSignal): Watch {
  const looks = new Set<() => void>();
  let count = 0;
  return {
    tell: () => {
      for (const look of looks) look();
    },
    until: async <T>(probe: () => T | undefined, withinMs: number) => {
      const found = Promise.withResolvers<T | undefined>();
      const look = (): void => {
        const value = probe();
        if (value !== undefined) found.resolve(value);
      };
      const onAbort = (): void => found.reject(signal?.reason);
      if (signal?.aborted === true) onAbort();
      signal?.addEventListener('abort', onAbort);
      const timer = clock.after(withinMs, () => found.resolve(undefined));
      looks.add(look);
      look();
      try {
        return await found.promise;
      } finally {
        signal?.removeEventListener('abort', onAbort);
        looks.delete(look);
        timer.cancel();
      }
    },
    place: () => (count += 1),
    get last() {
      return count;
    },
    nowMs: () => clock.monotonicMs(),
  };
}
