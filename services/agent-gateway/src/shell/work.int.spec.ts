import { startTestServers } from '@waybill/embedded';
import { eventually } from '@waybill/process/testing';
import { parseJson, subjects } from '@waybill/protocol';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type PlainAgent, registerAgent, TOKEN } from '../../../../tests/support/plain-agent.ts';
import { limits } from '../domain/limits.ts';
import { type LogWorld, openLogWorld, type RunOptions, type TestRun } from './log-world.fixture.ts';
import { changedGateway } from './open-gateway.fixture.ts';

let servers: Awaited<ReturnType<typeof startTestServers>>;
let world: LogWorld;
let url: string;

beforeAll(async () => {
  servers = await startTestServers({ postgres: false });
});
afterAll(async () => {
  await servers.stop();
});
beforeEach(async () => {
  world = await openLogWorld(servers.nats);
  ({ url } = await world.gateway());
});
afterEach(async () => {
  await world.close();
});

const timestamp = 1_700_000_000_000;
type Job = Readonly<{ runId: string; jobId: string }>;

type Started = Readonly<{ run: TestRun; agent: PlainAgent; job: Job }>;

async function started(agentId = 'a', o: RunOptions = {}): Promise<Started> {
  const run = await world.run(o);
  const agent = await registerAgent(url, { agentId });
  await run.offer({ agentId, session: await world.session(agentId) });
  await agent.next('job.dispatch');
  const job = { runId: run.runId, jobId: run.wireId() };
  agent.send({ type: 'job.ack', messageId: 'ack', ...job, timestamp });
  return { run, agent, job };
}

const status = (job: Job, state: string, messageId = `status-${state}`) => ({
  type: 'job.status',
  messageId,
  ...job,
  state,
  timestamp,
});
const usage = (job: Job, messageId: string, costUsd = '0.25') => ({
  type: 'usage.report',
  messageId,
  ...job,
  timestamp,
  entries: [{ kind: 'model_call', costUsd, 'gen_ai.usage.input_tokens': 10 }],
});

describe('usage', () => {
  it('is stored as it came, acknowledged once it is stored, and counts once however often it is sent', async () => {
    const { run, agent, job } = await started();
    agent.send(usage(job, 'u1'));
    expect(await agent.next('usage.ack')).toEqual({ type: 'usage.ack', messageId: 'u1', ...job });
    agent.send(usage(job, 'u1'));
    await agent.next('usage.ack');
    const again = await registerAgent(url, { agentId: 'a', inFlightJobs: [job] });
    again.send(usage(job, 'u1'));
    again.send(usage(job, 'u2'));
    await again.next('usage.ack');
    await again.next('usage.ack');
    expect((await run.job()).usage).toMatchObject({ modelCalls: 2, costNanoUsd: 500_000_000 });
    expect((await run.has('usage.reported')).body).toEqual(usage(job, 'u1'));
  });

  it('is kept behind the end of its attempt and of its run, because the money was spent', async () => {
    const { run, agent, job } = await started();
    agent.send(status(job, 'success'));
    await run.jobState('success');
    agent.send(usage(job, 'u1'));
    await agent.next('usage.ack');
    await run.decide('run.completed', {
      state: 'success',
      startedAt: null,
      completedAt: 1,
      durationMs: 0,
      queuedMs: 0,
      usage: {},
      costUsd: 0,
      priceGeneration: null,
      jobs: [],
    });
    const later = await registerAgent(url, { agentId: 'a' });
    later.send(usage(job, 'u2', '1'));
    await later.next('usage.ack');
    const fold = await run.fold();
    expect(fold.jobs[0]?.usage).toMatchObject({ costNanoUsd: 250_000_000 });
    expect(fold.lateUsage).toMatchObject({ costNanoUsd: 1_000_000_000 });
  });

  it('of a job of somebody else touches nothing, is a violation, and need not be sent again', async () => {
    const { run, job } = await started();
    const thief = await registerAgent(url, { agentId: 'thief' });
    thief.send(usage(job, 'u1'));
    await thief.next('usage.ack');
    await world.hasAgent('thief', 'violation');
    expect(await run.types()).not.toContain('usage.reported');
  });

  it('of runs that there never were takes no place of those that there are', async () => {
    const run = await world.run();
    const readFrom: (number | undefined)[] = [];
    const { url: at, stop } = await changedGateway(world, servers.nats, ({ load }) => ({
      load: (stream, filter, o) => {
        if (filter.includes(`.${run.runId}.`)) readFrom.push(o?.fromSeq);
        return load(stream, filter, o);
      },
    }));
    const agent = await registerAgent(at, { agentId: 'a' });
    await run.offer({ agentId: 'a', session: await world.session('a') });
    await agent.next('job.dispatch');
    const job = { runId: run.runId, jobId: run.wireId() };
    agent.send({ type: 'job.ack', messageId: 'ack', ...job, timestamp });
    await run.jobState('running');
    const liar = await registerAgent(at, { agentId: 'liar' });
    for (let index = 0; index <= limits.foldedRunsMax; index++) {
      const runId = `${run.runId.slice(0, -7)}${String(index).padStart(5, '0')}-0`;
      liar.send(usage({ runId, jobId: `${runId}-0` }, `u${index}`));
    }
    await eventually(() => liar.count('usage.ack') > limits.foldedRunsMax, { withinMs: 30_000 });
    readFrom.length = 0;
    agent.send({ type: 'job.concurrency.report', messageId: 'c', ...job, group: 'g' });
    await agent.next('job.concurrency.ack');
    expect(readFrom).toEqual([expect.toSatisfy((from: number) => from > 1)]);
    await stop();
  }, 60_000);
});

