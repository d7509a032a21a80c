import { startTestServers } from '@waybill/embedded';
import { manualClock } from '@waybill/process';
import { eventually } from '@waybill/process/testing';
import { subjects } from '@waybill/protocol';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type PlainAgent, registerAgent } from '../../../../tests/support/plain-agent.ts';
import { limits } from '../domain/limits.ts';
import { firstLine, type LogWorld, openLogWorld, type TestRun } from './log-world.fixture.ts';

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
const jobOf = (run: TestRun) => ({ runId: run.runId, jobId: run.wireId() });

/** A run whose one job the agent has taken. */
async function running(agent: PlainAgent, agentId = 'a'): Promise<TestRun> {
  const run = await world.run();
  await run.offer({ agentId, session: await world.session(agentId) });
  await agent.next('job.dispatch');
  agent.send({ type: 'job.ack', messageId: 'ack', ...jobOf(run), timestamp: at });
  await run.jobState('running');
  return run;
}

const success = (run: TestRun) => ({
  type: 'job.status',
  messageId: 'end',
  ...jobOf(run),
  state: 'success',
  timestamp: at,
});

describe('an agent that lost its socket', () => {
  it('returns with its job and goes on', async () => {
    const { url } = await world.gateway();
    const agent = await registerAgent(url, { agentId: 'a' });
    const run = await running(agent);
    agent.drop();
    await run.jobState('recovering');
    expect(await world.hasAgent('a', 'disconnected')).toMatchObject({ body: { code: 1006 } });
    const back = await registerAgent(url, { agentId: 'a', inFlightJobs: [jobOf(run)] });
    expect((await run.jobState('running')).attempts[0]?.session).toBe(await world.session('a'));
    back.send(success(run));
    await run.jobState('success');
    expect((await run.fold()).anomalies).toBe(0);
    expect(back.count('job.cancel')).toBe(0);
  });

  it('is granted its job once more when it returns with it, for it may have missed the first grant', async () => {
    const { url } = await world.gateway();
    const agent = await registerAgent(url, { agentId: 'a', extended: true });
    const run = await running(agent);
    agent.drop();
    await run.jobState('recovering');
    const back = await registerAgent(url, {
      agentId: 'a',
      inFlightJobs: [jobOf(run)],
      extended: true,
    });
    expect(await back.next('job.granted')).toMatchObject({ ...jobOf(run), attempt: 1 });
    back.send({ type: 'job.heartbeat', ...jobOf(run), timestamp: at });
    expect(await back.next('job.heartbeat.ack')).toMatchObject({ leaseMs: 120_000 });
  });

  it('returns without its job, which has failed then', async () => {
    const { url } = await world.gateway();
    const agent = await registerAgent(url, { agentId: 'a' });
    const run = await running(agent);
    agent.drop();
    await run.jobState('recovering');
    await registerAgent(url, { agentId: 'a' });
    expect(await run.jobState('failed')).toMatchObject({ failure: 'agent_lost' });
  });

  it('returns without an offer that it never answered, which is queued again at once', async () => {
    const { url } = await world.gateway();
    const agent = await registerAgent(url, { agentId: 'a' });
    const run = await world.run();
    await run.offer({ agentId: 'a', session: await world.session('a') });
    await agent.next('job.dispatch');
    agent.drop();
    await run.has('agent.lost');
    expect((await run.job()).state).toBe('offered');
    await registerAgent(url, { agentId: 'a' });
    const job = await run.jobState('queued');
    expect(job.attempts[0]).toMatchObject({ resolution: 'withdrawn', cause: 'agent_absent' });
  });

  it('is told to stop what is not its own any more', async () => {
    const { url } = await world.gateway();
    const agent = await registerAgent(url, { agentId: 'a' });
    const run = await running(agent);
    agent.send(success(run));
    await run.jobState('success');
    agent.drop();
    const unknown = { jobId: 'unknown', runId: 'r' };
    const back = await registerAgent(url, { agentId: 'a', inFlightJobs: [jobOf(run), unknown] });
    const told = [await back.next('job.cancel'), await back.next('job.cancel')];
    expect(told.map((frame) => [frame['jobId'], frame['reason']])).toEqual([
      [run.wireId(), 'stale_attempt'],
      ['unknown', 'stale_attempt'],
    ]);
    expect((await run.job()).state).toBe('success');
    // It has had the one, and nobody has ever given it the other.
    expect(await world.hasAgent('a', 'violation')).toMatchObject({
      body: { code: 'unknown-job', frame: 'agent.register', jobId: 'unknown' },
    });
    expect((await world.agentEvents('a')).filter(({ type }) => type === 'violation')).toHaveLength(
      1,
    );
  });

  it('is told to stop and noted for what it was never given, and for its own job under the name of another run', async () => {
    const { url } = await world.gateway();
    const owner = await registerAgent(url, { agentId: 'owner' });
    const foreign = await running(owner, 'owner');
    const agent = await registerAgent(url, { agentId: 'a' });
    const run = await running(agent);
    agent.drop();
    await run.jobState('recovering');
    const swapped = { runId: foreign.runId, jobId: run.wireId() };
    const claimed = [{ runId: 'r', jobId: 'made up' }, jobOf(foreign), swapped];
    const back = await registerAgent(url, { agentId: 'a', inFlightJobs: claimed });
    for (const job of claimed)
      expect(await back.next('job.cancel')).toMatchObject({ ...job, reason: 'stale_attempt' });
    await world.hasAgent('a', 'violation', 3);
    const noted = (await world.agentEvents('a')).flatMap((event) =>
      event.type === 'violation' ? [[event.body.code, event.body.jobId]] : [],
    );
    expect(noted).toEqual(claimed.map(({ jobId }) => ['unknown-job', jobId]));
    const warned = world.logged().match(/an agent says that it runs jobs/g);
    expect(warned).toHaveLength(1);
    expect(await run.jobState('failed')).toMatchObject({ failure: 'agent_lost' });
    expect((await foreign.fold()).anomalies).toBe(0);
    expect((await foreign.job()).state).toBe('running');
  });
});

