/**
 * A clock that a test moves by hand. Due timers fire in the order of their instants, then of their
 * creation, and the promises that a timer settles run before the next one fires.
 */
import { type Clock, requirePeriod, sleepOn, type Timer } from './clock.ts';

export type ManualClock = Clock &
  Readonly<{
    /** Lets that much time pass, firing what falls due on the way. */
    advance(ms: number): Promise<void>;
    /**
     * Corrects the wall clock, as an operator would: no timer fires and durations are not touched.
     */
    set(nowMs: number): void;
    /** How many timers are armed: what a test asserts to be 0 after a stop. */
    pending(): number;
  }>;

type Entry = {
  dueMs: number;
  readonly order: number;
  readonly periodMs: number | undefined;
  readonly run: () => void;
};

export function manualClock(startMs = 0): ManualClock {
  const armed = new Set<Entry>();
  let elapsedMs = 0;
  let offsetMs = startMs;
  let order = 0;
  let advancing = false;

  const arm = (ms: number, periodMs: number | undefined, run: () => void): Timer => {
    const entry: Entry = { dueMs: elapsedMs + Math.max(ms, 0), order: order++, periodMs, run };
    armed.add(entry);
    return { cancel: () => void armed.delete(entry) };
  };
  const after: Clock['after'] = (ms, run) => arm(ms, undefined, run);

  const advance = async (ms: number): Promise<void> => {
    if (advancing) throw new Error('the manual clock is already being advanced');
    advancing = true;
    try {
      const untilMs = elapsedMs + ms;
      await settle();
      for (let next = earliest(armed, untilMs); next; next = earliest(armed, untilMs)) {
        elapsedMs = Math.max(elapsedMs, next.dueMs);
        if (next.periodMs === undefined) armed.delete(next);
        else next.dueMs += next.periodMs;
        next.run();
        await settle();
      }
      elapsedMs = untilMs;
    } finally {
      advancing = false;
    }
  };

  return {
    now: () => offsetMs + elapsedMs,
    monotonicMs: () => elapsedMs,
    after,
    every: (ms, run) => {
      requirePeriod(ms);
      return arm(ms, ms, run);
    },
    sleep: (ms, signal) => sleepOn(after, ms, signal),
    advance,
    set: (nowMs) => {
      offsetMs = nowMs - elapsedMs;
    },
    pending: () => armed.size,
  };
}

function earliest(armed: ReadonlySet<Entry>, untilMs: number): Entry | undefined {
  let best: Entry | undefined;
  for (const entry of armed) {
    if (entry.dueMs > untilMs) continue;
    if (
      !best ||
      entry.dueMs < best.dueMs ||
      (entry.dueMs === best.dueMs && entry.order < best.order)
    )
      best = entry;
  }
  return best;
}

/**
 * A turn of the event loop: every promise that is already settled has run its continuations
 * afterwards.
 */
function settle(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}
