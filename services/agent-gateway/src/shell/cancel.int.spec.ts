import { startTestServers } from '@waybill/embedded';
import { eventually } from '@waybill/process/testing';
import { agentDraft } from '@waybill/protocol';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import {
  type Frame,
  type PlainAgent,
  registerAgent,
} from '../../../../tests/support/plain-agent.ts';
import { type LogWorld, openLogWorld, type TestRun } from './log-world.fixture.ts';

let servers: Awaited<ReturnType<typeof startTestServers>>;
let world: LogWorld;

beforeAll(async () => {
  servers = await startTestServers({ postgres: false });
});
afterAll(async () => {
  await servers.stop();
});
beforeEach(async () => {
  world = await openLogWorld(servers.nats);
});
afterEach(async () => {
  await world.close();
});

const at = 1_700_000_000_000;
const jobOf = (run: TestRun) => ({ runId: run.runId, jobId: run.wireId(), timestamp: at });
const status = (run: TestRun, state: string) => ({
  type: 'job.status',
  messageId: `status-${state}`,
  ...jobOf(run),
  state,
});

async function offered(agent: PlainAgent, agentId = 'a'): Promise<TestRun> {
  const run = await world.run();
  await run.offer({ agentId, session: await world.session(agentId) });
  await agent.next('job.dispatch');
  return run;
}
async function running(agent: PlainAgent, agentId = 'a'): Promise<TestRun> {
  const run = await offered(agent, agentId);
  agent.send({ type: 'job.ack', messageId: 'ack', ...jobOf(run) });
  await run.jobState('running');
  return run;
}

const cancel = (run: TestRun, force = false, reason = 'cancelled', attempt = 1): Promise<number> =>
  run.decide('job.cancel', { jobId: run.jobId(), attempt, reason, force, graceMs: 0 }, 'a');
const told = ({ runId, jobId, reason, force }: Frame): object => ({ runId, jobId, reason, force });

describe('a cancel', () => {
  it('reaches the agent that runs the job, gracefully and then forced', async () => {
    const { url } = await world.gateway();
    const agent = await registerAgent(url, { agentId: 'a' });
    const run = await running(agent);
    await cancel(run);
    expect(told(await agent.next('job.cancel'))).toEqual({
      runId: run.runId,
      jobId: run.wireId(),
      reason: 'cancelled',
      force: false,
    });
    await cancel(run, true);
    expect(await agent.next('job.cancel')).toMatchObject({ reason: 'cancelled', force: true });
    agent.send(status(run, 'cancelled'));
    expect(await run.jobState('cancelled')).toMatchObject({ failure: 'cancelled' });
    expect((await run.fold()).anomalies).toBe(0);
  });

  it('tells the agent why a person wants it, in their own words', async () => {
    const { url } = await world.gateway();
    const agent = await registerAgent(url, { agentId: 'a' });
    const run = await running(agent);
    await run.cancelled('wrong branch');
    await cancel(run);
    expect(await agent.next('job.cancel')).toMatchObject({ reason: 'cancelled: wrong branch' });
  });

  it('withdraws an offer that nobody has answered, and its agent is told', async () => {
    const { url } = await world.gateway();
    const agent = await registerAgent(url, { agentId: 'a' });
    const run = await offered(agent);
    await cancel(run, false, 'fail_fast');
    expect(await agent.next('job.cancel')).toMatchObject({
      jobId: run.wireId(),
      reason: 'fail_fast',
    });
    expect((await run.job()).state).toBe('cancelled');
    // It took the job before it heard: its word is kept, changes nothing, and it is told again.
    agent.send({ type: 'job.ack', messageId: 'ack', ...jobOf(run) });
    expect(await agent.next('job.cancel')).toMatchObject({ reason: 'stale_attempt' });
    await run.has('job.ack');
    expect((await run.job()).state).toBe('cancelled');
  });

  it('is nothing to anybody where it is void', async () => {
    const { url } = await world.gateway();
    const agent = await registerAgent(url, { agentId: 'a' });
    const run = await running(agent);
    await cancel(run, true, 'cancelled', 2);
    await offered(agent);
    expect(agent.count('job.cancel')).toBe(0);
    expect((await run.job()).state).toBe('running');
  });

  it('is said again to an agent that comes back with the job, on whichever gateway', async () => {
    const first = await world.gateway({ id: 'first' });
    const second = await world.gateway({ id: 'second' });
    const agent = await registerAgent(first.url, { agentId: 'a', extended: true });
    const run = await running(agent);
    agent.drop();
    await run.jobState('recovering');
    await cancel(run);
    const { runId, jobId } = jobOf(run);
    const back = await registerAgent(second.url, {
      agentId: 'a',
      inFlightJobs: [{ runId, jobId }],
      extended: true,
    });
    expect(told(await back.next('job.cancel'))).toEqual({
      runId,
      jobId,
      reason: 'cancelled',
      force: false,
    });
    expect(back.count('job.granted')).toBe(0);
    back.send(status(run, 'cancelled'));
    await run.jobState('cancelled');
  });

  it('reaches the session that holds the attempt now, and not the one that it was offered to', async () => {
    const { url } = await world.gateway();
    const agent = await registerAgent(url, { agentId: 'a' });
    const run = await running(agent);
    agent.drop();
    await run.jobState('recovering');
    const { runId, jobId } = jobOf(run);
    const back = await registerAgent(url, { agentId: 'a', inFlightJobs: [{ runId, jobId }] });
    await run.jobState('running');
    await cancel(run);
    expect(await back.next('job.cancel')).toMatchObject({ jobId, reason: 'cancelled' });
  });
});

