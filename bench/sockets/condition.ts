/** Waits for what other processes come to, looking so often that the end is known to some tens of milliseconds. */
import { systemClock } from '@waybill/process';
import { nowMs } from '../measure/monotonic.ts';

const lookMs = 100;

/** Throws with what was seen last when it does not come within the time. */
export async function until<T>(
  what: string,
  withinMs: number,
  look: () => Promise<T>,
  isThere: (seen: T) => boolean,
): Promise<T> {
  const endMs = nowMs() + withinMs;
  for (;;) {
    const seen = await look();
    if (isThere(seen)) return seen;
    if (nowMs() > endMs)
      throw new Error(`no ${what} within ${withinMs} ms; last: ${JSON.stringify(seen)}`);
    await systemClock.sleep(lookMs);
  }
}
