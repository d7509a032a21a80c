/**
 * All agents come back at once: their gateway is killed while some of them run jobs, and started again. Nothing is lost when every
 * job ends in the attempt in which it began, and the log says so.
 */
import type { Run } from '@waybill/protocol';
import { z } from 'zod';
import { nowMs } from '../measure/monotonic.ts';
import { until } from './condition.ts';
import { startFleet, type Undo, undoAll } from './crew.ts';
import type { Scene } from './scene.ts';
import { startGateway, startStage } from './stage.ts';

export type Storm = Readonly<{
  agents: number;
  connectMs: number;
  /** From the kill of the gateway: until it takes sockets again, and until the last agent has registered. */
  readyMs: number;
  backMs: number;
  dials: number;
  refused: number;
  closed: Readonly<Record<string, number>>;
  jobs: number;
  lost: number;
  anomalies: number;
  gatewayRssBytes: number;
}>;

const runMs = 120_000;
const backWithinMs = 180_000;

export async function stormOf(scene: Scene, agents: number, jobs: number): Promise<Storm> {
  const undo: Undo = [];
  const { say } = scene.context;
  try {
    const { gateway, port, work } = await startStage(scene, undo);
    const { agentToken } = scene.secrets;
    const beganMs = nowMs();
    const fleet = await startFleet({ port, agentToken, name: 'agent', count: agents });
    undo.push(fleet.quit);
    const connectMs = nowMs() - beganMs;
    say(`storm: ${agents} agents registered in ${Math.round(connectMs)} ms`);
    const runIds: string[] = [];
    for (let asked = 0; asked < jobs; asked++) runIds.push(await work.ask('bench'));
    const isAtWork = ({ running }: Readonly<{ running: number }>): boolean => running === jobs;
    await until(`${jobs} running jobs`, runMs, fleet.state, isAtWork);

    const runsBefore = await work.folded(runIds);
    const before = await fleet.state();
    const killedMs = nowMs();
    process.kill(gateway.pid, 'SIGKILL');
    const again = await startGateway(scene, undo, port);
    const readyMs = nowMs() - killedMs;
    say(`storm: the gateway takes sockets again after ${Math.round(readyMs)} ms`);
    const after = await until(
      'return of all agents',
      backWithinMs,
      fleet.state,
      (state) =>
        state.registered === agents && state.registrations >= before.registrations + agents,
    );
    const backMs = after.lastRegisteredMs - killedMs;
    say(`storm: all are back after ${Math.round(backMs)} ms`);
    await fleet.ask('finish', z.unknown());
    const isOver = (runs: readonly Run[]): boolean => runs.every((run) => run.state === 'success');
    const runs = await until('end of all jobs', runMs, () => work.folded(runIds), isOver).catch(
      () => work.folded(runIds),
    );
    const { rssBytes } = await again.gateway.ask('memory', z.object({ rssBytes: z.number() }));
    return {
      agents,
      connectMs,
      readyMs,
      backMs,
      dials: after.dials - before.dials,
      refused: after.refused - before.refused,
      closed: after.closed,
      jobs,
      lost: runs.filter((run, index) => !isKept(run, runsBefore[index])).length,
      anomalies: runs.reduce((sum, run) => sum + run.anomalies, 0),
      gatewayRssBytes: rssBytes,
    };
  } finally {
    await undoAll(undo);
  }
}

/** It ended well, and in the attempt that was at work when the gateway was killed. */
const isKept = ({ state, jobs }: Run, before: Run | undefined): boolean =>
  state === 'success' && attemptsOf(jobs) === attemptsOf(before?.jobs ?? []);
const attemptsOf = (jobs: Run['jobs']): number =>
  jobs.reduce((sum, { attempts }) => sum + attempts.length, 0);
