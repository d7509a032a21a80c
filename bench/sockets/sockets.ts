/** Everything about sockets in one run: what an idle one costs, all of them at once and again, and those that do not read. */
import type { BenchArguments } from '../arguments.ts';
import { type Held, memoryOf } from './memory.ts';
import { type Context, withScene } from './scene.ts';
import { type Round, slowReaders } from './slow-readers.ts';
import { type Storm, stormOf } from './storm.ts';

export type Sockets = Readonly<{
  memory: readonly Held[];
  storm: Storm;
  rounds: readonly Round[];
  frozen: number;
  rate: number;
}>;

const measuredIdle = 10_000;
const frozenAgents = 500;

/** A small number of sockets makes everything else small, too. */
export async function sockets(o: BenchArguments, context: Context): Promise<Sockets> {
  const [only, ...others] = o.durabilities;
  const durability = others.length === 0 && only !== undefined ? only : 'fast';
  const isSmall = o.quick;
  const frozen = Math.min(frozenAgents, o.sockets);
  const [rate = 50] = o.rates;
  const memory = await withScene(durability, context, (scene) =>
    memoryOf(scene, Math.min(measuredIdle, o.sockets), o.reps),
  );
  const storm = await withScene(durability, context, (scene) =>
    stormOf(scene, o.sockets, Math.min(o.jobs, o.sockets)),
  );
  const load = { healthy: isSmall ? 5 : 50, frozen, rate, seconds: isSmall ? 2 : 10, reps: o.reps };
  const rounds = await withScene(durability, context, (scene) => slowReaders(scene, load));
  return { memory, storm, rounds, frozen, rate };
}
