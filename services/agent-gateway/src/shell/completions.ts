/**
 * Work for a job that takes its time beside the job's lane, and whose word must still lie in the log before what comes behind it:
 * the end of the attempt, or the loss of its socket. The work goes on beside the lane; its word is stored in it.
 */
import type { FactWriter } from './fact-writer.ts';

export type Completions = Readonly<{
  /** `finish` runs once, in the lane. `work` must end by itself. */
  add<T>(lane: string, work: () => Promise<T>, finish: (done: T) => Promise<void>): Promise<void>;
  /** In the lane: what was begun before is finished. */
  settle(lane: string): Promise<void>;
}>;

export function openCompletions({ within }: Pick<FactWriter, 'within'>): Completions {
  const pending = new Map<string, Set<() => Promise<void>>>();

  return {
    add: (lane, work, finish) => {
      const done = work();
      const begun = pending.get(lane) ?? new Set();
      let finished: Promise<void> | undefined;
      const complete = (): Promise<void> =>
        (finished ??= done.then(finish).finally(() => {
          begun.delete(complete);
          if (begun.size === 0 && pending.get(lane) === begun) pending.delete(lane);
        }));
      pending.set(lane, begun.add(complete));
      const inLane = (): Promise<void> => within(lane, complete);
      return done.then(inLane, inLane);
    },
    settle: async (lane) => {
      for (const complete of pending.get(lane) ?? []) await complete();
    },
  };
}
