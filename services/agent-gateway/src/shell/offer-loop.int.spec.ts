import { startTestServers } from '@waybill/embedded';
import { Outage, systemClock } from '@waybill/process';
import { eventually } from '@waybill/process/testing';
import {
  allSubjects,
  currentAttempt,
  runDraft,
  type StreamName,
  streams,
  subjects,
} from '@waybill/protocol';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type PlainAgent, registerAgent } from '../../../../tests/support/plain-agent.ts';
import { type LogWorld, openLogWorld } from './log-world.fixture.ts';
import { changedGateway } from './open-gateway.fixture.ts';

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

/** Offers another job to the agent and waits for it: whatever was addressed to it before has been dealt with. */
async function passed(agent: PlainAgent, agentId: string): Promise<void> {
  const run = await world.run();
  await run.offer({ agentId, session: await world.session(agentId) });
  await eventually(() =>
    agent.frames.some((frame) => frame.type === 'job.dispatch' && frame['runId'] === run.runId),
  );
}

const dispatches = (agent: PlainAgent, runId: string): number =>
  agent.frames.filter((frame) => frame.type === 'job.dispatch' && frame['runId'] === runId).length;

describe('an offer', () => {
  it('is never written twice: not after a new registration, a restart of the gateway, or a repeat in the log', async () => {
    const gateway = await world.gateway();
    const run = await world.run();
    const first = await registerAgent(gateway.url, { agentId: 'a' });
    await run.offer({ agentId: 'a', session: await world.session('a') });
    await first.next('job.dispatch');
    first.drop();
    await world.hasAgent('a', 'disconnected');
    const job = { runId: run.runId, jobId: run.wireId() };

    const second = await registerAgent(gateway.url, { agentId: 'a', inFlightJobs: [job] });
    await passed(second, 'a');
    await gateway.stop();
    const restarted = await world.gateway();
    const third = await registerAgent(restarted.url, { agentId: 'a', inFlightJobs: [job] });
    // The same decision put into the log once more, behind the server's window: another sequence, the same id.
    const offered = (await run.events()).find((event) => event.type === 'job.offered');
    const stored = await world.journal.get('WB_RUNS', offered?.seq ?? 0);
    const again = runDraft({
      org: world.org,
      runId: run.runId,
      type: 'job.offered',
      to: 'a',
      meta: { id: 'another-id', source: '/test', jobId: run.jobId(), attempt: 1 },
      body: stored?.body ?? '',
    });
    await world.journal.append(again);
    await passed(third, 'a');
    expect([first, second, third].map((agent) => dispatches(agent, run.runId))).toEqual([1, 0, 0]);
  });

  it('of a job that has waited behind many others carries what its run was created with', async () => {
    const gateway = await world.gateway();
    const run = await world.run();
    const agent = await registerAgent(gateway.url, { agentId: 'a' });
    await Promise.all(Array.from({ length: 300 }, () => world.run()));
    await run.offer({ agentId: 'a', session: await world.session('a') });
    const frame = await agent.next('job.dispatch');
    expect(frame).toMatchObject({ runId: run.runId, jobId: run.wireId() });
  });

  it('that is void, or settled before it could be sent, is not written', async () => {
    const { url } = await world.gateway();
    const agent = await registerAgent(url, { agentId: 'a' });
    const session = await world.session('a');
    const run = await world.run();
    // Attempt 2 of a job that was never offered: a decision that the fold finds void.
    await run.offer({ agentId: 'a', session, attempt: 2 });
    await passed(agent, 'a');
    expect(dispatches(agent, run.runId)).toBe(0);
  });

  it('that is void takes nothing from the attempt that is at work', async () => {
    const { url } = await world.gateway();
    const run = await world.run();
    const agent = await registerAgent(url, { agentId: 'a' });
    await run.offer({ agentId: 'a', session: await world.session('a') });
    await agent.next('job.dispatch');
    const job = { runId: run.runId, jobId: run.wireId(), timestamp: at };
    agent.send({ type: 'job.ack', messageId: 'm', ...job });
    await run.jobState('running');
    // A decision that had not seen the ack: it lies behind it, for an agent of another gateway.
    await run.offer({ agentId: 'b', session: 1_000, attempt: 2 });
    await passed(agent, 'a');
    agent.send({ type: 'job.heartbeat', ...job });
    agent.send({ type: 'job.status', messageId: 'm2', ...job, state: 'success' });
    await run.jobState('success');
    expect(agent.count('job.cancel')).toBe(0);
    const beats = subjects.heartbeat(world.org, run.runId, run.jobId());
    expect(await world.stored('WB_HEARTBEATS', beats)).toHaveLength(1);
  });

  it('for a session of another gateway, or of the past, is not written', async () => {
    const { url } = await world.gateway();
    const agent = await registerAgent(url, { agentId: 'a' });
    const run = await world.run();
    await run.offer({ agentId: 'a', session: (await world.session('a')) + 1_000 });
    await passed(agent, 'a');
    expect(dispatches(agent, run.runId)).toBe(0);
  });

  it('that cannot be read stops nobody', async () => {
    const { url } = await world.gateway();
    const agent = await registerAgent(url, { agentId: 'a' });
    const run = await world.run();
    const poison = { org: world.org, runId: run.runId, type: 'job.offered', to: 'a' } as const;
    for (const [index, body] of ['not json', '{}', '[]', ''].entries())
      await world.journal.append(
        runDraft({
          ...poison,
          meta: { id: `poison-${run.runId}-${index}`, source: '/test' },
          body,
        }),
      );
    await run.offer({ agentId: 'a', session: await world.session('a') });
    await agent.next('job.dispatch');
    expect(agent.count('job.dispatch')).toBe(1);
  });

  it('carries its secrets in plain text in the frame and nowhere else', async () => {
    const canary = 'canary-9f8e7d6c5b4a';
    const { url } = await world.gateway();
    const run = await world.run({ secrets: { TOKEN: canary } });
    const agent = await registerAgent(url, { agentId: 'a' });
    await run.offer({ agentId: 'a', session: await world.session('a') });
    expect(await agent.next('job.dispatch')).toMatchObject({ secrets: { TOKEN: canary } });
    const job = { runId: run.runId, jobId: run.wireId() };
    agent.send({ type: 'job.ack', messageId: 'm', ...job, timestamp: at });
    // Agents that exist list their whole environment, tokens included.
    agent.send({ type: 'job.context', ...job, context: { envVars: { TOKEN: canary } } });
    agent.send({
      type: 'job.status',
      messageId: 'm2',
      ...job,
      state: 'success',
      timestamp: at,
    });
    await run.jobState('success');
    const decoder = new TextDecoder();
    const everything: Readonly<Record<StreamName, string>> = {
      WB_TRIGGERS: allSubjects.triggers,
      WB_RUNS: allSubjects.runs,
      WB_HEARTBEATS: allSubjects.heartbeats,
      WB_LOGS: 'wb.v1.*.>',
      WB_AGENTS: allSubjects.agents,
      WB_CONFIG: allSubjects.config,
      WB_GATES: allSubjects.gates,
      WB_DEAD: allSubjects.dead,
    };
    for (const stream of Object.keys(streams) as StreamName[]) {
      // the record's keys are its type
      const texts = (await world.stored(stream, everything[stream])).map((message) =>
        decoder.decode(message.body),
      );
      expect(texts.join('\n')).not.toContain(canary);
    }
    expect(world.logged()).not.toContain(canary);
  });
});