describe('the newest session of an agent', () => {
  it("wins, and the old socket's late words and close touch nothing", async () => {
    const { url } = await world.gateway();
    const old = await registerAgent(url, { agentId: 'a' });
    const oldSession = await world.session('a');
    const run = await running(old);
    // An old socket that is still open and reads nothing: half-open, as far as its agent knows.
    old.freeze();
    const fresh = await registerAgent(url, { agentId: 'a', inFlightJobs: [jobOf(run)] });
    await run.has('agent.resumed');
    old.send({
      type: 'job.status',
      messageId: 'late',
      ...jobOf(run),
      state: 'failed',
      timestamp: at,
    });
    await world.hasAgent('a', 'disconnected');
    const events = await world.agentEvents('a');
    expect(events.map((event) => event.type)).toEqual(['registered', 'registered', 'disconnected']);
    expect(events.at(-1)).toMatchObject({ body: { session: oldSession, code: 1001 } });
    expect(await run.types()).toEqual(['run.created', 'job.offered', 'job.ack', 'agent.resumed']);
    fresh.send(success(run));
    await run.jobState('success');
    expect((await run.fold()).anomalies).toBe(0);
  });
});

describe('a gateway that stops', () => {
  it('says so to its agents and runs, abandons no job, and takes its agents back when it is here again', async () => {
    const gateway = await world.gateway();
    const agent = await registerAgent(gateway.url, { agentId: 'a' });
    const run = await running(agent);
    const lines = Array.from({ length: 200 }, (_, index) => `line ${index}`);
    for (const line of lines)
      agent.send({
        type: 'log.chunk',
        messageId: line,
        ...jobOf(run),
        stepIndex: 0,
        lines: [line],
        timestamp: at,
      });
    await agent.roundTrip();
    const stopped = gateway.stop();
    expect(await agent.closed).toEqual({ code: 1001, reason: 'the gateway stops' });
    await stopped;
    expect(
      await world.stored('WB_LOGS', subjects.log(world.org, run.runId, run.jobId())),
    ).toHaveLength(lines.length);
    expect((await run.job()).state).toBe('recovering');
    expect((await world.agentEvents('a')).at(-1)).toMatchObject({
      type: 'disconnected',
      body: { code: 1001 },
    });

    const again = await world.gateway();
    expect(
      (await world.agentEvents('a')).filter((event) => event.type === 'disconnected'),
    ).toHaveLength(1);
    const back = await registerAgent(again.url, { agentId: 'a', inFlightJobs: [jobOf(run)] });
    back.send(success(run));
    await run.jobState('success');
    expect((await run.fold()).anomalies).toBe(0);
  });

  it('refuses sockets before it has started and after', async () => {
    const gateway = await world.gateway();
    await gateway.stop();
    await expect(registerAgent(gateway.url, { agentId: 'a' })).rejects.toThrow('ECONNREFUSED');
    expect(await gateway.service.checks[0]?.check()).toMatchObject({ ready: false });
  });
});

