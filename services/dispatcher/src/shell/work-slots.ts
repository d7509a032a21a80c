/** So many pieces of work at once and no more: whoever brings another waits until it begins, in the order of coming. */

export type WorkSlots = Readonly<{
  /** Resolves when the work has begun; undefined where that is at once. The work answers for its own failures. */
  begin(work: () => Promise<void>): Promise<void> | undefined;
}>;

export function openWorkSlots(max: number): WorkSlots {
  const waiting: (() => void)[] = [];
  let free = max;

  const start = (work: () => Promise<void>): void => {
    free -= 1;
    void work().finally(() => {
      free += 1;
      waiting.shift()?.();
    });
  };
  return {
    begin: (work) => {
      if (free > 0) {
        start(work);
        return undefined;
      }
      const begun = Promise.withResolvers<void>();
      waiting.push(() => {
        start(work);
        begun.resolve();
      });
      return begun.promise;
    },
  };
}
