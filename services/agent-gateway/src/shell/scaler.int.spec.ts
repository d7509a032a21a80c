import { startTestServers } from '@waybill/embedded';
import { eventually } from '@waybill/process/testing';
import { agentDraft } from '@waybill/protocol';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import {
  type PlainAgent,
  registerAgent,
  TOKEN,
  SCALER_TOKEN as token,
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

async function offered(agent: PlainAgent): Promise<TestRun> {
  const run = await world.run();
  await run.offer({ agentId: 'a', session: await world.session('a') });
  await agent.next('job.dispatch');
  return run;
}

describe('an agent that a scaler made', () => {
  it('is one by its token, and is told so', async () => {
    const { url } = await world.gateway();
    const agent = await registerAgent(url, { agentId: 'a', token });
    const ack = agent.frames.find((frame) => frame.type === 'register.ack');
    expect(ack).toEqual({
      type: 'register.ack',
      agentId: 'a',
      labels: ['linux'],
      scalerManaged: true,
    });
    const [registered] = await world.agentEvents('a');
    expect(registered).toMatchObject({ type: 'registered', scalerManaged: true });
    await registerAgent(url, { agentId: 'b' });
    expect((await world.agentEvents('b'))[0]).toMatchObject({ scalerManaged: false });
  });

  it('does not come back: a job that it had begun fails at once, one that it had not is queued again', async () => {
    const { url } = await world.gateway();
    const agent = await registerAgent(url, { agentId: 'a', token });
    const begun = await offered(agent);
    agent.send({ type: 'job.ack', messageId: 'ack', ...jobOf(begun) });
    await begun.jobState('running');
    const open = await offered(agent);
    agent.drop();
    expect(await begun.jobState('failed')).toMatchObject({ failure: 'agent_lost' });
    expect((await begun.has('agent.lost')).body.scalerManaged).toBe(true);
    const job = await open.jobState('queued');
    expect(job.attempts[0]).toMatchObject({ resolution: 'withdrawn', cause: 'agent_lost' });
  });

  it('comes back from the end of a gateway like any other', async () => {
    const gateway = await world.gateway();
    const agent = await registerAgent(gateway.url, { agentId: 'a', token });
    const run = await offered(agent);
    agent.send({ type: 'job.ack', messageId: 'ack', ...jobOf(run) });
    await run.jobState('running');
    await gateway.stop();
    expect((await run.has('agent.lost')).body.scalerManaged).toBe(false);
    const { runId, jobId } = jobOf(run);
    const again = await world.gateway();
    await registerAgent(again.url, { agentId: 'a', token, inFlightJobs: [{ runId, jobId }] });
    await run.jobState('running');
  });

  it('keeps its other work when we close its session for an offer that it has not answered', async () => {
    const { url } = await world.gateway();
    const agent = await registerAgent(url, { agentId: 'a', token });
    const run = await offered(agent);
    agent.send({ type: 'job.ack', messageId: 'ack', ...jobOf(run) });
    await run.jobState('running');
    const open = await world.run();
    const session = await world.session('a');
    await open.offer({ agentId: 'a', session, ackTimeoutMs: 1 });
    await agent.next('job.dispatch');
    // Before the deadline by the server's clock it is void.
    await eventually(async () => {
      await open.decide('job.expired', { jobId: open.jobId(), attempt: 1 });
      return (await open.job()).state === 'queued';
    });
    expect((await agent.closed).code).toBe(4031);
    expect((await run.has('agent.lost')).body).toEqual({ code: 4031, scalerManaged: false });
    expect((await run.job()).state).toBe('recovering');
    const { runId, jobId } = jobOf(run);
    await registerAgent(url, { agentId: 'a', token, inFlightJobs: [{ runId, jobId }] });
    await run.jobState('running');
  });

  it('is told to wait when a scaler has bound a queued job to it, once', async () => {
    const { url } = await world.gateway();
    const spawned = (agentId: string, jobIds: readonly string[]) =>
      world.journal.append(
        agentDraft({
          org: world.org,
          agentId,
          type: 'spawned',
          id: `${agentId}:spawned`,
          gateway: '',
          body: JSON.stringify({
            agentId,
            pool: 'p',
            jobIds,
            standing: false,
            labels: ['linux'],
            maxConcurrency: 1,
            by: 's',
          }),
        }),
      );
    const acked = async (agentId: string, mine = token) => {
      const { frames } = await registerAgent(url, { agentId, token: mine });
      return frames.find((frame) => frame.type === 'register.ack');
    };
    await spawned('bound', ['some-job']);
    await spawned('standing', []);
    await spawned('static', ['some-job']);
    // Feeds have their order: whoever is read behind them has seen them.
    const last = await registerAgent(url, { agentId: 'last', token });
    last.drop();
    await eventually(async () => (await world.agentEvents('last')).length > 1);
    expect(await acked('bound')).toMatchObject({ pendingDispatch: true });
    expect(await acked('bound')).not.toHaveProperty('pendingDispatch');
    expect(await acked('standing')).not.toHaveProperty('pendingDispatch');
    expect(await acked('static', TOKEN)).not.toHaveProperty('pendingDispatch');
  });

  it('is told to wait while a job that was meant for it is on its way', async () => {
    const { url } = await world.gateway();
    const run = await world.run();
    const agent = await registerAgent(url, { agentId: 'a', token });
    expect(agent.frames.find((frame) => frame.type === 'register.ack')).not.toHaveProperty(
      'pendingDispatch',
    );
    // It was gone before the frame could reach it; the job waits for it.
    await run.offer({ agentId: 'a', session: (await world.session('a')) + 1_000 });
    await offered(agent);
    const again = await registerAgent(url, { agentId: 'a', token });
    expect(again.frames.find((frame) => frame.type === 'register.ack')).toMatchObject({
      pendingDispatch: true,
    });
  });
});
