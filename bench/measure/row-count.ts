/**
 * Waits until Postgres has as many finished rows as were asked for. Looks rarely while much is
 * missing and often at the end, so that looking costs little and the end is known to some ms.
 */
import { systemClock } from '@waybill/process';
import type { Client } from 'pg';
import { z } from 'zod';
import { nowMs } from './monotonic.ts';

const Count = z.object({ done: z.coerce.number() });

const rarelyMs = 100;
const oftenMs = 5;
const nearlyAll = 50;
/** Nothing finished for this long: it will not get better. */
const stalledMs = 30_000;
const withinMs = 180_000;

/** When they were seen, on the clock of `monotonic.ts`. */
export async function awaitRows(
  database: Client,
  countDone: string,
  asked: number,
): Promise<number> {
  const beganMs = nowMs();
  let progress = { done: 0, atMs: beganMs };
  for (;;) {
    const { done } = Count.parse((await database.query(countDone)).rows[0]);
    const atMs = nowMs();
    if (done >= asked) return atMs;
    if (done > progress.done) progress = { done, atMs };
    if (atMs - progress.atMs > stalledMs || atMs - beganMs > withinMs)
      throw new Error(
        `only ${done} of ${asked} runs finished within ${Math.round(atMs - beganMs)} ms`,
      );
    await systemClock.sleep(asked - done > nearlyAll ? rarelyMs : oftenMs);
  }
}