describe('a gateway that is killed', () => {
  it('has its sessions ended by its next start, as its lease lapses', async () => {
    const killed = await world.process();
    const agent = await registerAgent(killed.url, { agentId: 'a' });
    const resumedLater = await running(agent);
    agent.drop();
    await resumedLater.jobState('recovering');
    // Its attempt is on another session by now than the one that its offer names.
    const second = await registerAgent(killed.url, {
      agentId: 'a',
      inFlightJobs: [jobOf(resumedLater)],
    });
    await resumedLater.jobState('running');
    await killed.kill();
    await second.closed;
    expect((await resumedLater.job()).state).toBe('running');

    const { url } = await world.gateway();
    await eventually(async () => (await resumedLater.job()).state === 'recovering', {
      withinMs: 10_000,
      what: 'the lease lapsing',
    });
    expect(await world.hasAgent('a', 'disconnected', 2)).toMatchObject({
      body: { code: 1006, reason: 'gateway_restarted' },
    });
    const back = await registerAgent(url, { agentId: 'a', inFlightJobs: [jobOf(resumedLater)] });
    back.send(success(resumedLater));
    await resumedLater.jobState('success');
    expect((await resumedLater.fold()).anomalies).toBe(0);
  });

  it('leaves an offer that nobody has answered open with its session: a scheduler takes it back at no cost', async () => {
    const killed = await world.process();
    await registerAgent(killed.url, { agentId: 'idle' });
    const agent = await registerAgent(killed.url, { agentId: 'a' });
    const session = await world.session('a');
    const run = await world.run();
    await run.offer({ agentId: 'a', session });
    await agent.next('job.dispatch');
    await killed.kill();
    await world.gateway();
    await eventually(
      async () => (await world.agentEvents('idle')).some((event) => event.type === 'disconnected'),
      { withinMs: 10_000, what: 'the lease lapsing' },
    );
    const body = { jobId: run.jobId(), attempt: 1, session, cause: 'gateway_lost' };
    await run.decide('session.ended', body);
    expect(await run.job()).toMatchObject({
      state: 'queued',
      unspent: { lapsed: 1 },
      spent: { expired: 0, rejected: 0, withdrawn: 0 },
    });
    expect((await world.agentEvents('a')).map((event) => event.type)).toEqual(['registered']);
    expect((await run.fold()).anomalies).toBe(0);
  });

  it('gives its agents to its next start before its lease lapses, and what it left touches nothing', async () => {
    const killed = await world.process();
    const agent = await registerAgent(killed.url, { agentId: 'a' });
    const run = await running(agent);
    await killed.kill();
    const { url } = await world.gateway();
    const back = await registerAgent(url, { agentId: 'a', inFlightJobs: [jobOf(run)] });
    await run.has('agent.resumed');
    await eventually(
      async () => (await world.agentEvents('a')).some((event) => event.type === 'disconnected'),
      { withinMs: 10_000, what: 'the lease lapsing' },
    );
    expect((await run.types()).includes('agent.lost')).toBe(false);
    back.send(success(run));
    await run.jobState('success');
    expect((await run.fold()).anomalies).toBe(0);
  });
});

