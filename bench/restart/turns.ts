/**
 * The longest time that this process kept everybody else of it waiting, in CPU time of its thread: what a busy machine took
 * away meanwhile is not its own doing.
 */
import { systemClock } from '@waybill/process';
import { nowMs } from '../measure/monotonic.ts';

export type Turns = Readonly<{
  /** Ends the watch. Of so many last milliseconds, or of all since it began. */
  longestMs(lastMs?: number): number;
}>;

export function watchTurns(): Turns {
  const turns: { endedMs: number; tookMs: number }[] = [];
  let before = spentMs();
  const look = (): void => {
    const now = spentMs();
    turns.push({ endedMs: nowMs(), tookMs: now - before });
    before = now;
  };
  const timer = systemClock.every(1, look);
  return {
    longestMs: (lastMs = Number.POSITIVE_INFINITY) => {
      timer.cancel();
      look();
      const fromMs = nowMs() - lastMs;
      return turns.reduce(
        (longest, { endedMs, tookMs }) => (endedMs < fromMs ? longest : Math.max(longest, tookMs)),
        0,
      );
    },
  };
}

function spentMs(): number {
  const { user, system } = process.threadCpuUsage();
  return (user + system) / 1_000;
}
