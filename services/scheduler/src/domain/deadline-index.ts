/**
 * When to look at what, the earliest first: a binary heap whose outdated entries are dropped when they surface. Changed in place,
 * because it is as large as the work in hand; deterministic and without I/O.
 */
export type DeadlineIndex = Readonly<{
  /** Replaces what was known of the key. */
  set(key: string, dueAt: number | undefined): void;
  nextDueAt(): number | undefined;
  /** Takes out what is due before `now`, the earliest first; each is given once, until it is set again. */
  takeDue(now: number): readonly string[];
  /** Entries kept, outdated ones included: never more than twice the keys and a constant. */
  size(): number;
}>;

/** Outdated entries that are put up with before the heap is made anew. */
const SLACK = 1_024;

type Entry = Readonly<{ key: string; dueAt: number }>;

export function createDeadlineIndex(): DeadlineIndex {
  let heap: Entry[] = [];
  const current = new Map<string, Entry>();

  const isCurrent = (entry: Entry): boolean => current.get(entry.key) === entry;

  const trim = (): void => {
    for (let top = heap[0]; top !== undefined && !isCurrent(top); top = heap[0]) pop(heap);
  };

  return {
    set: (key, dueAt) => {
      if (dueAt === undefined) {
        current.delete(key);
        return;
      }
      // Most changes of a job leave its deadline as it is.
      if (current.get(key)?.dueAt === dueAt) return;
      const entry = { key, dueAt };
      current.set(key, entry);
      push(heap, entry);
      if (heap.length > 2 * current.size + SLACK) heap = compacted(heap.filter(isCurrent));
    },
    nextDueAt: () => {
      trim();
      return heap[0]?.dueAt;
    },
    takeDue: (now) => {
      const due: string[] = [];
      for (trim(); heap[0] !== undefined && heap[0].dueAt < now; trim()) {
        const entry = pop(heap);
        if (entry === undefined) break;
        current.delete(entry.key);
        due.push(entry.key);
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