describe('a log that does not answer', () => {
  it('delays words and loses none: its agents are read no further', async () => {
    const { url } = await world.gateway();
    const agent = await registerAgent(url, { agentId: 'a' });
    const run = await running(agent);
    const count = limits.pendingFactsMax * 3;
    const { pid } = servers.nats;
    if (pid === undefined) throw new Error('the test server is embedded');
    process.kill(pid, 'SIGSTOP');
    try {
      for (let index = 0; index < count; index++)
        agent.send({
          type: 'log.chunk',
          messageId: `${index}`,
          ...jobOf(run),
          stepIndex: 0,
          lines: [`${index}`],
          timestamp: at,
        });
      agent.send(success(run));
      await eventually(() => world.logged().includes('NATS is lost'), {
        withinMs: 10_000,
        what: 'the gateway missing NATS',
      });
    } finally {
      process.kill(pid, 'SIGCONT');
    }
    await eventually(async () => (await run.job()).state === 'success', {
      withinMs: 20_000,
      what: 'the last word being stored',
    });
    const chunks = await world.stored('WB_LOGS', subjects.log(world.org, run.runId, run.jobId()));
    const lines = chunks.map((chunk) => firstLine(chunk));
    expect([...new Set(lines)]).toEqual(Array.from({ length: count }, (_, index) => `${index}`));
    expect(agent.count('error')).toBe(0);
  });
});

describe('a gateway that stops while the log does not answer', () => {
  it('stops in time, and its next start says what it could not say', async () => {
    const gateway = await world.gateway();
    const agent = await registerAgent(gateway.url, { agentId: 'a' });
    const run = await running(agent);
    const { pid } = servers.nats;
    if (pid === undefined) throw new Error('the test server is embedded');
    const startedMs = performance.now();
    process.kill(pid, 'SIGSTOP');
    try {
      await gateway.stop();
    } finally {
      process.kill(pid, 'SIGCONT');
    }
    expect(performance.now() - startedMs).toBeLessThan(10_000);
    expect((await agent.closed).code).toBe(1001);
    await world.gateway();
    await eventually(async () => (await run.job()).state === 'recovering', { withinMs: 10_000 });
    await world.hasAgent('a', 'disconnected');
    expect((await run.fold()).anomalies).toBe(0);
  });
});

describe('a socket', () => {
  it('that answers no ping is ended, one that says nothing for too long is closed with 4004', async () => {
    const clock = manualClock();
    const { url } = await world.gateway({ clock });
    const frozen = await registerAgent(url, { agentId: 'frozen' });
    const silent = await registerAgent(url, { agentId: 'silent' });
    const alive = await registerAgent(url, { agentId: 'alive' });
    frozen.freeze();
    const rounds = limits.silenceMs / limits.pingEveryMs;
    for (let round = 1; round <= rounds + 1; round++) {
      await clock.advance(limits.pingEveryMs);
      await eventually(() => alive.pings() === round);
      alive.send({ type: 'heartbeat', timestamp: at });
      await alive.roundTrip();
      // It answers every ping, as the library of any agent does, and says nothing by itself.
      if (round <= rounds) await silent.roundTrip();
      if (round === limits.pongsMissedMax + 1)
        expect(await world.hasAgent('frozen', 'disconnected')).toMatchObject({
          body: { code: 1006 },
        });
    }
    expect((await silent.closed).code).toBe(4004);
    await alive.roundTrip();
    alive.send({ type: 'agent.status', messageId: 'm', agentId: 'alive', activeJobs: 0 });
    await world.hasAgent('alive', 'status');
  });

  it('whose agent speaks is alive, whether or not its library answers pings', async () => {
    const clock = manualClock();
    const { url } = await world.gateway({ clock });
    const agent = await registerAgent(url, { agentId: 'a', autoPong: false });
    for (let round = 1; round <= limits.pongsMissedMax + 2; round++) {
      agent.send({ type: 'agent.status', messageId: 'm', agentId: 'a', activeJobs: 0 });
      await world.hasAgent('a', 'status', round);
      await clock.advance(limits.pingEveryMs);
      await eventually(() => agent.pings() === round, { what: `ping ${round}` });
    }
  });
});
