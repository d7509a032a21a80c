/**
 * For each guard a few seeds that go red without it, as the last kill table found them: to see that it is still missed, nobody has
 * to search again. `npm run sim -- --guards --record` writes them anew where a change has moved what seeds play.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { z } from 'zod';
import type { Kill } from './kill-table.ts';

/** One alone would be moved by the next change of timing. */
export const recordedMax = 3;

const file = new URL('./killing-seeds.json', import.meta.url);
const KillingSeeds = z.record(z.string(), z.array(z.int().positive()));
export type KillingSeeds = Readonly<Record<string, readonly number[]>>;

export const killingSeeds = (): KillingSeeds =>
  KillingSeeds.parse(JSON.parse(readFileSync(file, 'utf8')));

/** Of the guards of the table; what is known of others stays. */
export function recordKills(kills: readonly Kill[]): void {
  const found = kills.map(({ guard, seeds }) => [guard, seeds] as const);
  const all = { ...killingSeeds(), ...Object.fromEntries(found) };
  const lines = Object.entries(all).map(
    ([guard, seeds]) => `  ${JSON.stringify(guard)}: [${seeds.join(', ')}]`,
  );
  writeFileSync(file, `{\n${lines.join(',\n')}\n}\n`);
}
