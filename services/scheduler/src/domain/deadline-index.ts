/**
 * All open deadlines, the earliest first: a binary heap whose outdated entries are dropped when they surface. Changed in place,
 * because it is as large as the work in hand; deterministic and without I/O.
 */
import type { Deadline } from './deadline.ts';

export type DeadlineIndex = Readonly<{
  /** Replaces what was known of the run. */
  set(runId: string, deadlines: readonly Deadline[]): void;
  /** Looks again at the same deadline at another time. */
  postpone(deadline: Deadline, dueAt: number): void;
  nextDueAt(): number | undefined;
  /** Takes out what is due before `now`; each is given once, until it is set or postponed again. */
  takeDue(now: number, max: number): readonly Deadline[];
  /** Entries kept, outdated ones included: never more than twice the open deadlines and a constant. */
  size(): number;
}>;

/** Outdated entries that are put up with before the heap is made anew. */
const SLACK = 1_024;

type Entry = Readonly<{ deadline: Deadline; dueAt: number; version: number }>;

export function createDeadlineIndex(): DeadlineIndex {
  let heap: Entry[] = [];
  const versions = new Map<string, number>();
  const counts = new Map<string, number>();
  let open = 0;
  let version = 0;

  const isCurrent = (entry: Entry): boolean => versions.get(entry.deadline.runId) === entry.version;

  const trim = (): void => {
    for (let top = heap[0]; top !== undefined && !isCurrent(top); top = heap[0]) pop(heap);
  };

  return {
    set: (runId, deadlines) => {
      open += deadlines.length - (counts.get(runId) ?? 0);
      version += 1;
      if (deadlines.length === 0) {
        versions.delete(runId);
        counts.delete(runId);
      } else {
        versions.set(runId, version);
        counts.set(runId, deadlines.length);
      }
      for (const deadline of deadlines) push(heap, { deadline, dueAt: deadline.dueAt, version });
      if (heap.length > 2 * open + SLACK) heap = compacted(heap.filter(isCurrent));
    },
    postpone: (deadline, dueAt) => {
      const current = versions.get(deadline.runId);
      if (current !== undefined) push(heap, { deadline, dueAt, version: current });
    },
    nextDueAt: () => {
      trim();
      return heap[0]?.dueAt;
    },
    takeDue: (now, max) => {
      const due: Deadline[] = [];
      for (trim(); due.length < max && heap[0] !== undefined && heap[0].dueAt < now; trim()) {
        const entry = pop(heap);
        if (entry !== undefined) due.push(entry.deadline);
      }
      return due;
    },
    size: () => heap.length,
  };
}

/** A list sorted by its key is a heap. */
const compacted = (entries: readonly Entry[]): Entry[] =>
  entries.toSorted((a, b) => a.dueAt - b.dueAt);

const at = (heap: readonly Entry[], index: number): number =>
  heap[index]?.dueAt ?? Number.POSITIVE_INFINITY;

function swap(heap: Entry[], a: number, b: number): void {
  const [one, other] = [heap[a], heap[b]];
  if (one === undefined || other === undefined) return;
  heap[a] = other;
  heap[b] = one;
}

function push(heap: Entry[], entry: Entry): void {
  heap.push(entry);
  for (let index = heap.length - 1; index > 0; ) {
    const parent = (index - 1) >> 1;
    if (at(heap, parent) <= at(heap, index)) return;
    swap(heap, parent, index);
    index = parent;
  }
}

function pop(heap: Entry[]): Entry | undefined {
  const top = heap[0];
  const last = heap.pop();
  if (top === undefined || last === undefined || heap.length === 0) return top;
  heap[0] = last;
  for (let index = 0; ; ) {
    const left = 2 * index + 1;
    const least = at(heap, left + 1) < at(heap, left) ? left + 1 : left;
    if (at(heap, least) >= at(heap, index)) return top;
    swap(heap, least, index);
    index = least;
  }
}
