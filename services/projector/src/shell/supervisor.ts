/**
 * Keeps the projections running for as long as this process is the active one: takes the lock, follows every stream, begins
 * again from the checkpoints when the database was away. What would make rows wrong ends it for good, by name.
 */
import { isLogRegressed, type Journal } from '@waybill/journal';
import { type Clock, isOutage, type Logger, type Readiness } from '@waybill/process';
import { isDatabaseOutage, type ReadModel } from '@waybill/readmodel';
import { type ActiveLock, takeActiveLock } from './active-lock.ts';
import type { DeadLetters } from './dead-letter.ts';
import { openProjections } from './projection-list.ts';
import { openProjectionLoop, type ProjectionLoop } from './projection-loop.ts';
import { openUpstreamOutlet } from './upstream-outlet.ts';

export type Supervisor = Readonly<{
  /** Resolves when the first round is decided: active and following, or standing by. */
  started: Promise<void>;
  readiness(): Readiness;
  stop(): Promise<void>;
}>;

export type SupervisorOptions = Readonly<{
  model: ReadModel;
  journal: Journal;
  deadLetters: DeadLetters;
  clock: Clock;
  log: Logger;
  onFailure: (error: Error) => void;
}>;

const againMs = 500;

export function openSupervisor(o: SupervisorOptions): Supervisor {
  const { clock, log } = o;
  const ending = new AbortController();
  const { signal } = ending;
  const started = Promise.withResolvers<void>();
  let loops: readonly ProjectionLoop[] = [];
  let failure: Error | undefined;
  let state: 'starting' | 'standing by' | 'catching up' | 'following' = 'starting';
  let reason = 'starting';

  const fail = (error: Error): void => {
    if (failure !== undefined || signal.aborted) return;
    failure = error;
    log.error({ err: error }, 'the projector has stopped');
    ending.abort(error);
    started.reject(error);
    o.onFailure(error);
  };
  const follow = async (lock: ActiveLock): Promise<void> => {
    const opened: ProjectionLoop[] = [];
    const outlet = openUpstreamOutlet(o.journal);
    try {
      for (const projection of openProjections({ ...o, tell: outlet.tell }))
        opened.push(
          await openProjectionLoop({
            ...o,
            projection,
            onRecovered: outlet.begin,
            onFailure: fail,
          }),
        );
      loops = opened;
      outlet.begin();
      state = 'catching up';
      reason = 'catching up with the log';
      started.resolve();
      Promise.all(opened.map((loop) => loop.caughtUp)).then(
        () => (state = 'following'),
        () => undefined,
      );
      await Promise.race([lock.lost, aborted(signal)]);
    } finally {
      loops = [];
      await Promise.all(opened.map((loop) => loop.stop()));
      outlet.stop();
    }
  };
  const round = async (): Promise<void> => {
    const lock = await takeActiveLock({ ...o, signal }, (why) => {
      state = why === 'another projector is active' ? 'standing by' : 'starting';
      reason = why;
      started.resolve();
    });
    try {
      await follow(lock);
    } finally {
      await lock.release();
    }
  };
  const run = async (): Promise<void> => {
    while (!signal.aborted) {
      try {
        await round();
        if (!signal.aborted)
          log.warn('the connection that holds the lock was lost, beginning again');
      } catch (error) {
        if (signal.aborted) return;
        if (isLogRegressed(error) || !(isOutage(error) || isDatabaseOutage(error))) throw error;
        reason = error instanceof Error ? error.message : String(error);
        log.warn({ err: error }, 'the projections cannot be followed, trying again');
        await clock.sleep(againMs, signal).catch(() => undefined);
      }
      state = 'starting';
    }
  };
  started.promise.catch(() => undefined);
  const done = run().catch((error: unknown) =>
    fail(error instanceof Error ? error : new Error(String(error))),
  );

  return {
    started: started.promise,
    readiness: () => {
      if (failure !== undefined) return { ready: false, reason: failure.message };
      const trouble = loops.map((loop) => loop.trouble()).find((each) => each !== undefined);
      if (trouble !== undefined) return { ready: false, reason: trouble };
      if (state === 'following' || state === 'standing by') return { ready: true };
      return { ready: false, reason };
    },
    stop: async () => {
      ending.abort(new Error('the projector was stopped'));
      started.resolve();
      await done;
    },
  };
}

function aborted(signal: AbortSignal): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  if (signal.aborted) resolve();
  else signal.addEventListener('abort', () => resolve(), { once: true });
  return promise;
}
