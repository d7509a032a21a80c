/**
 * Mass expiry is more likely a fault of ours than of all those agents: where too many fall due at once, nothing is given up for a
 * while, once. A deadline is a lower bound, so waiting is legal; afterwards what is still due is settled.
 */

/** More than so many at once, and more than such a share of what is open. */
const LEAST = 20;
const SHARE = 0.2;
const HOLD_MS = 15_000;

/** How much of it there is, by kind. */
export type Silence = Readonly<Record<string, number>>;
export type Trip = Readonly<{ count: number; kinds: Silence; open: number; holdMs: number }>;

export type Breaker = Readonly<{
  /** What has newly fallen due in one sweep. Gives the trip where it was too much. */
  saw(kinds: Silence, open: number, now: number): Trip | undefined;
  /** Until when nothing is given up; 0 for now. */
  holdsUntil(): number;
}>;

export function createBreaker(): Breaker {
  let until = 0;
  return {
    saw: (kinds, open, now) => {
      const count = Object.values(kinds).reduce((sum, each) => sum + each, 0);
      // What falls due meanwhile belongs to the same trip.
      if (now <= until || count <= Math.max(LEAST, open * SHARE)) return undefined;
      until = now + HOLD_MS;
      return { count, kinds, open, holdMs: HOLD_MS };
    },
    holdsUntil: () => until,
  };
}
