/**
 * Dispatch latency of agents that read, alone and beside many that have stopped: these go on speaking, and what they are answered
 * stays in the gateway. Rounds of both take turns.
 */
import { systemClock } from '@waybill/process';
import { z } from 'zod';
import { inTurn } from '../measure/alternation.ts';
import { Seen } from '../measure/load.ts';
import { produce } from '../measure/pacing.ts';
import { quantile } from '../measure/statistics.ts';
import { until } from './condition.ts';
import { type Fleet, startFleet, type Undo, undoAll } from './crew.ts';
import type { Scene } from './scene.ts';
import { type Stage, startStage } from './stage.ts';

export const company = ['alone', 'beside'] as const;
export type Company = (typeof company)[number];

export type Round = Readonly<{
  company: Company;
  rep: number;
  dispatches: number;
  p50Ms: number;
  p99Ms: number;
}>;

export type Load = Readonly<{
  healthy: number;
  frozen: number;
  rate: number;
  seconds: number;
  reps: number;
}>;

/** What each of them is owed before it is measured, in answers of so many bytes, and every second while it is. */
const owedAnswers = 300;
const answerBytes = 500;
const warmUpSeconds = 2;
const endMs = 30_000;

export async function slowReaders(scene: Scene, load: Load): Promise<readonly Round[]> {
  const undo: Undo = [];
  try {
    const stage = await startStage(scene, undo);
    const { agentToken } = scene.secrets;
    const healthy = await startFleet({
      port: stage.port,
      agentToken,
      name: 'healthy',
      count: load.healthy,
      maxConcurrency: 10,
      endsAtOnce: true,
    });
    undo.push(healthy.quit);
    await latencies(stage, healthy, load.rate, warmUpSeconds);
    const rounds: Round[] = [];
    for (let rep = 0; rep < load.reps; rep++)
      for (const each of inTurn(company, rep)) {
        const round = {
          company: each,
          rep,
          ...(await inCompany(scene, stage, healthy, load, each)),
        };
        scene.context.say(`dispatch ${each}: p99 ${round.p99Ms.toFixed(1)} ms`);
        rounds.push(round);
      }
    return rounds;
  } finally {
    await undoAll(undo);
  }
}

type Latencies = Omit<Round, 'company' | 'rep'>;

async function inCompany(
  scene: Scene,
  stage: Stage,
  healthy: Fleet,
  { frozen, rate, seconds }: Load,
  each: Company,
): Promise<Latencies> {
  if (each === 'alone') return latencies(stage, healthy, rate, seconds);
  const { agentToken } = scene.secrets;
  const fleet = await startFleet({
    port: stage.port,
    agentToken,
    name: 'frozen',
    labels: ['none'],
    count: frozen,
  });
  const ask = (requests: number): Promise<unknown> =>
    fleet.ask('ask', z.unknown(), { requests, bytes: answerBytes });
  try {
    await fleet.ask('freeze', z.unknown());
    await ask(owedAnswers);
    await systemClock.sleep(warmUpSeconds * 1_000);
    const asking = systemClock.every(1_000, () => void ask(1));
    const seen = await latencies(stage, healthy, rate, seconds).finally(asking.cancel);
    const { registered } = await fleet.state();
    if (registered !== frozen) throw new Error(`only ${registered} of ${frozen} are still there`);
    return seen;
  } finally {
    await fleet.quit();
  }
}

async function latencies(
  { work }: Stage,
  healthy: Fleet,
  rate: number,
  seconds: number,
): Promise<Latencies> {
  const jobs = rate * seconds;
  await produce({ jobs, rate }, 1, async () => void (await work.ask('bench')));
  const seen: number[] = [];
  await until(
    `${jobs} dispatches`,
    endMs,
    async () => {
      for (const { latenciesMs } of await healthy.ask('seen', Seen)) seen.push(...latenciesMs);
      return seen.length;
    },
    (count) => count >= jobs,
  );
  return { dispatches: seen.length, p50Ms: quantile(seen, 0.5), p99Ms: quantile(seen, 0.99) };
}