describe('the end of an attempt that a socket still has', () => {
  it('by a cancel that was not heeded is told with force', async () => {
    const { url } = await world.gateway();
    const agent = await registerAgent(url, { agentId: 'a' });
    const run = await running(agent);
    await cancel(run, true);
    await agent.next('job.cancel');
    await eventually(async () => {
      await run.decide('job.cancelled', { jobId: run.jobId(), attempt: 1, reason: 'cancelled' });
      return (await run.job()).state === 'cancelled';
    });
    expect(await agent.next('job.cancel')).toMatchObject({ reason: 'cancelled', force: true });
    agent.send(status(run, 'running'));
    await eventually(() => agent.frames.some((frame) => frame['reason'] === 'stale_attempt'));
  });

  it('is told again whenever the agent speaks of it, once a second', async () => {
    const { url } = await world.gateway();
    const agent = await registerAgent(url, { agentId: 'a' });
    const run = await offered(agent);
    await cancel(run);
    await agent.next('job.cancel');
    const stale = (): number =>
      agent.frames.filter((frame) => frame['reason'] === 'stale_attempt').length;
    for (let times = 0; times < 20; times++) agent.send(status(run, 'running'));
    await run.has('job.status', 20);
    expect(stale()).toBe(1);
    await eventually(
      () => {
        agent.send({ type: 'job.heartbeat', ...jobOf(run) });
        return stale() === 2;
      },
      { withinMs: 2_500, everyMs: 100 },
    );
    expect((await run.fold()).anomalies).toBe(20);
    expect((await run.job()).state).toBe('cancelled');
  });
});

describe('a word behind the end of its own job', () => {
  it('changes nothing, and says that somebody is still at work: it is told to stop', async () => {
    const { url } = await world.gateway();
    const agent = await registerAgent(url, { agentId: 'a' });
    const run = await running(agent);
    agent.send(status(run, 'success'));
    await run.jobState('success');
    agent.send(status(run, 'failed'));
    await run.has('job.status', 2);
    expect(agent.count('job.cancel')).toBe(0);
    agent.send(status(run, 'running'));
    expect(await agent.next('job.cancel')).toMatchObject({ reason: 'stale_attempt' });
    expect((await run.job()).state).toBe('success');
  });
});

