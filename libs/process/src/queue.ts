/**
 * Serial work per key: for one key, one piece of work runs at a time and in the order of the calls;
 * different keys do not wait for each other. What waits is bounded, and a failure does not stop
 * what stands behind it.
 */
import { Outage } from './outage.ts';

export type SerialQueue = Readonly<{
  /** Rejects with the outage `queue-full` when `pendingMax` pieces of this key are unfinished. */
  run<T>(key: string, work: () => Promise<T>): Promise<T>;
  /** How many pieces are unfinished, the running one included: of one key, or of all. */
  depth(key?: string): number;
  /** Resolves once nothing is unfinished, what was added meanwhile included. */
  idle(): Promise<void>;
}>;

type Lane = { readonly depth: number; readonly last: Promise<void> };

export function serialQueue(o: Readonly<{ pendingMax?: number }> = {}): SerialQueue {
  const pendingMax = o.pendingMax ?? 10_000;
  const lanes = new Map<string, Lane>();

  const leave = (key: string): void => {
    const lane = lanes.get(key);
    if (lane && lane.depth > 1) lanes.set(key, { ...lane, depth: lane.depth - 1 });
    else lanes.delete(key);
  };

  return {
    run: (key, work) => {
      const lane = lanes.get(key);
      const depth = lane?.depth ?? 0;
      if (depth >= pendingMax) {
        return Promise.reject(
          new Outage('queue-full', `${depth} pieces of work already wait for one key`),
        );
      }
      const result = (lane?.last ?? Promise.resolve()).then(work);
      const last = result.then(
        () => leave(key),
        () => leave(key),
      );
      lanes.set(key, { depth: depth + 1, last });
      return result;
    },
    depth: (key) => {
      if (key !== undefined) return lanes.get(key)?.depth ?? 0;
      return [...lanes.values()].reduce((sum, lane) => sum + lane.depth, 0);
    },
    idle: async () => {
      while (lanes.size > 0) await Promise.all([...lanes.values()].map((lane) => lane.last));
    },
  };
}
