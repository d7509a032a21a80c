import { startTestServers } from '@waybill/embedded';
import type { Journal } from '@waybill/journal';
import { subjects } from '@waybill/protocol';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type PlainAgent, registerAgent } from '../../../../tests/support/plain-agent.ts';
import { type LogWorld, openLogWorld, type TestRun } from './log-world.fixture.ts';
import { type ChangedGateway, changedGateway } from './open-gateway.fixture.ts';

let servers: Awaited<ReturnType<typeof startTestServers>>;
let world: LogWorld;
const stops = new Set<() => Promise<void>>();

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
  await Promise.all([...stops].map((stop) => stop()));
  stops.clear();
  await world.close();
});

const at = 1_700_000_000_000;
const jobOf = (run: TestRun) => ({ runId: run.runId, jobId: run.wireId() });
const success = (run: TestRun) => ({
  type: 'job.status',
  messageId: 'end',
  ...jobOf(run),
  state: 'success',
  timestamp: at,
});

async function running(agent: PlainAgent): Promise<TestRun> {
  const run = await world.run();
  await run.offer({ agentId: 'a', session: await world.session('a') });
  await agent.next('job.dispatch');
  agent.send({ type: 'job.ack', messageId: 'ack', ...jobOf(run), timestamp: at });
  await run.jobState('running');
  return run;
}

async function changed(change: (journal: Journal) => Partial<Journal>): Promise<ChangedGateway> {
  const gateway = await changedGateway(world, servers.nats, change);
  stops.add(gateway.stop);
  return gateway;
}

const sdk = { agentId: 'a', extended: true } as const;
const back = (url: string, run: TestRun): Promise<PlainAgent> =>
  registerAgent(url, { ...sdk, inFlightJobs: [jobOf(run)] });