describe('the newest session of an agent', () => {
  it("wins on another gateway too: the old socket's late words and close touch nothing", async () => {
    const first = await world.gateway({ id: 'first' });
    const second = await world.gateway({ id: 'second' });
    const old = await registerAgent(first.url, { agentId: 'a' });
    const oldSession = await world.session('a');
    const run = await running(old);
    old.freeze();
    const { runId, jobId } = jobOf(run);
    const fresh = await registerAgent(second.url, {
      agentId: 'a',
      inFlightJobs: [{ runId, jobId }],
    });
    await run.has('agent.resumed');
    expect(await world.hasAgent('a', 'disconnected')).toMatchObject({
      body: { session: oldSession, code: 1001 },
    });
    old.send(status(run, 'failed'));
    fresh.send(status(run, 'success'));
    await run.jobState('success');
    expect(await run.types()).toEqual([
      'run.created',
      'job.offered',
      'job.ack',
      'agent.resumed',
      'job.status',
    ]);
    expect((await run.fold()).anomalies).toBe(0);
  });

  it('is known before its own gateway has answered it', async () => {
    const { url } = await world.gateway();
    const agent = await registerAgent(url, { agentId: 'a' });
    await world.journal.append(
      agentDraft({
        org: world.org,
        agentId: 'a',
        type: 'registered',
        id: `${world.org}:elsewhere`,
        gateway: 'elsewhere/1',
        body: JSON.stringify({ agentId: 'a', labels: [] }),
      }),
    );
    expect((await agent.closed).code).toBe(1001);
  });

  it('is not made to wait for an offer to the old one: nobody was there to take it', async () => {
    const { url } = await world.gateway();
    const old = await registerAgent(url, { agentId: 'a' });
    const oldSession = await world.session('a');
    old.drop();
    await world.hasAgent('a', 'disconnected');
    await registerAgent(url, { agentId: 'a' });
    const run = await world.run();
    await run.offer({ agentId: 'a', session: oldSession });
    const job = await run.jobState('queued');
    expect(job.attempts[0]).toMatchObject({ resolution: 'withdrawn', cause: 'agent_absent' });
  });
});

describe('an end of a run that nobody decided', () => {
  it('takes no attempt from its agent', async () => {
    const { url } = await world.gateway();
    const agent = await registerAgent(url, { agentId: 'a' });
    const run = await running(agent);
    const made = { completedAt: at, durationMs: 0, queuedMs: 0, usage: {}, costUsd: 0, jobs: [] };
    const body = { state: 'success', startedAt: null, priceGeneration: null, ...made };
    await run.decide('run.completed', body);
    await offered(agent);
    agent.drop();
    await run.jobState('recovering');
    const { runId, jobId } = jobOf(run);
    const back = await registerAgent(url, { agentId: 'a', inFlightJobs: [{ runId, jobId }] });
    back.send(status(run, 'success'));
    await run.jobState('success');
    expect((await run.fold()).anomalies).toBe(1);
  });
});

describe('a line of a log that is too long', () => {
  it('is kept as far as anybody reads it, and costs its agent nothing', async () => {
    const { url } = await world.gateway();
    const agent = await registerAgent(url, { agentId: 'a' });
    const run = await running(agent);
    const lines = ['x'.repeat(2_000_000)];
    agent.send({ type: 'log.chunk', messageId: 'm', ...jobOf(run), stepIndex: 0, lines });
    agent.send(status(run, 'success'));
    await run.jobState('success');
    expect(agent.count('error')).toBe(0);
    const [chunk] = await world.stored('WB_LOGS', `wb.v1.log.*.${world.org}.${run.runId}.*`);
    expect(chunk?.body.length).toBeLessThan(1_100_000);
  });
});
