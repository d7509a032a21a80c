/**
 * The longest time that this process kept everybody else of it waiting, in CPU time of its thread: what a busy machine took
 * away meanwhile is not its own doing.
 */
import { systemClock } from '@waybill/process';

export type Turns = Readonly<{ longestMs(): number }>;

/** From now until it is asked. */
export function watchTurns(): Turns {
  let before = spentMs();
  let longest = 0;
  const look = (): void => {
    const now = spentMs();
    longest = Math.max(longest, now - before);
    before = now;
  };
  const timer = systemClock.every(1, look);
  return {
    longestMs: () => {
      timer.cancel();
      look();
      return longest;
    },
  };
}

function spentMs(): number {
  const { user, system } = process.threadCpuUsage();
  return (user + system) / 1_000;
}
