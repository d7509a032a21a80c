/** What agents emit, over real sockets and a real log: triggers, words in the run, receipts. */
import { startTestServers } from '@waybill/embedded';
import { eventually } from '@waybill/process/testing';
import {
  readTriggerMessage,
  runId,
  subjects,
  type TriggerEvent,
  triggerId,
} from '@waybill/protocol';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import {
  type Frame,
  type PlainAgent,
  registerAgent,
} from '../../../../tests/support/plain-agent.ts';
import { type LogWorld, openLogWorld, type RunOptions, type TestRun } from './log-world.fixture.ts';
import { changedGateway } from './open-gateway.fixture.ts';

let servers: Awaited<ReturnType<typeof startTestServers>>;
let world: LogWorld;
beforeAll(async () => {
  servers = await startTestServers({ postgres: false });
});
afterAll(() => servers.stop());
beforeEach(async () => {
  world = await openLogWorld(servers.nats);
});
afterEach(() => world.close());

/** A run whose job the agent has taken. */
async function taken(agent: PlainAgent, agentId: string, o?: RunOptions): Promise<TestRun> {
  const run = await world.run(o);
  await run.offer({ agentId, session: await world.session(agentId) });
  await eventually(() =>
    agent.frames.some((frame) => frame.type === 'job.dispatch' && frame['runId'] === run.runId),
  );
  const job = { runId: run.runId, jobId: run.wireId() };
  agent.send({ type: 'job.ack', messageId: `ack-${run.runId}`, ...job, timestamp: 1 });
  await run.jobState('running');
  return run;
}

const emit = (agent: PlainAgent, run: TestRun, requestId: string, more: object = {}): void =>
  agent.send({
    type: 'event.emit',
    jobId: run.wireId(),
    requestId,
    eventName: 'released',
    payload: { version: '1.2' },
    ...more,
  });

const receipt = (agent: PlainAgent): Promise<Frame> => agent.next('event.emit.response');

async function triggers(): Promise<readonly TriggerEvent[]> {
  const filter = subjects.triggerFilter(world.org, 'upstream', '*');
  return (await world.stored('WB_TRIGGERS', filter)).flatMap(
    (message) => readTriggerMessage(message) ?? [],
  );
}

