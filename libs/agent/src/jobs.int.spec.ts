import { eventually } from '@waybill/process/testing';
import { describe, expect, it } from 'vitest';
import type { JobHandle, Run } from './job-handle.ts';
import {
  allExtensions,
  cancelOf,
  dispatchOf,
  everyAnswer,
  heldRun,
  slowRun,
  startManualTrial,
  startTrial,
  succeed,
} from './trial.fixture.ts';

const waybill = { extensions: allExtensions, answers: everyAnswer };
const granting = { extensions: allExtensions };
/** On a clock that jumps, no pong can come in between. */
const quietLink = { timing: { heartbeatMs: 1_000_000_000 } };

describe('a job on an agent', () => {
  it('is acknowledged, runs, reports and ends, in that order', async () => {
    const run: Run = async (job) => {
      job.log(-1, ['preparing']);
      job.step(0, 'build', 'running');
      job.log(0, ['one', 'two']);
      job.step(0, 'build', 'success', { exitCode: 0 });
      return { state: 'success', data: { outputs: { build: { version: '1' } } } };
    };
    const { server } = await startTrial(run);
    server.send(dispatchOf('j1'));
    await server.next('agent.status');
    const told = server.frames
      .map(({ message }) => message)
      .flatMap((m) => ('jobId' in m || m.type === 'agent.status' ? [m] : []));
    expect(told).toMatchObject([
      { type: 'job.ack', runId: 'run-1', jobId: 'j1' },
      { type: 'job.status', state: 'running' },
      { type: 'log.chunk', stepIndex: -1, lines: ['preparing'] },
      { type: 'step.status', stepIndex: 0, stepName: 'build', state: 'running' },
      { type: 'log.chunk', stepIndex: 0, lines: ['one', 'two'] },
      { type: 'step.status', state: 'success', data: { exitCode: 0 }, logBytesStreamed: 8 },
      { type: 'job.status', state: 'success', data: { outputs: { build: { version: '1' } } } },
      { type: 'agent.status', agentId: 'agent-1', activeJobs: 0 },
    ]);
  });

  it('says its last line before its terminal status', async () => {
    const lines = Array.from({ length: 120 }, (_, n) => `line ${n}`);
    const run: Run = async (job) => {
      job.log(0, lines);
      return { state: 'success' };
    };
    const { server } = await startTrial(run);
    server.send(dispatchOf('j1'));
    await server.next('job.status', ({ state }) => state === 'success');
    expect(server.of('log.chunk').map((chunk) => chunk.lines.length)).toEqual([50, 50, 20]);
    expect(server.of('log.chunk').flatMap((chunk) => chunk.lines)).toEqual(lines);
  });

  it('repeats attempt and fence in all that is said about it', async () => {
    const run: Run = async (job) => {
      job.step(0, 's', 'running');
      job.log(0, ['x']);
      return { state: 'success' };
    };
    const { server } = await startTrial(run, { server: waybill });
    server.send(dispatchOf('j1-a2', { attempt: 2, fence: 41 }));
    await server.next('job.status', ({ state }) => state === 'success');
    const about = server.frames.map(({ message }) => message).filter((m) => 'jobId' in m);
    expect(about.length).toBeGreaterThan(4);
    for (const message of about) expect(message).toMatchObject({ attempt: 2, fence: 41 });
  });

  it('fails when its code throws, and the agent goes on', async () => {
    const run: Run = (job) =>
      job.dispatch.jobId === 'j1'
        ? Promise.reject(new Error('out of paper'))
        : Promise.resolve({ state: 'success' });
    const { server } = await startTrial(run);
    server.send(dispatchOf('j1'));
    const failed = await server.next('job.status', ({ state }) => state === 'failed');
    expect(failed.data).toEqual({ reason: 'agent_error', error: { message: 'out of paper' } });
    server.send(dispatchOf('j2'));
    await server.next('job.status', ({ state }) => state === 'success');
  });

  it('ends with a status that fits a frame, whatever its code returns', async () => {
    const run: Run = async (job) => ({
      state: 'success',
      data: job.dispatch.jobId === 'j1' ? { reason: 'x', big: 'x'.repeat(600_000) } : { n: 1n },
    });
    const { server } = await startTrial(run);
    server.send(dispatchOf('j1'));
    const big = await server.next('job.status', ({ state }) => state === 'success');
    expect(big.data).toEqual({ reason: 'x', dataDropped: 'over 524288 characters' });
    server.send(dispatchOf('j2'));
    const odd = await server.next('job.status', ({ state }) => state === 'success', { nth: 2 });
    expect(odd.data).toEqual({ dataDropped: 'it cannot be written as JSON' });
  });
});

