/**
 * A persistent set of ids for the fold: `add` returns a new set and leaves the old one as it was, at a cost that grows with
 * the logarithm of its size. Sets of doubling sizes, newest last, are merged as in a binary counter.
 */
export type IdSet = readonly ReadonlySet<string>[];

export const emptyIdSet: IdSet = [];

export const hasId = (ids: IdSet, id: string): boolean => ids.some((part) => part.has(id));

export function addId(ids: IdSet, id: string): IdSet {
  const parts = [...ids];
  let merged = new Set([id]);
  for (
    let last = parts.at(-1);
    last !== undefined && last.size <= merged.size;
    last = parts.at(-1)
  ) {
    merged = new Set([...last, ...merged]);
    parts.pop();
  }
  return [...parts, merged];
}