describe('what an agent tells of its work', () => {
  it('lies in the run under its own type, as it came, and without having been announced', async () => {
    const { run, agent, job } = await started();
    const about = { ...job, timestamp };
    const frames = [
      {
        type: 'conversation.status',
        messageId: 'c',
        ...about,
        conversationId: 'k',
        state: 'started',
      },
      {
        type: 'context.bundle',
        messageId: 'b',
        ...about,
        bundleId: 'b1',
        digest: `sha256:${'0'.repeat(64)}`,
        sizeBytes: 1,
        sources: [],
        redactions: [],
      },
      {
        type: 'workspace.ref',
        messageId: 'w',
        ...about,
        workspaceId: 'w1',
        kind: 'git',
        uri: 'https://git.example.net/shop',
      },
    ];
    for (const frame of frames) agent.send(frame);
    for (const [at, type] of (
      ['conversation.reported', 'context.reported', 'workspace.reported'] as const
    ).entries())
      expect((await run.has(type)).body).toEqual(frames[at]);
    expect((await run.fold()).anomalies).toBe(0);
  });
});

it('the password in an address that an agent names is not kept', async () => {
  const { run, agent, job } = await started();
  const workspace = { type: 'workspace.ref', messageId: 'w', ...job, timestamp, kind: 'git' };
  agent.send({ ...workspace, workspaceId: 'w1', uri: 'https://me:pa55word@git.example.net/shop' });
  const { body } = await run.has('workspace.reported');
  expect(body).toMatchObject({ uri: 'https://git.example.net/shop' });
});

