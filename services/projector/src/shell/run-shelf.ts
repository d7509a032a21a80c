/**
 * The open runs that are at hand, folded up to one sequence: what is not here is loaded from the log when it is touched again.
 * Bounded by count and by size, least recently used first out; a run that has ended is dropped (invariant 14).
 */
import type { FoldedRun } from '../domain/folded-run.ts';

export type ShelvedRun = Readonly<{
  folded: FoldedRun;
  /** Canonical JSON of each event; null where they were too many to keep, and come from the log when the run ends. */
  events: readonly string[] | null;
}>;

export type TouchedRun = Readonly<{
  base: ShelvedRun;
  folded: FoldedRun;
  /** What this batch adds to the base's. */
  added: readonly string[];
}>;

export type RunShelf = Readonly<{
  get(key: string): ShelvedRun | undefined;
  /** Everything is forgotten unless it stands at this sequence: another projector has written since. */
  standAt(seq: number): void;
  /** Takes in what a committed batch made of runs. */
  keep(seq: number, touched: ReadonlyMap<string, TouchedRun>): void;
  size(): Readonly<{ runs: number; length: number }>;
}>;

export type ShelfLimits = Readonly<{ runsMax: number; lengthMax: number }>;
/** 64 MiB of events, one byte a character as almost all are. */
export const shelfLimits: ShelfLimits = { runsMax: 20_000, lengthMax: 64 * 1024 * 1024 };

type Entry = { folded: FoldedRun; events: string[] | null; length: number };

export function openRunShelf(limits: ShelfLimits = shelfLimits): RunShelf {
  // A map keeps the order of insertion: the first one was touched the longest time ago.
  const entries = new Map<string, Entry>();
  let standing = 0;
  let length = 0;

  const drop = (key: string): void => {
    length -= entries.get(key)?.length ?? 0;
    entries.delete(key);
  };
  const put = (key: string, { base, folded, added }: TouchedRun): void => {
    const known = entries.get(key);
    drop(key);
    if (folded.run.completed !== null) return;
    const events = known?.events ?? (base.events === null ? null : [...base.events]);
    events?.push(...added);
    const total = events === null ? 0 : lengthOf(known, base, added);
    // One run may be larger than all the room there is: its fold stays, its events are left to the log.
    const kept = total <= limits.lengthMax ? events : null;
    const entry: Entry = { folded, events: kept, length: kept === null ? 0 : total };
    entries.set(key, entry);
    length += entry.length;
  };
  return {
    get: (key) => entries.get(key),
    standAt: (seq) => {
      if (standing === seq) return;
      entries.clear();
      length = 0;
      standing = seq;
    },
    keep: (seq, touched) => {
      for (const [key, run] of touched) put(key, run);
      for (const key of entries.keys()) {
        if (entries.size <= limits.runsMax && length <= limits.lengthMax) break;
        drop(key);
      }
      standing = seq;
    },
    size: () => ({ runs: entries.size, length }),
  };
}

const sum = (texts: readonly string[]): number =>
  texts.reduce((total, text) => total + text.length, 0);

function lengthOf(known: Entry | undefined, base: ShelvedRun, added: readonly string[]): number {
  const before =
    known === undefined || known.events === null ? sum(base.events ?? []) : known.length;
  return before + sum(added);
}
