/**
 * How many events of one name an org may emit in a time that moves along. A repeat of one that was counted is not counted again,
 * so that it gets its old answer however many there were. Pure: time arrives with the question.
 */

export type EventWindow = Readonly<{
  /** Counts it if there is room. `id` names the one event. */
  admits(key: string, id: string, atMs: number): boolean;
}>;

type Options = Readonly<{ windowMs: number; countMax: number; keysMax: number }>;

/** The ids of one key with the time of each, oldest first: a map keeps the order of insertion. */
type Counted = Map<string, number>;

export function eventWindow({ windowMs, countMax, keysMax }: Options): EventWindow {
  // The key that was counted the longest time ago is the first one.
  const keys = new Map<string, Counted>();
  return {
    admits: (key, id, atMs) => {
      const counted = keys.get(key) ?? new Map<string, number>();
      for (const [oldest, since] of counted) {
        if (atMs - since < windowMs) break;
        counted.delete(oldest);
      }
      if (counted.has(id)) return true;
      if (counted.size >= countMax) return false;
      counted.set(id, atMs);
      keys.delete(key);
      keys.set(key, counted);
      const [first] = keys.keys();
      if (keys.size > keysMax && first !== undefined) keys.delete(first);
      return true;
    },
  };
}