describe('a dispatch', () => {
  it('to a busy agent is rejected, with the number of its jobs', async () => {
    const { run, jobs } = heldRun();
    const { server } = await startTrial(run, { agent: { maxConcurrency: 2 } });
    for (const jobId of ['j1', 'j2', 'j3']) server.send(dispatchOf(jobId, { attempt: 1 }));
    expect(await server.next('job.reject')).toMatchObject({
      jobId: 'j3',
      reason: 'busy',
      attempt: 1,
    });
    expect(await server.next('agent.status')).toMatchObject({ activeJobs: 2 });
    jobs.get('j1')?.end({ state: 'success' });
    await server.next('agent.status', ({ activeJobs }) => activeJobs === 1);
    server.send(dispatchOf('j4'));
    await server.next('job.ack', ({ jobId }) => jobId === 'j4');
  });

  it('to a draining agent is rejected, while its job goes on to its end', async () => {
    const { run, jobs } = heldRun();
    const { agent, server } = await startTrial(run);
    server.send(dispatchOf('j1'));
    const job = await eventually(() => jobs.get('j1'));
    const drained = agent.drain({ withinMs: 10_000 });
    server.send(dispatchOf('j2'));
    expect(await server.next('job.reject')).toMatchObject({ jobId: 'j2', reason: 'draining' });
    job.end({ state: 'success' });
    expect(await drained).toBe(true);
    await server.next('job.status', ({ state }) => state === 'success');
    expect(server.of('job.status').map(({ state }) => state)).toEqual(['running', 'success']);
  });

  it('that repeats a running job is ignored', async () => {
    const { run, jobs } = heldRun();
    const { server } = await startTrial(run);
    server.send(dispatchOf('j1'));
    server.send(dispatchOf('j1'));
    server.send(dispatchOf('j2'));
    await server.next('job.reject', ({ jobId }) => jobId === 'j2');
    expect(server.of('job.ack')).toHaveLength(1);
    expect(server.of('job.reject')).toHaveLength(1);
    expect(jobs.size).toBe(1);
  });

  it('that repeats an ended attempt is ignored', async () => {
    const { server } = await startTrial(succeed, { server: waybill });
    const dispatch = dispatchOf('j1', { attempt: 1, fence: 7 });
    server.send(dispatch);
    await server.next('job.status', ({ state }) => state === 'success');
    server.send(dispatch);
    server.send(dispatchOf('j2', { attempt: 1, fence: 9 }));
    await server.next('job.status', ({ jobId, state }) => jobId === 'j2' && state === 'success');
    expect(server.of('job.ack').map(({ jobId }) => jobId)).toEqual(['j1', 'j2']);
  });
});

describe('a cancel', () => {
  it('aborts the job, which ends as cancelled', async () => {
    const { run, jobs } = heldRun();
    const { server } = await startTrial(run);
    server.send(dispatchOf('j1'));
    const { handle } = await eventually(() => jobs.get('j1'));
    server.send(cancelOf('j1', true));
    const status = await server.next('job.status', ({ state }) => state === 'cancelled');
    expect(status.data).toEqual({
      reason: 'cancelled',
      error: { message: 'no longer needed' },
    });
    expect(handle.signal.reason).toMatchObject({ code: 'cancelled', force: true });
  });

  it('of an unknown job is ignored', async () => {
    const { server } = await startTrial(succeed);
    server.send(cancelOf('nobody'));
    server.send(dispatchOf('j1'));
    await server.next('job.status', ({ state }) => state === 'success');
    expect(server.of('job.status').every(({ jobId }) => jobId === 'j1')).toBe(true);
  });
});

describe('a job that has to be granted', () => {
  it('starts with its grant and not before', async () => {
    const { run, jobs } = heldRun();
    const { server } = await startTrial(run, { server: granting });
    server.send(dispatchOf('j1', { attempt: 1, fence: 5 }));
    await server.next('job.ack');
    const grant = { type: 'job.granted', runId: 'run-1', jobId: 'j1', attempt: 1 } as const;
    server.send({ ...grant, fence: 4 });
    server.send(dispatchOf('j2', { attempt: 1, fence: 6 }));
    await server.next('job.reject');
    expect(jobs.size).toBe(0);
    server.send({ ...grant, fence: 5 });
    await server.next('job.status', ({ state }) => state === 'running');
    expect(jobs.size).toBe(1);
  });

  it('is given up without running when the grant does not come', async () => {
    const { run, jobs } = heldRun();
    const { server, clock } = await startManualTrial(run, { server: granting, agent: quietLink });
    server.send(dispatchOf('j1', { attempt: 1, fence: 5 }));
    await server.next('job.ack');
    await clock.advance(30_000);
    const status = await server.next('job.status');
    expect(status).toMatchObject({ state: 'failed', data: { reason: 'not_granted' } });
    expect(jobs.size).toBe(0);
  });

  it('is told to hurry by a second, forced cancel', async () => {
    const { run, jobs } = slowRun();
    const { server } = await startTrial(run);
    server.send(dispatchOf('j1'));
    const job = await eventually(() => jobs.get('j1'));
    server.send(cancelOf('j1'));
    await eventually(() => job.handle.signal.aborted);
    expect(job.handle.forced.aborted).toBe(false);
    server.send(cancelOf('j1', true));
    await eventually(() => job.handle.forced.aborted);
    job.end({ state: 'cancelled' });
    await server.next('job.status', ({ state }) => state === 'cancelled');
  });

  it('is cancelled without running', async () => {
    const { run, jobs } = heldRun();
    const { server } = await startTrial(run, { server: granting });
    server.send(dispatchOf('j1', { attempt: 1, fence: 5 }));
    await server.next('job.ack');
    server.send(cancelOf('j1'));
    await server.next('job.status', ({ state }) => state === 'cancelled');
    expect(jobs.size).toBe(0);
  });

  it('waits for the grant on the next connection too', async () => {
    const { run, jobs } = heldRun();
    const { server } = await startTrial(run, { server: granting });
    server.send(dispatchOf('j1', { attempt: 1, fence: 5 }));
    await server.next('job.ack');
    server.cut();
    const register = await server.next('agent.register', undefined, { nth: 2 });
    expect(register.inFlightJobs).toEqual([{ jobId: 'j1', runId: 'run-1' }]);
    await server.next('config.ack', undefined, { nth: 2 });
    expect(jobs.size).toBe(0);
    server.send({ type: 'job.granted', runId: 'run-1', jobId: 'j1', attempt: 1, fence: 5 });
    await server.next('job.status', ({ state }) => state === 'running');
  });

  it('waits for it too where the next connection is slow to answer the registration', async () => {
    const { run, jobs } = heldRun();
    const timing = { registerFallbackMs: 100 };
    const { agent, server } = await startTrial(run, { server: granting, agent: { timing } });
    server.send(dispatchOf('j1', { attempt: 1, fence: 5 }));
    await server.next('job.ack');
    server.behave({ registerAck: false });
    server.cut();
    await server.next('agent.register', undefined, { nth: 2 });
    await eventually(() => agent.state === 'registered');
    server.send(dispatchOf('j2', { attempt: 1, fence: 6 }));
    await server.next('job.reject');
    expect(jobs.size).toBe(0);
    server.send({ type: 'job.granted', runId: 'run-1', jobId: 'j1', attempt: 1, fence: 5 });
    await server.next('job.status', ({ state }) => state === 'running');
  });
});

