/**
 * A process from its start to its exit code. The first SIGTERM or SIGINT stops it in order, during
 * its start too; a second one ends it at once. A defect is logged once and ends it with 1.
 */
import { type Clock, systemClock } from './clock.ts';
import { exitCodeOf, exitCodes } from './exit-code.ts';
import type { Running } from './lifecycle.ts';
import type { Logger } from './logger.ts';

/** What of `process` is used here. */
export type SignalSource = Readonly<{
  on(event: string, listener: (...args: unknown[]) => void): unknown;
  off(event: string, listener: (...args: unknown[]) => void): unknown;
}>;

/** What is running; or what starts it, so that a signal may end the start. */
export type RunSource = Running | Promise<Running> | ((signal: AbortSignal) => Promise<Running>);

export type SignalRunOptions = Readonly<{
  signals: SignalSource;
  log: Logger;
  exit: (code: number) => void;
  clock?: Clock;
}>;

/** The same signal twice this close is one. */
const REPEAT_MS = 500;
const signalCodes = { SIGINT: 130, SIGTERM: 143 } as const;
type Signal = keyof typeof signalCodes;

/** Resolves when `exit` has been called. */
export async function runUntilSignal(source: RunSource, o: SignalRunOptions): Promise<void> {
  const { clock = systemClock } = o;
  const exited = Promise.withResolvers<void>();
  const wanted = Promise.withResolvers<'stop'>();
  const starting = new AbortController();
  const listeners = new Map<string, (...args: unknown[]) => void>();
  let over = false;
  let asked = { signal: '', atMs: Number.NEGATIVE_INFINITY };

  const exit = (code: number): void => {
    if (over) return;
    over = true;
    for (const [event, listener] of listeners) o.signals.off(event, listener);
    o.exit(code);
    exited.resolve();
  };
  const onSignal = (signal: Signal) => (): void => {
    const nowMs = clock.monotonicMs();
    // One signal to a whole process group comes twice where a parent forwards it too: that is one wish, not two.
    if (signal === asked.signal && nowMs - asked.atMs < REPEAT_MS) return;
    asked = { signal, atMs: nowMs };
    if (starting.signal.aborted) return exit(signalCodes[signal]);
    o.log.info({ signal }, 'stopping');
    starting.abort(new StopRequested(signal));
    wanted.resolve('stop');
  };
  const onDefect = (error: unknown): void => {
    if (over) return;
    o.log.fatal({ err: asError(error) }, 'defect');
    exit(exitCodes.failure);
  };
  listeners.set('SIGTERM', onSignal('SIGTERM'));
  listeners.set('SIGINT', onSignal('SIGINT'));
  listeners.set('uncaughtException', onDefect);
  listeners.set('unhandledRejection', onDefect);
  for (const [event, listener] of listeners) o.signals.on(event, listener);

  void lifeOf(source, starting.signal, wanted.promise, o.log).then(exit, onDefect);
  await exited.promise;
}

class StopRequested extends Error {
  override readonly name = 'StopRequested';
  constructor(signal: Signal) {
    super(`${signal} arrived during the start`);
  }
}

/** The exit code of a life that no second signal and no defect cut short. */
async function lifeOf(
  source: RunSource,
  signal: AbortSignal,
  wanted: Promise<'stop'>,
  log: Logger,
): Promise<number> {
  let running: Running;
  try {
    running = await (typeof source === 'function' ? source(signal) : source);
  } catch (error) {
    if (signal.aborted && error === signal.reason) return exitCodes.ok;
    log.fatal({ err: asError(error) }, 'could not start');
    return exitCodeOf(error);
  }
  const end = await Promise.race([wanted, running.failed]);
  const failure = end === 'stop' ? undefined : end;
  if (failure) tell(failure, log);
  try {
    await running.stop();
  } catch (error) {
    log.error({ err: asError(error) }, 'stopped incompletely');
    return failure ? exitCodeOf(failure) : exitCodes.failure;
  }
  return failure ? exitCodeOf(failure) : exitCodes.ok;
}

function asError(thrown: unknown): Error {
  return thrown instanceof Error
    ? thrown
    : new Error('something that is no error was thrown', { cause: thrown });
}

/** A part may end because there is nothing left for it to do: that is no failure. */
function tell(end: Error, log: Logger): void {
  if (exitCodeOf(end) === exitCodes.ok) log.info({ reason: end.message }, 'a part has ended');
  else log.fatal({ err: end }, 'a part failed');
}