describe('an offer during an outage of the log', () => {
  it('is written once the log is back, if its deadline was moved meanwhile', async () => {
    let isAway = false;
    let refused = 0;
    const { url, stop } = await changedGateway(world, servers.nats, (journal) => ({
      load: async (...all) => {
        if (!isAway) return journal.load(...all);
        refused += 1;
        throw new Outage('no-responders', 'the log is away');
      },
    }));
    try {
      const agent = await registerAgent(url, { agentId: 'a' });
      const run = await world.run();
      isAway = true;
      await run.offer({ agentId: 'a', session: await world.session('a'), ackTimeoutMs: 100 });
      // Each time it waits longer: far beyond the deadline that the offer was made with.
      await eventually(() => refused >= 6, { withinMs: 10_000, what: 'asking again' });
      const body = {
        jobId: run.jobId(),
        attempt: 1,
        until: systemClock.now() + 60_000,
        cause: 'outage',
      };
      await run.decide('deadline.extended', body);
      isAway = false;
      expect(await agent.next('job.dispatch')).toMatchObject({ jobId: run.wireId() });
    } finally {
      await stop();
    }
  });
});

describe('an expired offer', () => {
  it('tells its agent to stop, closes with 4031, and a late success of attempt 1 does not end attempt 2', async () => {
    const { url } = await world.gateway();
    const run = await world.run();
    const slow = await registerAgent(url, { agentId: 'slow' });
    await run.offer({ agentId: 'slow', session: await world.session('slow'), ackTimeoutMs: 400 });
    await slow.next('job.dispatch');
    await expire(world, run);
    expect(await slow.next('job.cancel')).toMatchObject({
      jobId: run.wireId(),
      reason: 'ack_timeout',
    });
    expect((await slow.closed).code).toBe(4031);

    const job = { runId: run.runId, jobId: run.wireId() };
    const back = await registerAgent(url, { agentId: 'slow', inFlightJobs: [job] });
    expect(await back.next('job.cancel')).toMatchObject({
      jobId: run.wireId(),
      reason: 'stale_attempt',
    });
    const other = await registerAgent(url, { agentId: 'other' });
    await run.offer({ agentId: 'other', session: await world.session('other'), attempt: 2 });
    expect(await other.next('job.dispatch')).toMatchObject({ jobId: run.wireId(2) });
    other.send({
      type: 'job.ack',
      messageId: 'm',
      runId: run.runId,
      jobId: run.wireId(2),
      timestamp: at,
    });
    await run.jobState('running');

    back.send({ type: 'job.status', messageId: 'late', ...job, state: 'success', timestamp: at });
    await run.has('job.status');
    const after = await run.job();
    expect(after.state).toBe('running');
    expect(currentAttempt(after)).toMatchObject({ attempt: 2, agentId: 'other' });
    expect((await run.fold()).lastVoid?.why).toBe('stale-attempt');
    back.send({ type: 'job.heartbeat', ...job, timestamp: at });
    expect(await world.hasAgent('slow', 'violation')).toMatchObject({
      body: { code: 'late-frame', frame: 'job.heartbeat', jobId: run.wireId() },
    });
    const heartbeats = subjects.heartbeat(world.org, run.runId, run.jobId());
    expect(await world.stored('WB_HEARTBEATS', heartbeats)).toEqual([]);
    other.send({
      type: 'job.status',
      messageId: 'm3',
      runId: run.runId,
      jobId: run.wireId(2),
      state: 'success',
      timestamp: at,
    });
    expect((await run.jobState('success')).attempts).toHaveLength(2);
  });

  it('is nothing to anybody when an ack lies before it', async () => {
    const { url } = await world.gateway();
    const run = await world.run();
    const agent = await registerAgent(url, { agentId: 'a' });
    await run.offer({ agentId: 'a', session: await world.session('a') });
    await agent.next('job.dispatch');
    agent.send({
      type: 'job.ack',
      messageId: 'm',
      runId: run.runId,
      jobId: run.wireId(),
      timestamp: at,
    });
    await run.jobState('running');
    await run.decide('job.expired', { jobId: run.jobId(), attempt: 1 });
    await passed(agent, 'a');
    expect(agent.count('job.cancel')).toBe(0);
    agent.send({
      type: 'job.status',
      messageId: 'm2',
      runId: run.runId,
      jobId: run.wireId(),
      state: 'success',
      timestamp: at,
    });
    await run.jobState('success');
  });
});

