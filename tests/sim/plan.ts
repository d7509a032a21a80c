/** What a seed draws before anything happens: the log's kind, the work to be done, and what goes wrong when. Plain data. */
import { drawFaults, type Fault } from './fault-plan.ts';
import type { Random } from './random.ts';
import type { Scene } from './scene.ts';
import { drawScene } from './scene-plan.ts';
import { agents } from './stage-names.ts';
import { drawRuns, lastRunMs, type RunPlan } from './work-plan.ts';

export type Plan = Readonly<{
  replication: Readonly<{ slowChance: number; slowMs: number }> | undefined;
  duplicateWindowMs: number;
  again: Readonly<{ messages: number }>;
  hostOffsetMs: number;
  /** Agents that a scaler has made: lost, they do not come back, says the scaler. */
  scaled: readonly string[];
  /** Of agents of our SDK, where it is not left to chance. */
  capacity: number | undefined;
  partitions: number;
  runs: readonly RunPlan[];
  faults: readonly Fault[];
  /** From here on nothing goes wrong any more. */
  calmFromMs: number;
}>;

const hourMs = 3_600_000;
const sceneChance = 0.2;
const none: Scene = { runs: [], faults: [] };

export function drawPlan(random: Random): Plan {
  // Some faults matter only together, and would not be drawn so in a thousand seeds.
  const scene = random.chance(sceneChance) ? drawScene(random) : none;
  const runs = [...scene.runs, ...drawRuns(random, scene.runs.length)];
  const drawn = scene === none || random.chance(0.3) ? drawFaults(random) : [];
  const faults = [...scene.faults, ...drawn].toSorted((a, b) => a.atMs - b.atMs);
  const calmFromMs = Math.max(lastRunMs, ...faults.map(({ atMs, forMs }) => atMs + forMs)) + 100;
  const drawnReplication = random.chance(0.6)
    ? { slowChance: random.between(0, 0.4), slowMs: random.pick([5, 50, 500]) }
    : undefined;
  return {
    replication: scene.replication ?? drawnReplication,
    duplicateWindowMs: random.pick([120_000, 120_000, 1_000, 0]),
    again: { messages: random.chance(0.2) ? random.whole(1, 10) : 0 },
    hostOffsetMs: random.chance(0.5) ? hourMs : 0,
    scaled: scene.scaled ?? (random.chance(0.15) ? [random.pick(agents)] : []),
    capacity: scene.capacity,
    partitions: random.chance(0.1) ? 3 : 1,
    runs,
    faults,
    calmFromMs,
  };
}
