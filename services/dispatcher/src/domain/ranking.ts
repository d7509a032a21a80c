/**
 * A set whose first is always at hand: a binary heap that knows where each of its items stands, so that one whose rank has
 * changed, or that leaves, costs no more than the height of it.
 */

export type Ranking<T> = Readonly<{
  first(): T | undefined;
  /** Puts it in, or into its new place where what it is ranked by has changed. */
  place(item: T): void;
  remove(item: T): void;
  has(item: T): boolean;
  size(): number;
}>;

export function createRanking<T>(isBefore: (a: T, b: T) => boolean): Ranking<T> {
  const heap: T[] = [];
  const places = new Map<T, number>();

  const put = (item: T, at: number): void => {
    heap[at] = item;
    places.set(item, at);
  };

  const rise = (item: T, from: number): number => {
    let at = from;
    while (at > 0) {
      const up = (at - 1) >> 1;
      const above = heap[up];
      if (above === undefined || !isBefore(item, above)) break;
      put(above, at);
      at = up;
    }
    put(item, at);
    return at;
  };

  const sink = (item: T, from: number): void => {
    let at = from;
    for (;;) {
      const left = heap[2 * at + 1];
      if (left === undefined) break;
      const right = heap[2 * at + 2];
      const isRight = right !== undefined && isBefore(right, left);
      const least = isRight ? right : left;
      if (!isBefore(least, item)) break;
      put(least, at);
      at = 2 * at + (isRight ? 2 : 1);
    }
    put(item, at);
  };

  return {
    first: () => heap[0],
    place: (item) => sink(item, rise(item, places.get(item) ?? heap.length)),
    remove: (item) => {
      const at = places.get(item);
      const last = heap.pop();
      if (last === undefined) return;
      if (at === undefined) return void heap.push(last);
      places.delete(item);
      if (last !== item) sink(last, rise(last, at));
    },
    has: (item) => places.has(item),
    size: () => heap.length,
  };
}
