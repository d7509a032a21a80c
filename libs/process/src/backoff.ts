/**
 * The one place where anything is tried again: full jitter, a cap, and a deadline. The last error
 * reaches the caller as it was; whether it means "failed" or "outcome unknown" is the caller's to
 * say.
 */
import type { Clock } from './clock.ts';

export type BackoffOptions = Readonly<{
  baseMs: number;
  capMs: number;
  factor?: number;
  random: () => number;
}>;

/**
 * The wait after the given attempt, counted from 1: anything from 0 to `baseMs * factor^(attempt -
 * 1)`, capped.
 */
export function backoffMs(attempt: number, o: BackoffOptions): number {
  const ceilingMs = Math.min(o.capMs, o.baseMs * (o.factor ?? 2) ** Math.max(attempt - 1, 0));
  return Math.floor(o.random() * ceilingMs);
}

export type RetryOptions = Readonly<{
  clock: Clock;
  /**
   * A duration from the call on. An attempt under way is not cut short by it; none begins after it.
   */
  deadlineMs: number;
  baseMs?: number;
  capMs?: number;
  random?: () => number;
  retryable: (error: unknown) => boolean;
  signal?: AbortSignal;
}>;

/** Calls `work` with 1, 2, … until it succeeds, fails for good, or the deadline has passed. */
export async function retry<T>(work: (attempt: number) => Promise<T>, o: RetryOptions): Promise<T> {
  const endsAtMs = o.clock.monotonicMs() + o.deadlineMs;
  const backoff = {
    baseMs: o.baseMs ?? 50,
    capMs: o.capMs ?? 2_000,
    random: o.random ?? Math.random,
  };
  for (let attempt = 1; ; attempt++) {
    o.signal?.throwIfAborted();
    try {
      return await work(attempt);
    } catch (error) {
      const leftMs = endsAtMs - o.clock.monotonicMs();
      if (!o.retryable(error) || leftMs <= 0) throw error;
      await o.clock.sleep(Math.min(backoffMs(attempt, backoff), leftMs), o.signal);
    }
  }
}
