/**
 * The only clock and the only timers of the system. `now` is the host's opinion and decides nothing
 * but when to look; durations are measured with `monotonicMs`, which no clock correction can move.
 */
export type Timer = Readonly<{ cancel(): void }>;
/** A background timer does not keep the process alive. */
export type TimerOptions = Readonly<{ background?: boolean }>;

export type Clock = Readonly<{
  now(): number;
  monotonicMs(): number;
  after(ms: number, run: () => void, options?: TimerOptions): Timer;
  every(ms: number, run: () => void, options?: TimerOptions): Timer;
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
}>;

/** Node fires a timer with a longer delay at once; a longer wait is made of several. */
const delayMsMax = 2_147_483_647;

export const systemClock: Clock = {
  now: () => Date.now(),
  monotonicMs: () => performance.now(),
  after: systemAfter,
  every: systemEvery,
  sleep: (ms, signal) => sleepOn(systemAfter, ms, signal),
};

function systemAfter(ms: number, run: () => void, options: TimerOptions = {}): Timer {
  let handle: NodeJS.Timeout;
  const arm = (leftMs: number): void => {
    const stepMs = Math.min(Math.max(leftMs, 0), delayMsMax);
    handle = setTimeout(() => (leftMs > stepMs ? arm(leftMs - stepMs) : run()), stepMs);
    if (options.background === true) handle.unref();
  };
  arm(ms);
  return { cancel: () => clearTimeout(handle) };
}

function systemEvery(ms: number, run: () => void, options: TimerOptions = {}): Timer {
  requirePeriod(ms);
  const handle = setInterval(run, Math.min(ms, delayMsMax));
  if (options.background === true) handle.unref();
  return { cancel: () => clearInterval(handle) };
}

/** A period of nothing would be an endless loop, on a manual clock a silent one. */
export function requirePeriod(ms: number): void {
  if (!(ms > 0)) throw new RangeError(`a period must be more than 0 ms, got ${ms}`);
}

/**
 * A sleep over any `after`: it ends when due, or throws the signal's reason, and leaves no timer
 * behind.
 */
export async function sleepOn(
  after: Clock['after'],
  ms: number,
  signal?: AbortSignal,
): Promise<void> {
  signal?.throwIfAborted();
  const awake = Promise.withResolvers<void>();
  const timer = after(ms, awake.resolve);
  const onAbort = (): void => awake.resolve();
  signal?.addEventListener('abort', onAbort, { once: true });
  await awake.promise;
  timer.cancel();
  signal?.removeEventListener('abort', onAbort);
  signal?.throwIfAborted();
}
