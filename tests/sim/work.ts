/** What a job of the simulation does: how long it works, how it ends. Its step says so, or chance. */
import { z } from 'zod';
import type { Random } from './random.ts';

export type Work = Readonly<{
  ms: number;
  outcome: 'success' | 'failed' | 'thrown';
  lines: boolean;
  steps: boolean;
  /** It asks for approval first. */
  asks: boolean;
  /** Its workflow has fewer jobs than the run was made with. */
  drops: boolean;
  /** When it gives a sign of life, behind its beginning; all the time where nothing is said. */
  beatsMs: readonly number[] | undefined;
  /** How often it is refused first. */
  rejects: number;
}>;

const longChance = 0.1;
const Planned = z.looseObject({ steps: z.array(z.looseObject({ run: z.string() })) });

export function workOf(random: Random, jobConfig: unknown): Work {
  const [, ms, beats, rejects = '0'] = plannedIn(jobConfig);
  const drawn = random.chance(longChance)
    ? random.between(20_000, 90_000)
    : random.between(10, 4_000);
  const roll = random.next();
  const outcome = roll < 0.8 ? 'success' : roll < 0.92 ? 'failed' : 'thrown';
  return {
    ms: ms === undefined ? drawn : Number(ms),
    outcome,
    lines: random.chance(0.4),
    steps: random.chance(0.4),
    asks: ms === undefined && random.chance(0.1),
    drops: ms === undefined && random.chance(0.1),
    beatsMs: beats?.split(' ').filter(Boolean).map(Number),
    rejects: Number(rejects),
  };
}

const plannedIn = (jobConfig: unknown): readonly (string | undefined)[] => {
  const planned = Planned.safeParse(jobConfig);
  const [step] = planned.success ? planned.data.steps : [];
  return /^work (\d+)(?: beats ([\d ]*))?(?: rejects (\d+))?$/.exec(step?.run ?? '') ?? [];
};

/** Whether its length is not left to chance: then the agent has good manners too. */
export const isPlanned = (jobConfig: unknown): boolean => plannedIn(jobConfig).length > 0;
