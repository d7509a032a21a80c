/**
 * CPU time of a process and all its descendants, live or reaped, from `/proc`. Where there is no
 * `/proc` the answer is undefined, and reports say so instead of showing a number.
 */
import { readdirSync, readFileSync } from 'node:fs';

type Stat = Readonly<{ pid: number; parent: number; seconds: number }>;

/** The kernel's unit in `/proc/<pid>/stat` on every Linux that Node runs on. */
const ticksPerSecond = 100;

export function cpuSeconds(pid: number): number | undefined {
  const stats = allStats();
  if (stats === undefined) return undefined;
  const sum = (of: number): number =>
    stats.reduce((total, stat) => {
      if (stat.pid === of) return total + stat.seconds;
      return stat.parent === of && stat.pid !== pid ? total + sum(stat.pid) : total;
    }, 0);
  return sum(pid);
}

function allStats(): readonly Stat[] | undefined {
  if (process.platform !== 'linux') return undefined;
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((name) => statOf(Number(name)) ?? []);
}

function statOf(pid: number): Stat | undefined {
  let text: string;
  try {
    text = readFileSync(`/proc/${pid}/stat`, 'utf8');
  } catch {
    // It has ended since the folder was listed; its time is in its parent's "reaped" now.
    return undefined;
  }
  // The name in parentheses may hold anything; the numbers begin behind its last one.
  const fields = text
    .slice(text.lastIndexOf(')') + 2)
    .split(' ')
    .map(Number);
  const ticks = [11, 12, 13, 14].reduce((sum, at) => sum + (fields[at] ?? 0), 0);
  return { pid, parent: fields[1] ?? 0, seconds: ticks / ticksPerSecond };
}
