/** Takes away one guard after the other and plays seeds until one goes red: which seed, which invariant, at which event. */
import { absenceOf } from './absent-guards.ts';
import type { Finding } from './judgement.ts';
import { guardNames } from './module-hooks.ts';
import { playAll } from './pool.ts';

export type Kill = Readonly<{
  guard: string;
  /** Null: it was not missed by any seed. */
  seed: number | null;
  played: number;
  invariant: Finding['invariant'] | null;
  what: string;
  event: number;
  /** Why nobody has to miss it. */
  onlySaves: string | undefined;
}>;

type Options = Readonly<{
  from: number;
  seeds: number;
  workers: number;
  guard?: string | undefined;
}>;

export async function killTable(
  o: Options,
  onKill: (kill: Kill) => void,
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

async function killOf(guard: string, { from, seeds }: Options): Promise<Kill> {
  const { by, onlySaves } = absenceOf(guard);
  let played = 0;
  let kill: Kill = { guard, seed: null, played, invariant: null, what: '', event: 0, onlySaves };
  await playAll({
    from,
    seeds: onlySaves === undefined ? seeds : Math.min(seeds, 200),
    workers: 1,
    keepsTrace: false,
    guard: { name: guard, by },
    onPlayed: ({ seed, findings }) => {
      played += 1;
      const [first] = findings;
      kill = { ...kill, played };
      if (first === undefined) return true;
      const [what = ''] = first.what.split('\n');
      kill = { ...kill, seed, invariant: first.invariant, what, event: first.event };
      return false;
    },
  });
  return kill;
}

/** A guard is proven where some seed misses it, and one that only saves work where none does. */
export const isProven = ({ seed, onlySaves }: Kill): boolean =>
  (seed !== null) === (onlySaves === undefined);
