/** For tests: waiting for a stated condition, with a bound, instead of sleeping. */
import { systemClock } from './clock.ts';

export type Condition = Readonly<{ withinMs?: number; everyMs?: number; what?: string }>;
type Probed<T> = T | undefined | null | false;

/**
 * Asks until the answer is neither false, null nor undefined, and returns it. A probe that throws
 * counts as "not yet"; the last error becomes the cause when the time is up. A probe that never
 * answers ends with the time too.
 */
export async function eventually<T>(
  probe: () => Probed<T> | Promise<Probed<T>>,
  o: Condition = {},
): Promise<T> {
  const { withinMs = 5_000, everyMs = 20, what = 'the condition' } = o;
  const endsAtMs = systemClock.monotonicMs() + withinMs;
  let cause: unknown;
  for (;;) {
    const leftMs = endsAtMs - systemClock.monotonicMs();
    const enough = Promise.withResolvers<undefined>();
    const timer = systemClock.after(leftMs, () => enough.resolve(undefined));
    try {
      const answer = await Promise.race([probe(), enough.promise]);
      if (answer !== undefined && answer !== null && answer !== false) return answer;
    } catch (error) {
      cause = error;
    } finally {
      timer.cancel();
    }
    if (systemClock.monotonicMs() >= endsAtMs) {
      throw new Error(
        `${what} did not hold within ${withinMs} ms`,
        cause === undefined ? {} : { cause },
      );
    }
    await systemClock.sleep(Math.min(everyMs, Math.max(endsAtMs - systemClock.monotonicMs(), 0)));
  }
}