describe('the heartbeats of a job', () => {
  it('come every 60 seconds for as long as it runs', async () => {
    const { run, jobs } = heldRun();
    const { server, clock } = await startManualTrial(run, { agent: quietLink });
    server.send(dispatchOf('j1'));
    const job = await eventually(() => jobs.get('j1'));
    await clock.advance(59_999);
    expect(server.of('job.heartbeat')).toEqual([]);
    await clock.advance(60_001);
    expect(await server.next('job.heartbeat', undefined, { nth: 2 })).toMatchObject({
      runId: 'run-1',
      jobId: 'j1',
    });
    job.end({ state: 'success' });
    await server.next('job.status', ({ state }) => state === 'success');
    await clock.advance(180_000);
    expect(server.of('job.heartbeat')).toHaveLength(2);
  });

  it('come sooner where they are answered, so that the job has a lease', async () => {
    const { run, jobs } = heldRun();
    const { server, clock } = await startManualTrial(run, { server: waybill, agent: quietLink });
    server.send(dispatchOf('j1', { attempt: 1, fence: 5 }));
    await eventually(() => jobs.get('j1'));
    await clock.advance(5_000);
    expect(await server.next('job.heartbeat')).toMatchObject({ attempt: 1, fence: 5 });
  });

  it('that are never answered end the job too: its lease begins with its ack, and by its end it is forced', async () => {
    const jobs: JobHandle[] = [];
    // It does not listen.
    const run: Run = (handle) => {
      jobs.push(handle);
      return Promise.withResolvers<never>().promise;
    };
    const { server, clock } = await startManualTrial(run, { server: granting, agent: quietLink });
    server.send(dispatchOf('j1', { attempt: 1, fence: 5 }));
    await server.next('job.ack');
    const grant = { type: 'job.granted', runId: 'run-1', jobId: 'j1', attempt: 1 } as const;
    server.send({ ...grant, fence: 5, leaseMs: 60_000 });
    const handle = await eventually(() => jobs[0]);
    await clock.advance(47_999);
    expect(handle.signal.aborted).toBe(false);
    await clock.advance(1);
    expect([handle.signal.aborted, handle.forced.aborted]).toEqual([true, false]);
    await clock.advance(12_000);
    expect(handle.forced.reason).toMatchObject({ code: 'lease_lost', force: true });
  });

  it('that are no longer answered end the job before its lease is over', async () => {
    const { run, jobs } = heldRun();
    const { server, clock } = await startManualTrial(run, { server: waybill, agent: quietLink });
    server.send(dispatchOf('j1', { attempt: 1, fence: 5 }));
    const { handle } = await eventually(() => jobs.get('j1'));
    await clock.advance(5_000);
    await server.next('job.heartbeat');
    // The answer has arrived once the lease has armed its timer, besides the next heartbeat of job and connection.
    await eventually(() => clock.pending() === 3);
    server.behave({ extensions: allExtensions });
    await clock.advance(107_999);
    expect(handle.signal.aborted).toBe(false);
    await clock.advance(1);
    expect(handle.signal.reason).toMatchObject({ code: 'lease_lost' });
    const status = await server.next('job.status', ({ state }) => state === 'failed');
    expect(status.data).toMatchObject({ reason: 'lease_lost' });
  });
});
