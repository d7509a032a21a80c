/** Who a process is: its pid and when it began, so that a later process with the same pid is not taken for it. */
import { readFileSync } from 'node:fs';

/** A name for the process that no other one has had since the machine started; usable in a file name. */
export const processKey = (pid: number): string => `${pid}-${birthOf(pid) ?? 0}`;

/** Whether the process of that key still lives. Where the system does not say when it began, its pid decides. */
export function isAlive(key: string): boolean {
  const [pid, birth] = key.split('-').map(Number);
  if (pid === undefined || !Number.isSafeInteger(pid) || pid <= 0) return false;
  const now = birthOf(pid);
  if (now !== undefined) return now === birth;
  return birth === 0 && answers(pid);
}

/** In clock ticks since the start of the machine; undefined for no such process, and where there is no procfs. */
function birthOf(pid: number): number | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // The name in parentheses may hold anything, so fields are counted from its end.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return fields[0] === 'Z' ? undefined : Number(fields[19]);
  } catch {
    return undefined;
  }
}

function answers(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM';
  }
}
