/**
 * Whether agents of a pool come up: after a failure the next try waits, longer every time, and is one agent alone; after a round of
 * starts the next one waits a moment, so that what was started has been counted. Pure values.
 */

export type PoolHealth = Readonly<{
  /** In a row. */
  failures: number;
  /** Of the last failure. */
  why: string | null;
  /** Server times before which nothing is started: for the last failure, and for the last start. */
  backoffUntil: number;
  pauseUntil: number;
}>;

export const healthy: PoolHealth = { failures: 0, why: null, backoffUntil: 0, pauseUntil: 0 };

export const backoff = { baseMs: 1_000, capMs: 60_000 } as const;
const pauseMs = 1_000;

/** Several that were started together fail together: that is one failure. */
export function failed(health: PoolHealth, why: string, now: number): PoolHealth {
  if (now < health.backoffUntil) return { ...health, why };
  const waitMs = Math.min(backoff.capMs, backoff.baseMs * 2 ** Math.min(health.failures, 30));
  return { ...health, failures: health.failures + 1, why, backoffUntil: now + waitMs };
}

/** An agent of it is at work, or is ready for some. */
export const proven = ({ pauseUntil }: PoolHealth): PoolHealth => ({ ...healthy, pauseUntil });

export const started = (health: PoolHealth, now: number): PoolHealth => ({
  ...health,
  pauseUntil: now + pauseMs,
});

/** Nothing is started before. */
export const startableAt = ({ backoffUntil, pauseUntil }: PoolHealth): number =>
  Math.max(backoffUntil, pauseUntil);
