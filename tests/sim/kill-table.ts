/** Takes away one guard after the other and plays seeds until one goes red: which seed, which invariant, at which event. */
import { absenceOf } from './absent-guards.ts';
import type { Finding } from './judgement.ts';
import { guardNames } from './module-hooks.ts';
import { playAll } from './pool.ts';

export type Kill = Readonly<{
  guard: string;
  /** Those that missed it, the first of which is told of below; none: nobody did. */
  seeds: readonly number[];
  played: number;
  invariant: Finding['invariant'] | null;
  what: string;
  event: number;
  /** Why nobody has to miss it. */
  onlySaves: string | undefined;
}>;

type Options = Readonly<{
  /** Of one guard or of all of them. */
  seeds: readonly number[] | ((guard: string) => readonly number[]);
  workers: number;
  guard?: string | undefined;
  /** How many seeds that miss a guard are enough. */
  wanted: number;
}>;

/** What only saves work is looked at for so long. */
const savingMax = 200;

export async function killTable(
  o: Options,
  onKill: (kill: Kill) => void = () => undefined,
): Promise<readonly Kill[]> {
  const names = guardNames().filter((name) => o.guard === undefined || name === o.guard);
  const waiting = [...names];
  const kills: Kill[] = [];
  const work = async (): Promise<void> => {
    for (let guard = waiting.shift(); guard !== undefined; guard = waiting.shift()) {
      const kill = await killOf(guard, o);
      kills.push(kill);
      onKill(kill);
    }
  };
  await Promise.all(Array.from({ length: Math.min(o.workers, names.length) }, work));
  return names.flatMap((name) => kills.filter(({ guard }) => guard === name));
}

async function killOf(guard: string, { seeds: given, wanted }: Options): Promise<Kill> {
  const { by, onlySaves } = absenceOf(guard);
  const seeds = typeof given === 'function' ? given(guard) : given;
  let played = 0;
  const found: number[] = [];
  let kill: Kill = { guard, seeds: found, played, invariant: null, what: '', event: 0, onlySaves };
  await playAll({
    seeds: onlySaves === undefined ? seeds : seeds.slice(0, savingMax),
    workers: 1,
    keepsTrace: false,
    guard: { name: guard, by },
    onPlayed: ({ seed, findings }) => {
      played += 1;
      const [first] = findings;
      kill = { ...kill, played };
      if (first === undefined) return true;
      const [what = ''] = first.what.split('\n');
      if (found.length === 0)
        kill = { ...kill, invariant: first.invariant, what, event: first.event };
      found.push(seed);
      return found.length < wanted;
    },
  });
  return kill;
}

/** A guard is proven where some seed misses it, and one that only saves work where none does. */
export const isProven = ({ seeds, onlySaves }: Kill): boolean =>
  seeds.length > 0 === (onlySaves === undefined);
