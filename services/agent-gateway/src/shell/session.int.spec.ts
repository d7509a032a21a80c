import { startTestServers } from '@waybill/embedded';
import { manualClock } from '@waybill/process';
import { eventually } from '@waybill/process/testing';
import { subjects } from '@waybill/protocol';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { connectAgent, registerAgent, TOKEN } from '../../../../tests/support/plain-agent.ts';
import { firstLine, type LogWorld, openLogWorld } from './log-world.fixture.ts';

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

describe('a session', () => {
  it('has its reports of room behind the rejects that it said before', async () => {
    const { url } = await world.gateway();
    const agent = await registerAgent(url, { agentId: 'a' });
    const session = await world.session('a');
    for (let count = 1; count <= 10; count += 1) {
      const run = await world.run();
      await run.offer({ agentId: 'a', session });
      await agent.next('job.dispatch');
      const job = { runId: run.runId, jobId: run.wireId() };
      agent.send({
        type: 'job.reject',
        messageId: `r${count}`,
        ...job,
        reason: 'busy',
        timestamp: at,
      });
      agent.send({ type: 'agent.status', messageId: `s${count}`, agentId: 'a', activeJobs: 0 });
      const status = await world.hasAgent('a', 'status', count);
      const reject = await run.has('job.reject');
      expect(status.at).toBeGreaterThanOrEqual(reject.at);
    }
  });

  it('carries one job from its offer to its success, every word stored as it came', async () => {
    const { url } = await world.gateway();
    const run = await world.run();
    const agent = await registerAgent(url, { agentId: 'host.with.dots' });
    await run.offer({ agentId: 'host.with.dots', session: await world.session('host.with.dots') });
    const dispatch = await agent.next('job.dispatch');
    const job = { runId: run.runId, jobId: run.wireId() };
    expect(dispatch).toMatchObject({
      ...job,
      jobConfig: { name: 'job 0' },
      requestId: `req-${run.runId}`,
    });
    expect(dispatch['fence']).toBeUndefined();

    const odd = `{"type":"job.ack",  "messageId":"m1","runId":"${run.runId}","jobId":"${run.wireId()}","timestamp":${at},"unknown":{"kept":1}}`;
    agent.send(odd);
    agent.send({ type: 'job.status', messageId: 'm2', ...job, state: 'running', timestamp: at });
    agent.send({
      type: 'step.status',
      messageId: 'm3',
      ...job,
      stepIndex: 0,
      stepName: 'one',
      state: 'running',
      timestamp: at,
    });
    agent.send({
      type: 'log.chunk',
      messageId: 'm4',
      ...job,
      stepIndex: -1,
      lines: ['a', 'b'],
      timestamp: at,
    });
    agent.send({ type: 'job.heartbeat', ...job, timestamp: at });
    agent.send({
      type: 'step.status',
      messageId: 'm5',
      ...job,
      stepIndex: 0,
      stepName: 'one',
      state: 'success',
      timestamp: at,
    });
    agent.send({
      type: 'job.status',
      messageId: 'm6',
      ...job,
      state: 'success',
      timestamp: at,
      data: { outputs: {} },
    });

    await run.jobState('success');
    expect(await run.types()).toEqual([
      'run.created',
      'job.offered',
      'job.ack',
      'job.status',
      'step.status',
      'step.status',
      'job.status',
    ]);
    expect((await run.fold()).anomalies).toBe(0);
    const [, , ack] = await world.stored('WB_RUNS', subjects.runFilter(world.org, run.runId));
    expect(new TextDecoder().decode(ack?.body)).toBe(odd);
    expect(
      await world.stored('WB_LOGS', subjects.log(world.org, run.runId, run.jobId())),
    ).toHaveLength(1);
    expect(
      await world.stored('WB_HEARTBEATS', subjects.heartbeat(world.org, run.runId, run.jobId())),
    ).toHaveLength(1);
  });

  it('stores the last word of a job behind everything that the job said before', async () => {
    const { url } = await world.gateway();
    const run = await world.run();
    const agent = await registerAgent(url, { agentId: 'a' });
    await run.offer({ agentId: 'a', session: await world.session('a') });
    await agent.next('job.dispatch');
    const job = { runId: run.runId, jobId: run.wireId() };
    agent.send({ type: 'job.ack', messageId: 'm', ...job, timestamp: at });
    const lines = Array.from({ length: 300 }, (_, index) => `line ${index}`);
    for (const line of lines)
      agent.send({
        type: 'log.chunk',
        messageId: line,
        ...job,
        stepIndex: 0,
        lines: [line],
        timestamp: at,
      });
    agent.send({ type: 'job.status', messageId: 'end', ...job, state: 'success', timestamp: at });
    const end = await run.jobState('success');
    const chunks = await world.stored('WB_LOGS', subjects.log(world.org, run.runId, run.jobId()));
    expect(chunks.map((chunk) => firstLine(chunk))).toEqual(lines);
    expect(Math.max(...chunks.map((chunk) => chunk.at))).toBeLessThanOrEqual(end.completedAt ?? 0);
  });

  it('accepts the offer when the first word of its attempt is a log line', async () => {
    const { url } = await world.gateway();
    const run = await world.run();
    const agent = await registerAgent(url, { agentId: 'a' });
    await run.offer({ agentId: 'a', session: await world.session('a') });
    const { jobId } = await agent.next('job.dispatch');
    agent.send({
      type: 'log.chunk',
      messageId: 'm',
      runId: run.runId,
      jobId,
      stepIndex: 0,
      lines: ['x'],
      timestamp: at,
    });
    agent.send({
      type: 'log.chunk',
      messageId: 'n',
      runId: run.runId,
      jobId,
      stepIndex: 0,
      lines: ['y'],
      timestamp: at,
    });
    expect((await run.jobState('running')).attempts[0]?.resolution).toBe('accepted');
    await eventually(
      async () =>
        (await world.stored('WB_LOGS', subjects.log(world.org, run.runId, run.jobId()))).length ===
        2,
    );
    expect((await run.types()).filter((type) => type === 'agent.heard')).toHaveLength(1);
  });

  it('keeps what the agent says of itself, under the name of its session', async () => {
    const { url } = await world.gateway();
    const agent = await registerAgent(url, { agentId: 'a' });
    agent.send({ type: 'config.ack', messageId: 'm1', agentId: 'a' });
    agent.send({ type: 'agent.status', messageId: 'm2', agentId: 'a', activeJobs: 0 });
    agent.send({ type: 'agent.log', messageId: 'm3', agentId: 'a', lines: ['x'], timestamp: at });
    agent.send({ type: 'agent.status', messageId: 'm4', agentId: 'b', activeJobs: 9 });
    await world.hasAgent('a', 'violation');
    const events = await world.agentEvents('a');
    expect(events.map((event) => event.type)).toEqual([
      'registered',
      'config_acked',
      'status',
      'violation',
    ]);
    expect(new Set(events.slice(1).map((event) => event.meta.session))).toEqual(
      new Set([events[0]?.seq]),
    );
    expect(await world.stored('WB_LOGS', subjects.agentLog(world.org, 'a'))).toHaveLength(1);
    expect(await world.agentEvents('b')).toEqual([]);
  });

  it('answers every request, so that no agent waits for ever', async () => {
    const { url } = await world.gateway();
    const agent = await registerAgent(url, { agentId: 'a' });
    const job = { runId: 'r', jobId: 'j' };
    agent.send({ type: 'event.emit', jobId: 'j', requestId: 'e', eventName: 'x', payload: {} });
    agent.send({ type: 'agent.api.request', requestId: 'q', method: 'inventory.list' });
    agent.send({ type: 'job.concurrency.report', messageId: 'c', ...job, group: 'g' });
    agent.send({
      type: 'step.approval-request',
      messageId: 'p',
      ...job,
      stepIndex: 0,
      stepName: 's',
      clauses: [],
      reason: '',
    });
    agent.send({ type: 'cache.user.save.request', messageId: 's', jobId: 'j', key: 'k' });
    expect(await agent.next('event.emit.response')).toMatchObject({ requestId: 'e' });
    expect(await agent.next('agent.api.response')).toMatchObject({ requestId: 'q' });
    expect(await agent.next('job.concurrency.ack')).toMatchObject({
      requestId: 'c',
      action: 'cancel',
    });
    expect(await agent.next('step.approval-resolved')).toMatchObject({
      requestId: 'p',
      outcome: 'rejected',
    });
    expect(await agent.next('cache.user.save.response')).toMatchObject({
      requestId: 's',
      skip: false,
      uploadUrl: '',
    });
  });

  it('says what it speaks only to an agent that asks', async () => {
    const { url } = await world.gateway();
    const plain = await registerAgent(url, { agentId: 'plain' });
    const ours = await registerAgent(url, { agentId: 'ours', extended: true });
    expect(plain.frames.find((frame) => frame.type === 'register.ack')).toEqual({
      type: 'register.ack',
      agentId: 'plain',
      labels: ['linux'],
      scalerManaged: false,
    });
    expect(ours.frames.find((frame) => frame.type === 'register.ack')).toMatchObject({
      sessionId: String(await world.session('ours')),
      extensions: { fence: true, granted: true, heartbeatAck: true, terminalAck: true },
    });
  });
});