describe('an event that an agent emits', () => {
  it('becomes a trigger, then a word in its run, and then the agent has its receipt', async () => {
    const { url } = await world.gateway();
    const agent = await registerAgent(url, { agentId: 'a' });
    const from = { runId: runId(triggerId('x', 'y', 'z'), 0), jobId: '' };
    const run = await taken(agent, 'a', {
      created: {
        repoUrl: 'https://u:p@git.example.net/acme/shop.git',
        repository: 'https://git.example.net/acme/shop',
        ref: 'main',
        sha: 'abc',
        trust: 'fork',
        trigger: {
          triggerId: triggerId('x', 'y', 'z'),
          source: 'upstream',
          kind: 'upstream',
          event: 'e',
          deliveryId: 'd',
          chainDepth: 9,
          from: { ...from, jobId: `${from.runId}-0`, originalRunId: from.runId },
        },
      },
    });
    emit(agent, run, 'r1', { target: { repos: ['acme/docs'] } });
    const id = triggerId(world.org, 'upstream', `${run.wireId()}.r1`);
    expect(await receipt(agent)).toEqual({
      type: 'event.emit.response',
      requestId: 'r1',
      deliveryId: id,
    });
    const [trigger, ...none] = await triggers();
    expect(none).toEqual([]);
    expect(trigger).toMatchObject({
      type: 'trigger.received',
      source: 'upstream',
      kind: 'upstream',
      event: 'released',
      deliveryId: `${run.wireId()}.r1`,
      chainDepth: 10,
      trust: 'fork',
      meta: { source: '/waybill/agent-gateway', requestId: `req-${run.runId}` },
      data: {
        name: 'released',
        payload: { version: '1.2' },
        source: {
          runId: run.runId,
          jobId: run.jobId(),
          originalRunId: from.runId,
          repository: 'https://git.example.net/acme/shop',
          ref: 'main',
          sha: 'abc',
          workflow: 'ci',
        },
        target: { repos: ['acme/docs'] },
      },
    });
    expect(JSON.stringify(trigger)).not.toContain('u:p');
    const word = await run.has('event.emitted');
    expect(word.body).toEqual({
      requestId: 'r1',
      eventName: 'released',
      triggerId: id,
      target: { repos: ['acme/docs'] },
      payloadBytes: 17,
    });
    expect((await run.fold()).anomalies).toBe(0);
  });

  it('accepts the offer, like every word of the attempt', async () => {
    const { url } = await world.gateway();
    const agent = await registerAgent(url, { agentId: 'a' });
    const run = await world.run();
    await run.offer({ agentId: 'a', session: await world.session('a') });
    await agent.next('job.dispatch');
    emit(agent, run, 'r1');
    expect(await receipt(agent)).toHaveProperty('deliveryId');
    await run.jobState('running');
  });

  it('asked for again under its request has its old receipt, and another event none', async () => {
    const { url } = await world.gateway();
    const agent = await registerAgent(url, { agentId: 'a' });
    const run = await taken(agent, 'a');
    emit(agent, run, 'r1');
    const first = await receipt(agent);
    emit(agent, run, 'r1');
    expect(await receipt(agent)).toEqual(first);
    emit(agent, run, 'r1', { payload: { version: '1.3' } });
    expect((await receipt(agent))['error']).toContain('another event');
    expect(await triggers()).toHaveLength(1);
    expect((await run.types()).filter((type) => type === 'event.emitted')).toHaveLength(1);
  });

  it('is refused to whoever does not have the attempt, and nothing of it is kept', async () => {
    const { url } = await world.gateway();
    const agent = await registerAgent(url, { agentId: 'a' });
    const thief = await registerAgent(url, { agentId: 'b' });
    const run = await taken(agent, 'a');
    emit(thief, run, 'r1');
    const refusal = await receipt(thief);
    emit(thief, run, 'r2', { jobId: 'nobody' });
    expect((await receipt(thief))['error']).toBe(refusal['error']);
    expect(await world.hasAgent('b', 'violation')).toMatchObject({ body: { code: 'foreign-job' } });
    agent.send({
      type: 'job.status',
      messageId: 'm',
      runId: run.runId,
      jobId: run.wireId(),
      state: 'success',
      timestamp: 1,
    });
    await run.jobState('success');
    emit(agent, run, 'r3');
    expect((await receipt(agent))['error']).toContain('over');
    expect(await triggers()).toEqual([]);
  });

  it('of an attempt that was given up counts no more, though its gateway has not heard of it', async () => {
    const { url } = await world.gateway();
    const agent = await registerAgent(url, { agentId: 'a' });
    const run = await taken(agent, 'a');
    const cancel = { jobId: run.jobId(), attempt: 1, reason: 'cancelled', force: true, graceMs: 0 };
    await run.decide('job.cancel', cancel, 'a');
    await run.decide('job.cancelled', { jobId: run.jobId(), attempt: 1, reason: 'cancelled' });
    await run.jobState('cancelled');
    emit(agent, run, 'r1');
    expect((await receipt(agent))['error']).toContain('over');
    expect(await triggers()).toEqual([]);
  });

  it('is refused at the end of a chain of ten', async () => {
    const { url } = await world.gateway();
    const agent = await registerAgent(url, { agentId: 'a' });
    const run = await taken(agent, 'a', {
      created: {
        trigger: {
          triggerId: triggerId('x', 'y', 'z'),
          source: 'upstream',
          kind: 'upstream',
          event: 'e',
          deliveryId: 'd',
          chainDepth: 10,
        },
      },
    });
    emit(agent, run, 'r1');
    expect((await receipt(agent))['error']).toContain('10 at most');
    expect(await triggers()).toEqual([]);
  });

  it('is refused as the hundred and first of its name within a minute, whoever emits it', async () => {
    const { url } = await world.gateway();
    const agent = await registerAgent(url, { agentId: 'a' });
    const run = await taken(agent, 'a');
    for (let at = 0; at < 101; at++) emit(agent, run, `r${at}`);
    const receipts: Frame[] = [];
    for (let at = 0; at < 101; at++) receipts.push(await receipt(agent));
    expect(receipts.filter((each) => 'deliveryId' in each)).toHaveLength(100);
    expect(receipts[100]).toMatchObject({ requestId: 'r100' });
    expect(receipts[100]?.['error']).toContain('100 a minute');
    const other = await registerAgent(url, { agentId: 'b' });
    const another = await taken(other, 'b');
    emit(other, another, 'r1');
    expect((await receipt(other))['error']).toContain('100 a minute');
    emit(other, another, 'r2', { eventName: 'another' });
    expect(await receipt(other)).toHaveProperty('deliveryId');
    // A repeat of one that was counted.
    emit(agent, run, 'r7');
    expect(await receipt(agent)).toEqual(receipts[7]);
  });

  it('has an answer within five seconds whatever the log does', async () => {
    const gateway = await changedGateway(world, servers.nats, (journal) => ({
      append: (draft, expect_, o) =>
        draft.stream === 'WB_TRIGGERS'
          ? Promise.withResolvers<never>().promise
          : journal.append(draft, expect_, o),
    }));
    const agent = await registerAgent(gateway.url, { agentId: 'a' });
    const run = await taken(agent, 'a');
    const begun = performance.now();
    emit(agent, run, 'r1');
    emit(agent, run, 'r2');
    const late = await eventually(
      () => {
        const all = agent.frames.filter((each) => each.type === 'event.emit.response');
        return all.length === 2 ? all : undefined;
      },
      { withinMs: 6_000 },
    );
    for (const each of late) expect(each['error']).toContain('may have been stored');
    expect(new Set(late.map((each) => each['requestId']))).toEqual(new Set(['r1', 'r2']));
    expect(performance.now() - begun).toBeLessThan(5_000);
    await gateway.stop();
  });
});