describe('the last word of a job', () => {
  it('counts when it is said again on a newer session, though the first time came to nothing', async () => {
    const held = Promise.withResolvers<void>();
    const slow = await changed((journal) => ({
      append: async (...all) => {
        if (all[0].type === 'job.status') await held.promise;
        return journal.append(...all);
      },
    }));
    const other = await world.gateway({ id: 'other' });
    const old = await registerAgent(slow.url, sdk);
    const run = await running(old);
    old.send(success(run));
    await old.roundTrip();
    old.drop();
    const fresh = await back(other.url, run);
    await run.has('agent.resumed');
    held.resolve();
    await run.has('job.status');
    expect((await run.fold()).lastVoid?.why).toBe('foreign-session');
    fresh.send(success(run));
    expect(await fresh.next('job.status.ack')).toMatchObject({ messageId: 'end' });
    expect((await run.job()).state).toBe('success');
  });

  it.each(['the same gateway', 'another one'])(
    'is acknowledged and not stored again where it counted already, at %s',
    async (where) => {
      const { url } = await world.gateway();
      const old = await registerAgent(url, sdk);
      const run = await running(old);
      old.send(success(run));
      await run.jobState('success');
      old.drop();
      const next = where === 'another one' ? await world.gateway({ id: 'other' }) : { url };
      const fresh = await back(next.url, run);
      fresh.send(success(run));
      expect(await fresh.next('job.status.ack')).toMatchObject({ messageId: 'end' });
      expect((await run.types()).filter((type) => type === 'job.status')).toHaveLength(1);
      expect((await run.fold()).anomalies).toBe(0);
    },
  );

  it('is stored where it differs from how the attempt ended, and changes nothing', async () => {
    const { url } = await world.gateway();
    const agent = await registerAgent(url, sdk);
    const run = await running(agent);
    agent.send(success(run));
    await agent.next('job.status.ack');
    agent.send({ ...success(run), messageId: 'other', state: 'failed' });
    expect(await agent.next('job.status.ack')).toMatchObject({ messageId: 'other' });
    expect(await run.fold()).toMatchObject({ anomalies: 1, jobs: [{ state: 'success' }] });
  });

  it('is not acknowledged to a session that the job has left, so that its agent says it again', async () => {
    let isDeaf = false;
    const deaf = await changed((journal) => ({
      read: (o) =>
        journal.read({
          ...o,
          onMessage: (message) =>
            isDeaf && message.stream === 'WB_AGENTS' ? undefined : o.onMessage(message),
        }),
    }));
    const other = await world.gateway({ id: 'other' });
    const old = await registerAgent(deaf.url, sdk);
    const run = await running(old);
    isDeaf = true;
    const fresh = await back(other.url, run);
    await run.has('agent.resumed');
    old.send(success(run));
    await run.has('job.status');
    expect((await run.job()).state).toBe('running');
    fresh.send(success(run));
    await fresh.next('job.status.ack');
    await run.jobState('success');
    expect(old.count('job.status.ack')).toBe(0);
  });

  it('is not acknowledged by a gateway that has not read of its job yet, while the log waits for it', async () => {
    const first = await world.gateway();
    const old = await registerAgent(first.url, sdk);
    const run = await running(old);
    const blind = await changed((journal) => ({
      read: (o) => journal.read(o.stream === 'WB_RUNS' ? { ...o, onMessage: () => undefined } : o),
    }));
    const forgetful = await registerAgent(blind.url, sdk);
    forgetful.send(success(run));
    await run.has('job.status');
    expect((await run.job()).state).toBe('running');
    const fresh = await back(blind.url, run);
    fresh.send(success(run));
    await fresh.next('job.status.ack');
    await run.jobState('success');
    expect(forgetful.count('job.status.ack')).toBe(0);
    expect((await world.agentEvents('a')).map((event) => event.type)).not.toContain('violation');
  });

  it('of a job that no log knows is acknowledged, so that nobody keeps it for ever', async () => {
    const { url } = await world.gateway();
    const run = await world.run();
    const agent = await registerAgent(url, sdk);
    agent.send(success(run));
    expect(await agent.next('job.status.ack')).toMatchObject(jobOf(run));
    agent.send({ ...success(run), messageId: 'made up', jobId: 'made up' });
    expect(await agent.next('job.status.ack')).toMatchObject({ jobId: 'made up' });
    await world.hasAgent('a', 'violation', 2);
    expect(await run.types()).toEqual(['run.created']);
  });

  it('under the run of another job is neither stored nor acknowledged', async () => {
    const { url } = await world.gateway();
    const agent = await registerAgent(url, sdk);
    const run = await running(agent);
    const { runId } = await world.run();
    agent.send({ ...success(run), messageId: 'swapped', runId });
    await world.hasAgent('a', 'violation');
    agent.send(success(run));
    expect(await agent.next('job.status.ack')).toMatchObject({ messageId: 'end' });
    expect((await run.job()).state).toBe('success');
    expect(agent.count('job.status.ack')).toBe(1);
  });
});

describe('a reject behind the ack', () => {
  it('is void, and the job goes on: its heartbeats are kept and its agent is not told to stop', async () => {
    const { url } = await world.gateway();
    const agent = await registerAgent(url, { agentId: 'a' });
    const run = await running(agent);
    agent.send({
      type: 'job.reject',
      messageId: 'no',
      ...jobOf(run),
      reason: 'busy',
      timestamp: at,
    });
    await run.has('job.reject');
    expect(await run.fold()).toMatchObject({ anomalies: 1, jobs: [{ state: 'running' }] });
    agent.send({ type: 'job.heartbeat', ...jobOf(run), timestamp: at });
    agent.send(success(run));
    await run.jobState('success');
    const heartbeats = subjects.heartbeat(world.org, run.runId, run.jobId());
    expect(await world.stored('WB_HEARTBEATS', heartbeats)).toHaveLength(1);
    expect(agent.count('job.cancel')).toBe(0);
  });
});