describe('a stale job', () => {
  it('is stopped at its agent, whose socket stays', async () => {
    const { url } = await world.gateway();
    const run = await world.run({ staleMs: 1 });
    const agent = await registerAgent(url, { agentId: 'a' });
    await run.offer({ agentId: 'a', session: await world.session('a') });
    await agent.next('job.dispatch');
    agent.send({
      type: 'job.ack',
      messageId: 'm',
      runId: run.runId,
      jobId: run.wireId(),
      timestamp: at,
    });
    await run.jobState('running');
    await eventually(async () => {
      await run.decide('job.stale', { jobId: run.jobId(), attempt: 1, heartbeat: null });
      return (await run.job()).state === 'timed_out_stale';
    });
    expect(await agent.next('job.cancel')).toMatchObject({
      jobId: run.wireId(),
      reason: 'timed_out_stale',
    });
    await passed(agent, 'a');
  });
});

/** Appends expiries until one of them lies past the deadline, as a scheduler would. */
async function expire(world: LogWorld, run: Awaited<ReturnType<LogWorld['run']>>): Promise<void> {
  await eventually(
    async () => {
      await run.decide('job.expired', { jobId: run.jobId(), attempt: 1 });
      return (await run.job()).state === 'queued';
    },
    { withinMs: 15_000, everyMs: 100, what: `the offer in ${world.org} expiring` },
  );
}
