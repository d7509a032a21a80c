/** For the specs: an agent of the SDK beside a scripted orchestrator, both gone after the test. */
import { createLogger, type ManualClock, manualClock, systemClock } from '@waybill/process';
import { eventually } from '@waybill/process/testing';
import type { wire } from '@waybill/protocol';
import { expect, onTestFinished } from 'vitest';
import { type Agent, createAgent } from './agent.ts';
import type { AgentOptions } from './agent-options.ts';
import type { JobHandle, JobOutcome, Run } from './job-handle.ts';
import {
  type ScriptedOptions,
  type ScriptedOrchestrator,
  scriptedOrchestrator,
} from './scripted-orchestrator.ts';

export const silent = createLogger({ name: 'test', level: 'silent' });

export const allExtensions: wire.WireExtensions = {
  fence: true,
  granted: true,
  heartbeatAck: true,
  terminalAck: true,
};
export const everyAnswer = { granted: true, heartbeat: true, terminal: true };

export const dispatchOf = (jobId: string, more: Partial<wire.JobDispatch> = {}) =>
  ({
    type: 'job.dispatch',
    messageId: `d-${jobId}`,
    runId: 'run-1',
    jobId,
    repoUrl: '',
    ref: '',
    sha: '',
    lockFileUrl: '',
    jobConfig: {},
    timestamp: 1,
    ...more,
  }) satisfies wire.OrchestratorMessage;

export const cancelOf = (jobId: string, force = false) =>
  ({
    type: 'job.cancel',
    messageId: 'c1',
    runId: 'run-1',
    jobId,
    reason: 'no longer needed',
    force,
  }) satisfies wire.OrchestratorMessage;

/** A job that lasts until the test ends it, or until it is aborted. */
export type HeldJob = Readonly<{ handle: JobHandle; end: (outcome: JobOutcome) => void }>;

export function heldRun(): Readonly<{ run: Run; jobs: Map<string, HeldJob> }> {
  const jobs = new Map<string, HeldJob>();
  const run: Run = (handle) => {
    const held = Promise.withResolvers<JobOutcome>();
    handle.signal.addEventListener('abort', () => held.reject(handle.signal.reason));
    jobs.set(handle.dispatch.jobId, { handle, end: held.resolve });
    return held.promise;
  };
  return { run, jobs };
}

/** A job that goes on after it was asked to end, until the test ends it. */
export function slowRun(): Readonly<{ run: Run; jobs: Map<string, HeldJob> }> {
  const jobs = new Map<string, HeldJob>();
  const run: Run = (handle) => {
    const held = Promise.withResolvers<JobOutcome>();
    jobs.set(handle.dispatch.jobId, { handle, end: held.resolve });
    return held.promise;
  };
  return { run, jobs };
}

export const succeed: Run = () => Promise.resolve({ state: 'success' });

export type Trial = Readonly<{ agent: Agent; server: ScriptedOrchestrator }>;

export function agentFor(
  server: ScriptedOrchestrator,
  run: Run,
  o: Partial<AgentOptions> = {},
): Agent {
  const agent = createAgent(
    {
      url: server.url,
      agentId: 'agent-1',
      labels: ['linux'],
      clock: systemClock,
      log: silent,
      backoff: { baseMs: 10 },
      timing: { logBatchMs: 5 },
      ...o,
    },
    run,
  );
  onTestFinished(() => stopped(agent, o.clock));
  return agent;
}

async function stopped(agent: Agent, clock: Partial<ManualClock> | undefined): Promise<void> {
  // A manual clock fires nothing by itself, so the bounds of the stop would not end either.
  await Promise.all([agent.stop({ withinMs: 100 }), clock?.advance?.(60_000)]);
}

export async function startServer(o: ScriptedOptions = {}): Promise<ScriptedOrchestrator> {
  const server = await scriptedOrchestrator(o);
  onTestFinished(async () => {
    await server.stop();
    expect(server.invalid, 'every frame of the agent is valid').toEqual([]);
  });
  return server;
}

/** Registered and ready for its first dispatch. */
export async function startTrial(
  run: Run,
  o: Readonly<{ server?: ScriptedOptions; agent?: Partial<AgentOptions> }> = {},
): Promise<Trial> {
  const server = await startServer(o.server);
  const agent = agentFor(server, run, o.agent);
  agent.start();
  await agent.registered;
  return { agent, server };
}

/** A job in hand, beside the server that it asks. */
export async function jobInHand(
  server: ScriptedOptions = {},
): Promise<Trial & Readonly<{ handle: JobHandle }>> {
  const { run, jobs } = heldRun();
  const trial = await startTrial(run, { server });
  trial.server.send(dispatchOf('j1', { attempt: 1, fence: 7 }));
  const { handle } = await eventually(() => jobs.get('j1'));
  return { ...trial, handle };
}

/** A trial with a clock that the test turns; only the socket lives in real time. */
export async function startManualTrial(
  run: Run,
  o: Readonly<{ server?: ScriptedOptions; agent?: Partial<AgentOptions> }> = {},
): Promise<Trial & Readonly<{ clock: ManualClock }>> {
  const clock = manualClock(1_000_000);
  const trial = await startTrial(run, {
    ...o,
    agent: { clock, backoff: {}, timing: {}, random: () => 0, ...o.agent },
  });
  return { ...trial, clock };
}