describe('a report of a concurrency group', () => {
  const report = (job: Job) => ({
    type: 'job.concurrency.report',
    messageId: 'group',
    ...job,
    group: 'deploy',
  });

  it('lets the job go on, and says so in the run', async () => {
    const { run, agent, job } = await started();
    agent.send(report(job));
    const answer = { requestId: 'group', action: 'proceed', ...job };
    expect(await agent.next('job.concurrency.ack')).toMatchObject(answer);
    const { body } = await run.has('concurrency.reported');
    expect(body).toMatchObject({ group: 'deploy', action: 'proceed' });
  });

  it('ends a job that somebody cancels', async () => {
    const { run, agent, job } = await started();
    await run.has('job.ack');
    const body = { jobId: run.jobId(), attempt: 1, reason: 'cancelled', force: false, graceMs: 1 };
    await run.decide('job.cancel', body, 'a');
    await agent.next('job.cancel');
    agent.send(report(job));
    expect(await agent.next('job.concurrency.ack')).toMatchObject({ action: 'cancel' });
  });
});

describe('what agents say beside the protocol', () => {
  it('is kept in the run without a token, whatever it is listed as', async () => {
    const { run, agent, job } = await started();
    const context = {
      envVars: { KICI_AGENT_TOKEN: TOKEN, KICI_URL: 'ws://somewhere' },
      deep: [{ command: `agent --with=${TOKEN}` }, { apiKey: 'also-a-secret' }],
      env: ['PATH=/bin', TOKEN],
      workDir: '/tmp/x',
    };
    agent.send({ type: 'job.context', ...job, context });
    agent.send({
      type: 'run.event',
      runId: job.runId,
      eventType: 'agent.execution.start',
      metadata: { said: TOKEN },
    });
    const kept = (await run.has('job.context')).body;
    expect(kept).toMatchObject({
      context: {
        envVars: { KICI_AGENT_TOKEN: '[redacted]', KICI_URL: '[redacted]' },
        env: ['PATH=[redacted]', '[redacted]'],
        workDir: '/tmp/x',
      },
    });
    expect((await run.has('run.event')).body).toMatchObject({
      ...job,
      metadata: { said: '[redacted]' },
    });
    const all = await world.stored('WB_RUNS', subjects.runFilter(world.org, run.runId));
    const text = all.map(({ body }) => new TextDecoder().decode(body)).join('\n');
    expect(text).not.toContain(TOKEN);
    expect(text).not.toContain('also-a-secret');
    expect(world.logged()).not.toContain(TOKEN);
  });

  it('makes no anomaly of a run where it comes behind the end of the job', async () => {
    const { run, agent, job } = await started();
    agent.send(status(job, 'success'));
    agent.send({ type: 'run.event', ...job, eventType: 'agent.teardown' });
    agent.send({ type: 'agent.metrics', messageId: 'm', agentId: 'a', metrics: [], timestamp });
    agent.send({ type: 'agent.api.request', requestId: 'q', method: 'host.requestReboot' });
    expect((await agent.next('agent.api.response'))['error']).toContain('host.requestReboot');
    await run.jobState('success');
    expect((await run.fold()).anomalies).toBe(0);
  });
});

describe('what an agent measures', () => {
  const metrics = (messageId: string, agentId: string, more: object = {}) => ({
    type: 'agent.metrics',
    messageId,
    agentId,
    metrics: [],
    timestamp,
    ...more,
  });

  it('is taken and forgotten; what it says of somebody else is a violation', async () => {
    const { url: at, stop } = await changedGateway(world, servers.nats, () => ({}));
    const agent = await registerAgent(at, { agentId: 'm' });
    agent.send(metrics('one', 'm'));
    agent.send(metrics('two', 'somebody else'));
    agent.send(metrics('three', 'm', { padding: 'x'.repeat(100_000) }));
    await agent.roundTrip();
    const violation = await eventually(async () =>
      (await world.agentEvents('m')).find(({ type }) => type === 'violation'),
    );
    const about = { code: 'foreign-agent', frame: 'agent.metrics' };
    expect(violation).toMatchObject({ body: about });
    const types = (await world.agentEvents('m')).map(({ type }) => type);
    expect(types).not.toContain('status');
    await stop();
  });
});

