/**
 * Two live streams (events and log lines) as one story: what arrives is held for a moment and told in the order of the
 * server's time, so that a step's output stands between its beginning and its end.
 */
import type { Clock } from '@waybill/process';

export type Chronicle = Readonly<{
  add(at: string, lines: readonly string[]): void;
  /** Tells what is still held. */
  close(): void;
}>;

type Held = Readonly<{ atMs: number; arrivedMs: number; order: number; lines: readonly string[] }>;

const holdMs = 250;
const lookMs = 50;

export function openChronicle(clock: Clock, tell: (line: string) => void): Chronicle {
  let held: readonly Held[] = [];
  let order = 0;
  const release = (untilMs: number): void => {
    const due = held.findLastIndex((each) => each.arrivedMs <= untilMs);
    if (due < 0) return;
    // Whatever happened before something that is due is told with it, also if it came a little later.
    const atMs = Math.max(
      ...held.filter((each) => each.arrivedMs <= untilMs).map((each) => each.atMs),
    );
    const told = held.filter((each) => each.atMs <= atMs);
    held = held.filter((each) => each.atMs > atMs);
    for (const { lines } of told.toSorted((a, b) => a.atMs - b.atMs || a.order - b.order))
      for (const line of lines) tell(line);
  };
  const timer = clock.every(lookMs, () => release(clock.monotonicMs() - holdMs), {
    background: true,
  });
  return {
    add: (at, lines) => {
      order += 1;
      held = [...held, { atMs: Date.parse(at), arrivedMs: clock.monotonicMs(), order, lines }];
    },
    close: () => {
      timer.cancel();
      release(Number.POSITIVE_INFINITY);
    },
  };
}
