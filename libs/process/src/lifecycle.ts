/**
 * Start in order, stop in reverse, with a bound. A part that failed to start leaves nothing running
 * behind it; a part that does not stop in time is abandoned by name, never silently, and does not
 * take the others' time with it.
 */
import type { Clock } from './clock.ts';
import type { Logger } from './logger.ts';
import { safeError } from './safe-error.ts';

export type Part = Readonly<{
  name: string;
  /**
   * The signal ends a start that is no longer wanted, and whatever is left once the part has been
   * stopped or abandoned. A start that rejects has cleaned up after itself. `fail` reports that a
   * started part has broken for good.
   */
  start(signal: AbortSignal, fail: (error: Error) => void): Promise<void>;
  stop(): Promise<void>;
}>;

export type Running = Readonly<{
  /**
   * Every call gets the same answer. Rejects with `StopIncomplete` if anything was abandoned or
   * failed to stop.
   */
  stop(): Promise<void>;
  /** Resolves with the first failure that a running part reports; never rejects. */
  readonly failed: Promise<Error>;
}>;

export type LifecycleOptions = Readonly<{
  clock: Clock;
  log: Logger;
  stopDeadlineMs?: number;
  /** Gives up the start: what has started is stopped, and the reason is thrown. */
  signal?: AbortSignal;
}>;

export class StopIncomplete extends Error {
  override readonly name = 'StopIncomplete';
  readonly code = 'stop-incomplete';
  readonly abandoned: readonly string[];
  readonly broken: readonly string[];

  constructor(abandoned: readonly string[], broken: readonly string[]) {
    const parts = [
      ...abandoned.map((part) => `${part} (no end in time)`),
      ...broken.map((part) => `${part} (failed)`),
    ];
    super(`not everything stopped: ${parts.join(', ')}`);
    this.abandoned = abandoned;
    this.broken = broken;
  }
}

type Started = Readonly<{ part: Part; abort: AbortController }>;

export async function startParts(parts: readonly Part[], o: LifecycleOptions): Promise<Running> {
  const failed = Promise.withResolvers<Error>();
  const started: Started[] = [];
  let stopping: Promise<void> | undefined;
  const stop = (): Promise<void> => (stopping ??= stopParts(started, o));
  for (const part of parts) {
    const abort = new AbortController();
    try {
      await startPart(part, abort, failed.resolve, o);
      started.push({ part, abort });
      o.log.debug({ part: part.name }, 'part started');
      o.signal?.throwIfAborted();
    } catch (error) {
      abort.abort(error);
      o.log.warn({ part: part.name, err: error }, 'start given up');
      // Told by the log already; the caller needs the reason of the start that failed.
      await stop().catch(() => undefined);
      throw error;
    }
  }
  return { stop, failed: failed.promise };
}

async function startPart(
  part: Part,
  abort: AbortController,
  fail: (error: Error) => void,
  { clock, signal, stopDeadlineMs = 10_000 }: LifecycleOptions,
): Promise<void> {
  signal?.throwIfAborted();
  const late = Promise.withResolvers<never>();
  let timer = { cancel: (): void => undefined };
  const onAbort = (): void => {
    abort.abort(signal?.reason);
    timer = clock.after(stopDeadlineMs, () => late.reject(signal?.reason));
  };
  signal?.addEventListener('abort', onAbort, { once: true });
  try {
    await Promise.race([part.start(abort.signal, fail), late.promise]);
  } finally {
    timer.cancel();
    signal?.removeEventListener('abort', onAbort);
  }
}

async function stopParts(started: readonly Started[], o: LifecycleOptions): Promise<void> {
  const deadlineMs = o.stopDeadlineMs ?? 10_000;
  const endsAtMs = o.clock.monotonicMs() + deadlineMs;
  // Kept for each part still to come, so that one that hangs leaves the rest, databases last, a
  // moment to close.
  const reserveMs = Math.min(500, deadlineMs / (2 * Math.max(started.length, 1)));
  const abandoned: string[] = [];
  const broken: string[] = [];
  for (let index = started.length - 1; index >= 0; index--) {
    const one = started[index];
    if (!one) continue;
    const leftMs = endsAtMs - o.clock.monotonicMs() - reserveMs * index;
    const outcome = await stopPart(one, Math.max(leftMs, 0), o);
    if (outcome === 'abandoned') abandoned.push(one.part.name);
    if (outcome === 'broken') broken.push(one.part.name);
  }
  if (abandoned.length + broken.length > 0) throw new StopIncomplete(abandoned, broken);
}

async function stopPart(
  { part, abort }: Started,
  leftMs: number,
  { clock, log }: LifecycleOptions,
): Promise<'stopped' | 'abandoned' | 'broken'> {
  const late = Promise.withResolvers<'abandoned'>();
  const timer = clock.after(leftMs, () => late.resolve('abandoned'));
  try {
    const outcome = await Promise.race([part.stop().then(() => 'stopped' as const), late.promise]);
    if (outcome === 'abandoned')
      log.error({ part: part.name, waitedMs: Math.round(leftMs) }, 'part abandoned');
    else log.debug({ part: part.name }, 'part stopped');
    return outcome;
  } catch (error) {
    log.error({ part: part.name, err: safeError(error) }, 'part failed to stop');
    return 'broken';
  } finally {
    timer.cancel();
    abort.abort(new Error(`${part.name} has been stopped`));
  }
}
