/** Plays seeds in threads of their own and hands every outcome on as it comes. A thread that falls silent counts as a red seed. */
import { Worker } from 'node:worker_threads';
import { systemClock } from '@waybill/process';
import type { Played, WorkerSetup } from './messages.ts';

export type PoolOptions = WorkerSetup &
  Readonly<{
    seeds: readonly number[];
    workers: number;
    /** False: enough. */
    onPlayed: (played: Played) => boolean;
  }>;

/** So many, one behind the other. */
export const seedsFrom = (from: number, count: number): readonly number[] =>
  Array.from({ length: count }, (_, index) => from + index);

const chunk = 20;
/** Far longer than any seed takes: product code runs in a circle. */
const silentMs = 60_000;

export async function playAll(o: PoolOptions): Promise<void> {
  let next = 0;
  let isEnough = false;
  const take = (): readonly number[] => {
    const taken = isEnough ? [] : o.seeds.slice(next, next + chunk);
    next += taken.length;
    return taken;
  };
  const played = (outcome: Played): void => {
    if (!isEnough) isEnough = !o.onPlayed(outcome);
  };
  const count = Math.min(o.workers, Math.ceil(o.seeds.length / chunk));
  await Promise.all(Array.from({ length: count }, () => playSome(o, take, played)));
}

/** One thread, until there is nothing left to take. */
function playSome(
  { guard, keepsTrace }: WorkerSetup,
  take: () => readonly number[],
  played: (outcome: Played) => void,
): Promise<void> {
  const over = Promise.withResolvers<void>();
  const worker = new Worker(new URL('./worker.ts', import.meta.url), {
    workerData: { guard, keepsTrace } satisfies WorkerSetup,
  });
  let left: readonly number[] = [];
  const watch = (): (() => void) => {
    const timer = systemClock.after(silentMs, () => {
      const [seed = 0] = left;
      played(silent(seed));
      void worker.terminate().then(() => over.resolve());
    });
    return () => timer.cancel();
  };
  let heard = watch();
  const order = (): void => {
    left = take();
    if (left.length > 0) return worker.postMessage({ seeds: left });
    heard();
    void worker.terminate().then(() => over.resolve());
  };
  worker.on('message', (outcome: Played) => {
    heard();
    heard = watch();
    played(outcome);
    left = left.slice(1);
    if (left.length === 0) order();
  });
  worker.on('error', over.reject);
  worker.on('exit', () => over.resolve());
  order();
  return over.promise.finally(() => heard());
}

const silent = (seed: number): Played => ({
  seed,
  hash: '',
  events: 0,
  simulatedMs: 0,
  findings: [
    { invariant: 'defect', seq: null, what: `nothing was heard for ${silentMs} ms`, event: 0 },
  ],
  branches: {},
  trace: [],
});
