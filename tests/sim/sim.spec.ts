/**
 * The simulator on every commit: some hundred seeds are green and take the branches that matter, a seed plays the same twice, and
 * without any one of the guards a seed that is known for it goes red. `docs/simulator.md` says how to look at a red one.
 */
import { describe, expect, it } from 'vitest';
import { absenceOf } from './absent-guards.ts';
import { killTable } from './kill-table.ts';
import { killingSeeds } from './killing-seeds.ts';
import type { Played } from './messages.ts';
import { guardNames } from './module-hooks.ts';
import { playAll, seedsFrom } from './pool.ts';
import { redText } from './report.ts';
import { missing } from './required-branches.ts';

const first = 1;
const count = 300;
const workers = 2;
/** A few times what it takes on two cores that nobody else uses. */
const timeout = 180_000;

async function play(seeds: readonly number[]): Promise<readonly Played[]> {
  const all: Played[] = [];
  const onPlayed = (played: Played): boolean => all.push(played) > 0;
  await playAll({ seeds, workers, keepsTrace: false, guard: undefined, onPlayed });
  return all;
}

describe('the simulator', () => {
  it(`seeds ${first} to ${first + count - 1} keep every invariant and take every branch that matters`, {
    timeout,
  }, async () => {
    const all = await play(seedsFrom(first, count));
    const red = all.filter(({ findings }) => findings.length > 0);
    expect(red.map((played) => redText(played, undefined)).join('\n')).toBe('');
    const branches: Record<string, number> = {};
    for (const played of all)
      for (const [name, times] of Object.entries(played.branches))
        branches[name] = (branches[name] ?? 0) + times;
    expect(missing(branches, all.length)).toEqual([]);
  });

  it('plays a seed the same way twice', { timeout }, async () => {
    const hashes = async (): Promise<Readonly<Record<number, string>>> => {
      const all = await play(seedsFrom(first, 6));
      return Object.fromEntries(all.map(({ seed, hash }) => [seed, hash]));
    };
    const once = await hashes();
    expect(await hashes()).toEqual(once);
    expect(new Set(Object.values(once)).size).toBe(6);
  });

  it('goes red without any one of the guards', { timeout }, async () => {
    const recorded = killingSeeds();
    const kills = await killTable({ seeds: (guard) => recorded[guard] ?? [], workers, wanted: 1 });
    const missed = kills.filter(({ seeds }) => seeds.length > 0).map(({ guard }) => guard);
    const needed = guardNames().filter((name) => absenceOf(name).onlySaves === undefined);
    expect(missed, 'npm run sim -- --guards --record finds other seeds').toEqual(needed);
  });
});
