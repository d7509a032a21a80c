/** What agents do against the protocol, stored within a rate: a burst, then one per interval that tells how many there were. */
import type { Clock } from '@waybill/process';
import { limits } from '../domain/limits.ts';

/** The frame that it was done with, and the job that the frame named. */
export type ViolationPlace = Readonly<{ frame: string; jobId?: string }>;
export type Violation = Readonly<{ code: string; detail: string }> & Partial<ViolationPlace>;
export type StoredViolation = Violation & Readonly<{ suppressed?: number }>;

export type ViolationRate = Readonly<{
  /** What to store of this one, undefined while the rate is used up. */
  next(violation: Violation): StoredViolation | undefined;
  /** The last one that was not stored, for those before it too: nothing comes behind it that could tell. */
  rest(): StoredViolation | undefined;
}>;

export function violationRate(clock: Clock): ViolationRate {
  let left: number = limits.violationsMax;
  let refilledMs = clock.monotonicMs();
  let suppressed = 0;
  let last: Violation | undefined;

  const told = (violation: Violation, before: number): StoredViolation => {
    suppressed = 0;
    last = undefined;
    return before === 0 ? violation : { ...violation, suppressed: before };
  };
  return {
    next: (violation) => {
      const nowMs = clock.monotonicMs();
      const earned = Math.floor((nowMs - refilledMs) / limits.violationEveryMs);
      if (earned > 0) {
        left = Math.min(limits.violationsMax, left + earned);
        refilledMs = nowMs;
      }
      if (left === 0) {
        suppressed += 1;
        last = violation;
        return undefined;
      }
      left -= 1;
      return told(violation, suppressed);
    },
    rest: () => (last === undefined ? undefined : told(last, suppressed - 1)),
  };
}
