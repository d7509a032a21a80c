/**
 * Sends work at a fixed rate, or as fast as a window allows. At a rate every send has its own
 * planned instant, so that a slow answer never delays the next one.
 */
import { systemClock } from '@waybill/process';
import type { Load, Produced } from './load.ts';
import { nowMs } from './monotonic.ts';

/** Resolves when this one is answered. */
export type Send = (index: number) => Promise<void>;

export async function produce(load: Load, window: number, send: Send): Promise<Produced> {
  const firstSentMs = nowMs();
  await (load.rate === undefined
    ? flatOut(load.jobs, window, send)
    : paced(load.jobs, load.rate, send));
  return { firstSentMs, lastAnsweredMs: nowMs() };
}

async function flatOut(jobs: number, window: number, send: Send): Promise<void> {
  let next = 0;
  const lane = async (): Promise<void> => {
    while (next < jobs) await send(next++);
  };
  await Promise.all(Array.from({ length: Math.min(window, jobs) }, lane));
}

async function paced(jobs: number, rate: number, send: Send): Promise<void> {
  const beganMs = nowMs();
  const answers: Promise<void>[] = [];
  for (let index = 0; index < jobs; index++) {
    const waitMs = beganMs + (index * 1_000) / rate - nowMs();
    if (waitMs > 0) await systemClock.sleep(waitMs);
    answers.push(send(index));
  }
  await Promise.all(answers);
}