describe('an agent of our SDK', () => {
  it('is granted the job behind its ack, has its heartbeats answered and its last word acknowledged, resent or not', async () => {
    const { url } = await world.gateway();
    const run = await world.run({ staleMs: 77_000 });
    const agent = await registerAgent(url, { agentId: 'a', extended: true });
    const seq = await run.offer({ agentId: 'a', session: await world.session('a') });
    const dispatch = await agent.next('job.dispatch');
    const fence = (await run.job()).attempts[0]?.fence;
    expect(dispatch).toMatchObject({ attempt: 1, fence });
    expect(fence).toBeLessThan(seq);
    const job = { runId: run.runId, jobId: run.wireId() };
    agent.send({ type: 'job.ack', messageId: 'm1', ...job, timestamp: at, attempt: 1, fence });
    expect(await agent.next('job.granted')).toEqual({
      type: 'job.granted',
      ...job,
      attempt: 1,
      fence,
      leaseMs: 77_000,
    });
    agent.send({ type: 'job.heartbeat', ...job, timestamp: at });
    expect(await agent.next('job.heartbeat.ack')).toMatchObject({
      ...job,
      attempt: 1,
      fence,
      leaseMs: 77_000,
    });
    const end = { type: 'job.status', messageId: 'm2', ...job, state: 'success', timestamp: at };
    agent.send(end);
    expect(await agent.next('job.status.ack')).toEqual({
      type: 'job.status.ack',
      messageId: 'm2',
      ...job,
    });
    agent.send(end);
    await agent.next('job.status.ack');
    expect((await run.types()).filter((type) => type === 'job.status')).toHaveLength(1);
    expect(agent.count('job.cancel')).toBe(0);
  });

  it('is told to stop instead when its ack came too late', async () => {
    const { url } = await world.gateway();
    const run = await world.run();
    const agent = await registerAgent(url, { agentId: 'a', extended: true });
    await run.offer({ agentId: 'a', session: await world.session('a') });
    await agent.next('job.dispatch');
    // Another word that settles the attempt lies before the ack, which the gateway has not seen coming.
    await run.has('job.offered');
    const { runDraft } = await import('@waybill/protocol');
    await world.journal.append(
      runDraft({
        org: world.org,
        runId: run.runId,
        type: 'job.reject',
        meta: {
          id: 'by-hand',
          source: '/test',
          jobId: run.jobId(),
          attempt: 1,
          agentId: 'a',
          session: await world.session('a'),
        },
        body: { reason: 'busy' },
      }),
    );
    agent.send({
      type: 'job.ack',
      messageId: 'm1',
      runId: run.runId,
      jobId: run.wireId(),
      timestamp: at,
    });
    expect(await agent.next('job.cancel')).toMatchObject({
      jobId: run.wireId(),
      reason: 'stale_attempt',
    });
    expect(agent.count('job.granted')).toBe(0);
  });
});

