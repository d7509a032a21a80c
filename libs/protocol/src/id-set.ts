/**
 * A persistent set of ids for the fold: `add` returns a new set and leaves the old one as it was, at a cost that grows with
 * the logarithm of its size. It holds 52 bits of each id's SHA-256 and not the id, 8 bytes instead of the 100 and more of a
 * text: a new id of n in a run is taken for a known one with a chance of n / 2^52, that is for one event in 4 * 10^12 where
 * a run has a thousand. All readers hash alike, so they agree even then, and a decider that meets a void decision decides anew.
 */
import { fingerprint } from './hash.ts';

/** Ascending numbers, in parts of falling sizes, newest last; the last grows by copying while it is small. */
export type IdSet = readonly (readonly number[])[];

export const emptyIdSet: IdSet = [];

const SMALL = 16;

export const hasId = (ids: IdSet, id: string): boolean => hasMark(ids, markOf(id));

export function addId(ids: IdSet, id: string): IdSet {
  const mark = markOf(id);
  if (hasMark(ids, mark)) return ids;
  let merged: readonly number[] = [mark];
  let kept = ids.length;
  for (let last = ids[kept - 1]; last !== undefined; last = ids[kept - 1]) {
    if (last.length > Math.max(merged.length, SMALL)) break;
    merged = union(last, merged);
    kept -= 1;
  }
  // Not by spreading: what is built so keeps room for more.
  return ids.toSpliced(kept, ids.length - kept, merged);
}

/** The numbers that stand for the ids, ascending, as snapshots keep them. */
export const marksOf = (ids: IdSet): readonly number[] => ids.reduce(union, []);
export const ofMarks = (marks: readonly number[]): IdSet =>
  marks.length === 0 ? emptyIdSet : [marks];

/** Whoever asks for an id mostly adds it next. */
let latest = { id: '', mark: fingerprint('') };
function markOf(id: string): number {
  if (latest.id !== id) latest = { id, mark: fingerprint(id) };
  return latest.mark;
}

const hasMark = (ids: IdSet, mark: number): boolean =>
  ids.some((part) => part[placeOf(part, mark)] === mark);

/** Where the number stands, or would stand. */
function placeOf(part: readonly number[], mark: number): number {
  let from = 0;
  let to = part.length;
  while (from < to) {
    const middle = (from + to) >>> 1;
    if ((part[middle] ?? mark) < mark) from = middle + 1;
    else to = middle;
  }
  return from;
}

/** Of two that have nothing in common: from the back, where there is still room behind the first. */
function union(a: readonly number[], b: readonly number[]): readonly number[] {
  const all = a.concat(b);
  let left = a.length - 1;
  let right = b.length - 1;
  for (let to = all.length - 1; right >= 0; to--) {
    const mine = a[left] ?? -1;
    const other = b[right] ?? -1;
    all[to] = Math.max(mine, other);
    if (mine > other) left -= 1;
    else right -= 1;
  }
  return all;
}
