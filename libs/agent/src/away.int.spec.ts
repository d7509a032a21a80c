import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { eventually } from '@waybill/process/testing';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { Run } from './job-handle.ts';
import {
  agentFor,
  allExtensions,
  dispatchOf,
  heldRun,
  startServer,
  startTrial,
  succeed,
} from './trial.fixture.ts';

const confirming = {
  extensions: { ...allExtensions, granted: false },
  answers: { terminal: true },
};
const unconfirming = { extensions: { ...allExtensions, granted: false } };
const inFlight = [{ jobId: 'j1', runId: 'run-1' }];

function scratch(): string {
  const folder = mkdtempSync(path.join(tmpdir(), 'waybill-agent-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  return folder;
}

describe('an agent that is away', () => {
  it('goes on with its job, and names it when it returns', async () => {
    const { run, jobs } = heldRun();
    const { server } = await startTrial(run);
    server.send(dispatchOf('j1'));
    const job = await eventually(() => jobs.get('j1'));
    server.close(4031, 'no answer in time');
    const register = await server.next('agent.register', undefined, { nth: 2 });
    expect(register.inFlightJobs).toEqual(inFlight);
    expect(job.handle.signal.aborted).toBe(false);
    job.end({ state: 'success' });
    await server.next('job.status', ({ state }) => state === 'success');
  });

  it('keeps what its job reports, and tells it in order when it is back', async () => {
    const { run, jobs } = heldRun();
    const { agent, server } = await startTrial(run);
    server.send(dispatchOf('j1'));
    const job = await eventually(() => jobs.get('j1'));
    await server.shut();
    await eventually(() => agent.state === 'away');
    job.handle.step(0, 'build', 'running');
    job.handle.log(0, ['said while away']);
    job.handle.step(0, 'build', 'success');
    job.end({ state: 'success', data: { n: 1 } });
    await eventually(() => agent.activeJobs === 0);
    await server.open();
    await server.next('job.status', ({ state }) => state === 'success');
    const told = server.frames.filter(({ connection }) => connection > 1);
    expect(told.map(({ message }) => message)).toMatchObject([
      { type: 'agent.register', inFlightJobs: inFlight },
      { type: 'config.ack' },
      { type: 'step.status', state: 'running' },
      { type: 'log.chunk', lines: ['said while away'] },
      { type: 'step.status', state: 'success' },
      { type: 'job.status', state: 'success', data: { n: 1 } },
    ]);
  });

  it('keeps a bounded amount, and says in the log what is missing', async () => {
    const { run, jobs } = heldRun();
    const { agent, server } = await startTrial(run, {
      agent: { timing: { backlogMax: 3, logLinesMax: 1 } },
    });
    server.send(dispatchOf('j1'));
    const job = await eventually(() => jobs.get('j1'));
    await server.shut();
    await eventually(() => agent.state === 'away');
    job.handle.log(0, ['1', '2', '3', '4', '5']);
    await server.open();
    await server.next('log.chunk', ({ lines }) => lines[0] === '5');
    expect(server.of('log.chunk').map(({ lines }) => lines[0])).toEqual([
      '... 2 lines are missing: the agent was away and its buffer was full',
      '3',
      '4',
      '5',
    ]);
  });

  it('delivers a result once where nobody confirms it', async () => {
    const { run, jobs } = heldRun();
    const { agent, server } = await startTrial(run);
    server.send(dispatchOf('j1'));
    const job = await eventually(() => jobs.get('j1'));
    await server.shut();
    await eventually(() => agent.state === 'away');
    job.end({ state: 'failed' });
    await server.open();
    await server.next('job.status', ({ state }) => state === 'failed');
    server.cut();
    const register = await server.next('agent.register', undefined, { nth: 3 });
    expect(register).not.toHaveProperty('inFlightJobs');
    await server.next('config.ack', undefined, { nth: 3 });
    expect(server.of('job.status').filter(({ state }) => state === 'failed')).toHaveLength(1);
  });
});

describe('a result that has to be confirmed', () => {
  it('is sent again with the same id until it is, and its job is in flight until then', async () => {
    const { agent, server } = await startTrial(succeed, { server: unconfirming });
    server.send(dispatchOf('j1', { attempt: 1, fence: 3 }));
    const first = await server.next('job.status', ({ state }) => state === 'success');
    server.cut();
    expect(await server.next('agent.register', undefined, { nth: 2 })).toMatchObject({
      inFlightJobs: inFlight,
    });
    const again = await server.next('job.status', ({ state }) => state === 'success', { nth: 2 });
    expect(again).toEqual(first);
    expect(await agent.drain({ withinMs: 10 })).toBe(false);
    server.send({
      type: 'job.status.ack',
      messageId: first.messageId,
      runId: 'run-1',
      jobId: 'j1',
    });
    expect(await agent.drain({ withinMs: 5_000 })).toBe(true);
    server.cut();
    expect(await server.next('agent.register', undefined, { nth: 3 })).not.toHaveProperty(
      'inFlightJobs',
    );
  });

  it('outlives the process of the agent in a file that only its user can read', async () => {
    const outboxFile = path.join(scratch(), 'deep', 'outbox.json');
    const server = await startServer(unconfirming);
    const first = agentFor(server, succeed, { outboxFile });
    first.start();
    await first.registered;
    server.send(dispatchOf('j1', { attempt: 2, fence: 3 }));
    const status = await server.next('job.status', ({ state }) => state === 'success');
    expect(statSync(outboxFile).mode & 0o777).toBe(0o600);
    await first.stop({ withinMs: 10 });

    server.behave(confirming);
    const second = agentFor(server, succeed, { outboxFile });
    second.start();
    const register = await server.next('agent.register', undefined, { nth: 2 });
    expect(register.inFlightJobs).toEqual(inFlight);
    const again = await server.next('job.status', ({ state }) => state === 'success', { nth: 2 });
    expect(again).toEqual(status);
    expect(await second.drain({ withinMs: 5_000 })).toBe(true);
    expect(JSON.parse(readFileSync(outboxFile, 'utf8'))).toMatchObject({ statuses: [] });
  });

  it('in a damaged file does not keep the agent from starting', async () => {
    const outboxFile = path.join(scratch(), 'outbox.json');
    writeFileSync(outboxFile, '{"agentId":"agent-1","statuses":[{"type":"job.ack"}]}');
    const { server } = await startTrial(succeed, { agent: { outboxFile } });
    expect(server.of('agent.register')[0]).not.toHaveProperty('inFlightJobs');
  });
});

describe('an agent that is stopped', () => {
  it('ends its job, delivers the result and hangs up properly', async () => {
    const { run, jobs } = heldRun();
    const { agent, server } = await startTrial(run, { server: confirming });
    server.send(dispatchOf('j1'));
    await eventually(() => jobs.get('j1'));
    await agent.stop({ withinMs: 5_000 });
    expect(server.of('job.status').at(-1)).toMatchObject({
      state: 'failed',
      data: { reason: 'agent_stopped' },
    });
    expect(agent.state).toBe('stopped');
  });

  it('does not wait longer than its bound for a job that does not end', async () => {
    const deaf: Run = () => Promise.withResolvers<never>().promise;
    const { agent, server } = await startTrial(deaf);
    server.send(dispatchOf('j1'));
    await server.next('job.status');
    await agent.stop({ withinMs: 20 });
    expect(agent.state).toBe('stopped');
  });
});

describe('an agent that is given up', () => {
  it('is gone without a word, and keeps nothing of its job', async () => {
    const outboxFile = path.join(scratch(), 'outbox.json');
    const { run, jobs } = heldRun();
    const { agent, server } = await startTrial(run, {
      server: confirming,
      agent: { outboxFile },
    });
    server.send(dispatchOf('j1', { fence: 1 }));
    const { handle } = await eventually(() => jobs.get('j1'));
    await agent.abandon();
    expect(handle.signal.reason).toMatchObject({ code: 'agent_stopped', force: true });
    agentFor(server, succeed, { outboxFile }).start();
    const register = await server.next('agent.register', undefined, { nth: 2 });
    expect(register).not.toHaveProperty('inFlightJobs');
    expect(server.of('job.status').map(({ state }) => state)).toEqual(['running']);
  });
});

describe('a job with more output than the network takes', () => {
  it('sees that it should wait, and when it need not', async () => {
    const { run, jobs } = heldRun();
    const { server } = await startTrial(run);
    server.send(dispatchOf('j1', { maxLogSizeBytes: 100_000_000 }));
    const { handle } = await eventually(() => jobs.get('j1'));
    server.freeze();
    const lines = ['x'.repeat(60_000)];
    await eventually(() => {
      for (let n = 0; n < 20; n++) handle.log(0, lines);
      return handle.congested;
    });
    const waiting = handle.drained();
    server.cut();
    await waiting;
    expect(handle.congested).toBe(false);
  });
});