describe('the log of a step', () => {
  const chunk = (job: Job, stepIndex: number, lines: readonly string[], messageId = 'l') => ({
    type: 'log.chunk',
    messageId,
    ...job,
    stepIndex,
    lines,
    timestamp,
  });
  const stored = async (run: TestRun) =>
    (await world.stored('WB_LOGS', subjects.log(world.org, run.runId, run.jobId()))).map(
      (message) => ({ seq: message.seq, ...(parseJson(message.body) as ReturnType<typeof chunk>) }), // stored as it was sent
    );

  it('is cut at its limit with one line, each step for itself and whatever its number', async () => {
    const { run, agent, job } = await started('a', { job: () => ({ maxLogSizeBytes: 1_000 }) });
    const line = 'x'.repeat(99);
    for (const step of [0, -1, 2_000_000_000]) {
      for (let count = 0; count < 3; count += 1)
        agent.send(chunk(job, step, [line, line, line, line]));
      agent.send(chunk(job, step, ['never']));
    }
    // The last lines of a step come after its status.
    const step = { stepIndex: 1, stepName: 'one', state: 'success', timestamp };
    agent.send({ type: 'step.status', messageId: 's', ...job, ...step });
    agent.send(chunk(job, 1, ['last']));
    agent.send(status(job, 'success'));
    await run.jobState('success');
    const chunks = await stored(run);
    for (const at of [0, -1, 2_000_000_000]) {
      const lines = chunks
        .filter(({ stepIndex }) => stepIndex === at)
        .flatMap((each) => each.lines);
      expect(lines).toHaveLength(11);
      expect(lines.at(-1)).toContain('1000 bytes');
    }
    expect(chunks.at(-1)?.lines).toEqual(['last']);
  });

  it('is not longer because its gateway was another one in between', async () => {
    const { run, agent, job } = await started('a', { job: () => ({ maxLogSizeBytes: 250 }) });
    const line = 'x'.repeat(99);
    agent.send(chunk(job, 0, [line, line]));
    await agent.roundTrip();
    const second = await world.gateway({ id: 'second' });
    const again = await registerAgent(second.url, { agentId: 'a', inFlightJobs: [job] });
    await run.has('agent.resumed');
    again.send(chunk(job, 0, [line], 'l2'));
    again.send(chunk(job, 0, [line], 'l3'));
    again.send(status(job, 'success'));
    await run.jobState('success');
    const lines = (await stored(run)).flatMap((each) => each.lines);
    expect(lines).toEqual([line, line, expect.stringContaining('250 bytes')]);
  });

  it('is found by what its job’s last word says of it, also behind a restart of the gateway', async () => {
    const { run, agent, job } = await started();
    const other = await started('b');
    agent.send(chunk(job, 0, ['one']));
    await run.has('job.ack');
    other.agent.send(chunk(other.job, 0, ['of another job']));
    await other.agent.roundTrip();
    const second = await world.gateway({ id: 'second' });
    const again = await registerAgent(second.url, { agentId: 'a', inFlightJobs: [job] });
    await run.has('agent.resumed');
    again.send(chunk(job, 0, ['two'], 'l2'));
    again.send(status(job, 'success'));
    await run.jobState('success');
    const messages = await world.stored('WB_RUNS', subjects.runFilter(world.org, run.runId));
    const last = messages.at(-1);
    const [first, latest] = await stored(run);
    expect([last?.header('wb-log-first'), last?.header('wb-log-last')]).toEqual([
      String(first?.seq),
      String(latest?.seq),
    ]);
    expect(latest?.seq).toBeGreaterThan(first?.seq ?? Number.POSITIVE_INFINITY);
  });

  it('that does not exist leaves no place in the job’s last word', async () => {
    const { run, agent, job } = await started();
    agent.send(status(job, 'success'));
    await run.jobState('success');
    const messages = await world.stored('WB_RUNS', subjects.runFilter(world.org, run.runId));
    expect(messages.at(-1)?.header('wb-log-first')).toBeUndefined();
  });
});
