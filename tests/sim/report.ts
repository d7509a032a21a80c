/** What a run of seeds has shown, as text for people. */
import { isProven, type Kill } from './kill-table.ts';
import type { Played } from './messages.ts';

export function branchTable(branches: Readonly<Record<string, number>>): string {
  const rows = Object.entries(branches).toSorted(([a], [b]) => (a < b ? -1 : 1));
  const width = Math.max(10, ...rows.map(([name]) => name.length));
  return ['branches', ...rows.map(([name, count]) => `  ${name.padEnd(width)} ${count}`)].join(
    '\n',
  );
}

/** A red seed: the last part of what happened, what is wrong, and how to see it again. */
export function redText(
  { seed, findings, trace, hash }: Played,
  guard: string | undefined,
): string {
  const without = guard === undefined ? '' : ` --guard ${guard}`;
  const wrong = findings.map(({ invariant, seq, event, what }) => {
    const name = invariant === 'defect' ? 'a defect' : `invariant ${invariant}`;
    return `  ${name}, event ${event}${seq === null ? '' : `, sequence ${seq}`}: ${what}`;
  });
  return [
    ...trace,
    `\nseed ${seed} is red (trace ${hash})`,
    ...wrong.slice(0, 10),
    `to see it again: npm run sim -- --seed ${seed} --trace${without}\n`,
  ].join('\n');
}

export function killLine(kill: Kill): string {
  const { guard, seeds, played, invariant, event, what, onlySaves } = kill;
  const [seed] = seeds;
  const mark = isProven(kill) ? ' ' : '!';
  const name = `${mark} ${guard.padEnd(18)}`;
  if (seed !== undefined)
    return `${name} seed ${seed}, ${invariant === 'defect' ? 'defect' : `invariant ${invariant}`}, event ${event}: ${what.slice(0, 120)}`;
  const why = onlySaves === undefined ? 'not missed' : `only saves work: ${onlySaves}`;
  return `${name} ${played} seeds green, ${why}`;
}

export const killText = (kills: readonly Kill[]): string =>
  ['\nguards, and the seed that misses each', ...kills.map(killLine)].join('\n');