describe('signing in', () => {
  it('ends with 4002 when nothing comes, before the token and before the registration', async () => {
    const clock = manualClock();
    const { url } = await world.gateway({ clock });
    const silent = await connectAgent(url);
    const half = await connectAgent(url);
    half.send({ type: 'auth.request', token: TOKEN, protocolVersion: 1 });
    await half.next('auth.success');
    await clock.advance(9_999);
    expect([silent.count('error'), half.count('error')]).toEqual([0, 0]);
    await clock.advance(1);
    expect((await silent.closed).code).toBe(4002);
    expect(await half.closed).toEqual({ code: 4002, reason: 'no agent.register in time' });
  });

  it('refuses a wrong token with auth.failure and 4010, an old version with 4005', async () => {
    const { url } = await world.gateway();
    const wrong = await connectAgent(url);
    wrong.send({ type: 'auth.request', token: 'kat_wrong', protocolVersion: 1 });
    expect((await wrong.closed).code).toBe(4010);
    expect(wrong.count('auth.failure')).toBe(1);
    const old = await connectAgent(url);
    old.send({ type: 'auth.request', token: TOKEN, protocolVersion: 0 });
    expect((await old.closed).code).toBe(4005);
    expect(old.count('auth.failure')).toBe(1);
  });

  it('takes frames that came before the registration was done behind it', async () => {
    const { url } = await world.gateway();
    const run = await world.run();
    const first = await registerAgent(url, { agentId: 'a' });
    await run.offer({ agentId: 'a', session: await world.session('a') });
    await first.next('job.dispatch');
    const job = { runId: run.runId, jobId: run.wireId() };
    first.send({ type: 'job.ack', messageId: 'm1', ...job, timestamp: at });
    await run.jobState('running');
    first.drop();
    await run.jobState('recovering');
    const end = { type: 'job.status', messageId: 'm2', ...job, state: 'success', timestamp: at };
    await registerAgent(url, { agentId: 'a', early: [end] });
    await run.jobState('success');
    expect(await run.types()).toEqual([
      'run.created',
      'job.offered',
      'job.ack',
      'agent.lost',
      'agent.resumed',
      'job.status',
    ]);
    expect((await run.fold()).anomalies).toBe(0);
  });
});
