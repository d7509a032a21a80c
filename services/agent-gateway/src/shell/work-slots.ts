/** So many pieces of work at once and no more; the others wait in the order of coming. */

export type WorkSlots = Readonly<{ run<T>(work: () => Promise<T>): Promise<T> }>;

export function workSlots(max: number): WorkSlots {
  const waiting: (() => void)[] = [];
  let free = max;
  return {
    run: async (work) => {
      if (free > 0) free -= 1;
      else {
        const begun = Promise.withResolvers<void>();
        waiting.push(begun.resolve);
        await begun.promise;
      }
      try {
        return await work();
      } finally {
        const next = waiting.shift();
        if (next === undefined) free += 1;
        else next();
      }
    },
  };
}
