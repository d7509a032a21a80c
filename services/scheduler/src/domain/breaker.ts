/**
 * Mass expiry is more likely a fault of ours than of all those agents: where too much falls due within a while, nothing is given up for
 * as long, once. A deadline is a lower bound, so waiting is legal; afterwards what is still due is settled, and nothing is held again
 * before it has become less. So a loss that goes on delays each deadline by one hold at most, and starves none.
 */

/** More than so many within the window, and more than such a share of what is open: heartbeats alone are spread over a minute. */
const LEAST = 20;
const SHARE = 0.2;
const WINDOW_MS = 15_000;
const HOLD_MS = 15_000;

/** How much of it there is, by kind. */
export type Silence = Readonly<Record<string, number>>;
export type Trip = Readonly<{ count: number; kinds: Silence; open: number; holdMs: number }>;

export type Breaker = Readonly<{
  /** What has newly fallen due in one sweep, be it nothing. Gives the trip where it was too much. */
  saw(kinds: Silence, open: number, now: number): Trip | undefined;
  /** Until when what was first seen at `since` is not given up: a later trip does not hold it again. 0 for now. */
  heldUntil(since: number): number;
  /** Until when anything is held; 0 while it has not tripped. */
  holdsUntil(): number;
}>;

type Seen = Readonly<{ at: number; kinds: Silence }>;

export function createBreaker(): Breaker {
  let seen: readonly Seen[] = [];
  let from = 0;
  let until = 0;
  let isTripped = false;

  return {
    saw: (kinds, open, now) => {
      const recent = seen.filter(({ at }) => at > now - WINDOW_MS);
      seen = Object.keys(kinds).length === 0 ? recent : [...recent, { at: now, kinds }];
      const sum = sumOf(seen);
      const count = Object.values(sum).reduce((all, each) => all + each, 0);
      if (count <= Math.max(LEAST, open * SHARE)) {
        if (now > until) isTripped = false;
        return undefined;
      }
      if (isTripped) return undefined;
      isTripped = true;
      from = now;
      until = now + HOLD_MS;
      return { count, kinds: sum, open, holdMs: HOLD_MS };
    },
    heldUntil: (since) => (since < from ? 0 : until),
    holdsUntil: () => until,
  };
}

function sumOf(seen: readonly Seen[]): Silence {
  const sum: Record<string, number> = {};
  for (const { kinds } of seen)
    for (const [kind, count] of Object.entries(kinds)) sum[kind] = (sum[kind] ?? 0) + count;
  return sum;
}
