/** Numbers from a seed, so that a run that fails can be had again: `FAULT_SEED=<seed>`. */
import { randomBytes } from 'node:crypto';

export type Random = () => number;

export function randomOf(seed: number): Random {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

export const newSeed = (): number =>
  Number(process.env['FAULT_SEED'] ?? randomBytes(4).readUInt32BE());
