/** What is still to happen, the earliest first and among equals in the order in which it was put in: a binary heap. */
import type { Life } from './life.ts';

export type SimEvent = {
  /** Both move once, where its process was frozen at that time. */
  atMs: number;
  order: number;
  /** Whose event it is; undefined for the world itself. */
  readonly to: Life | undefined;
  readonly what: string;
  readonly run: () => void;
  cancelled: boolean;
};

export type EventQueue = Readonly<{
  push(event: SimEvent): void;
  pop(): SimEvent | undefined;
  size(): number;
}>;

const isBefore = (a: SimEvent, b: SimEvent): boolean =>
  a.atMs < b.atMs || (a.atMs === b.atMs && a.order < b.order);

export function openEventQueue(): EventQueue {
  const heap: SimEvent[] = [];

  const up = (event: SimEvent): void => {
    let index = heap.length;
    heap.push(event);
    while (index > 0) {
      const parent = (index - 1) >> 1;
      const above = heap[parent];
      if (above === undefined || !isBefore(event, above)) break;
      heap[index] = above;
      index = parent;
    }
    heap[index] = event;
  };

  const down = (event: SimEvent): void => {
    let index = 0;
    for (;;) {
      const left = heap[2 * index + 1];
      const right = heap[2 * index + 2];
      const isRight = right !== undefined && left !== undefined && isBefore(right, left);
      const least = isRight ? right : left;
      if (least === undefined || !isBefore(least, event)) break;
      heap[index] = least;
      index = 2 * index + (isRight ? 2 : 1);
    }
    heap[index] = event;
  };

  return {
    push: up,
    pop: () => {
      const top = heap[0];
      const last = heap.pop();
      if (last !== undefined && heap.length > 0) down(last);
      return top;
    },
    size: () => heap.length,
  };
}
