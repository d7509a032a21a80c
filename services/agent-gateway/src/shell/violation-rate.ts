/** What agents do against the protocol, stored within a rate: a burst, then one per interval that tells how many there were. */
import type { Clock } from '@waybill/process';
import { limits } from '../domain/limits.ts';

export type Violation = Readonly<{ code: string; detail: string; suppressed?: number }>;

/** Returns what to store of this one, undefined while the rate is used up. */
export function violationRate(
  clock: Clock,
): (code: string, detail: string) => Violation | undefined {
  let left: number = limits.violationsMax;
  let refilledMs = clock.monotonicMs();
  let suppressed = 0;
  return (code, detail) => {
    const nowMs = clock.monotonicMs();
    const earned = Math.floor((nowMs - refilledMs) / limits.violationEveryMs);
    if (earned > 0) {
      left = Math.min(limits.violationsMax, left + earned);
      refilledMs = nowMs;
    }
    if (left === 0) {
      suppressed += 1;
      return undefined;
    }
    left -= 1;
    const violation = suppressed === 0 ? { code, detail } : { code, detail, suppressed };
    suppressed = 0;
    return violation;
  };
}
