import { startTestServers } from '@waybill/embedded';
import { eventually } from '@waybill/process/testing';
import { agentDraft } from '@waybill/protocol';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type PlainAgent, registerAgent } from '../../../../tests/support/plain-agent.ts';
import { type LogWorld, openLogWorld, type TestRun } from './log-world.fixture.ts';
import { leasedGateway } from './open-gateway.fixture.ts';

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

async function running(agent: PlainAgent, agentId = 'a'): Promise<TestRun> {
  const run = await world.run();
  await run.offer({ agentId, session: await world.session(agentId) });
  await agent.next('job.dispatch');
  agent.send({ type: 'job.ack', messageId: 'ack', ...jobOf(run) });
  await run.jobState('running');
  return run;
}

const success = (run: TestRun) => ({
  type: 'job.status',
  messageId: 'end',
  ...jobOf(run),
  state: 'success',
});

describe('the lease of a gateway', () => {
  it('is taken before its door opens, and given up once its sessions are ended', async () => {
    const told: string[] = [];
    const id = `gateway-${world.org}`;
    const reader = await world.journal.watchLeases({
      prefix: `gateway.${id}.`,
      onChange: (name, held) => told.push(`${name} ${held?.holder ?? 'nobody'}`),
      onFailure: () => undefined,
    });
    const gateway = await world.gateway();
    await registerAgent(gateway.url, { agentId: 'a' });
    const [registered] = await world.agentEvents('a');
    const name = registered?.gateway ?? '';
    const lease = `gateway.${name.replace('/', '.')}`;
    await eventually(() => told.length === 1);
    expect(told).toEqual([`${lease} ${name}`]);
    const left = eventually(() => told.length === 2);
    await gateway.stop();
    await left;
    expect(told[1]).toBe(`${lease} nobody`);
    expect((await world.agentEvents('a')).at(-1)?.type).toBe('disconnected');
    await reader.stop();
  });

  it('is needed to write an offer, and not to store what agents say', async () => {
    const gateway = await leasedGateway(world, servers.nats);
    try {
      const agent = await registerAgent(gateway.url, { agentId: 'a' });
      const atWork = await running(agent);
      gateway.lose();
      expect(gateway.ready()).toBe(false);
      const run = await world.run();
      await run.offer({ agentId: 'a', session: await world.session('a') });
      agent.send(success(atWork));
      await atWork.jobState('success');
      await agent.roundTrip();
      expect(agent.count('job.dispatch')).toBe(1);

      gateway.gain();
      expect(await agent.next('job.dispatch')).toMatchObject({ jobId: run.wireId() });
      expect(gateway.ready()).toBe(true);
    } finally {
      await gateway.stop();
    }
  });

  it('comes too late for an offer that was withdrawn meanwhile: it is never written', async () => {
    const gateway = await leasedGateway(world, servers.nats);
    try {
      const agent = await registerAgent(gateway.url, { agentId: 'a' });
      const session = await world.session('a');
      gateway.lose();
      const run = await world.run();
      await run.offer({ agentId: 'a', session });
      const cause = 'gateway_lost';
      // Said of this job alone; a scheduler would say that the session is over, too.
      await run.decide(
        'job.cancel',
        {
          jobId: run.jobId(),
          attempt: 1,
          reason: 'cancelled',
          force: false,
          graceMs: 0,
          cause,
        },
        'a',
      );
      gateway.gain();
      const later = await world.run();
      await later.offer({ agentId: 'a', session });
      expect(await agent.next('job.dispatch')).toMatchObject({ jobId: later.wireId() });
      expect(agent.count('job.dispatch')).toBe(1);
    } finally {
      await gateway.stop();
    }
  });

  it('keeps a gateway that waits for it from nothing else: it stops', async () => {
    const gateway = await leasedGateway(world, servers.nats);
    const agent = await registerAgent(gateway.url, { agentId: 'a' });
    gateway.lose();
    const run = await world.run();
    await run.offer({ agentId: 'a', session: await world.session('a') });
    await agent.roundTrip();
    await gateway.stop();
    expect(await agent.closed).toMatchObject({ code: 1001 });
    expect(agent.count('job.dispatch')).toBe(0);
    // Nobody has answered the offer: it stays open with its session for a scheduler, which takes both back at no cost.
    expect(await run.job()).toMatchObject({ state: 'offered' });
    expect((await world.agentEvents('a')).map((event) => event.type)).toEqual(['registered']);
  });
});

describe('two gateways of the same name', () => {
  it('leave each other’s sessions alone while both hold their lease', async () => {
    const first = await world.gateway();
    const a = await registerAgent(first.url, { agentId: 'a' });
    const run = await running(a);
    const second = await world.gateway();
    const b = await registerAgent(second.url, { agentId: 'b' });
    await running(b, 'b');
    a.send(success(run));
    await run.jobState('success');
    expect((await world.agentEvents('a')).map((event) => event.type)).toEqual(['registered']);
    await first.stop();
    expect((await world.agentEvents('b')).map((event) => event.type)).toEqual(['registered']);
  });
});

describe('a gateway that was frozen for longer than its lease', () => {
  it('closes the sessions that were ended meanwhile, and nothing else of them touches a run', async () => {
    const frozen = await world.process();
    const agent = await registerAgent(frozen.url, { agentId: 'a' });
    const session = await world.session('a');
    const run = await running(agent);
    const offered = await world.run();
    await offered.offer({ agentId: 'a', session });
    await agent.next('job.dispatch');
    frozen.signal('SIGSTOP');
    // As a scheduler would, 30 s later.
    const ended = { attempt: 1, session, cause: 'gateway_lost' };
    await run.decide('session.ended', { jobId: run.jobId(), ...ended });
    await offered.decide('session.ended', { jobId: offered.jobId(), ...ended });
    await world.journal.append(
      agentDraft({
        org: world.org,
        agentId: 'a',
        type: 'disconnected',
        id: `${world.org}:s${session}:disconnected`,
        gateway: '',
        source: '/waybill/scheduler',
        session,
        body: JSON.stringify({ session, code: 1006, reason: 'gateway_lost' }),
      }),
    );
    frozen.signal('SIGCONT');
    expect((await agent.closed).code).toBe(1001);
    const other = await world.gateway({ id: 'other' });
    const back = await registerAgent(other.url, {
      agentId: 'a',
      inFlightJobs: [jobOf(run)],
    });
    back.send(success(run));
    await run.jobState('success');
    expect(await run.types()).toEqual([
      'run.created',
      'job.offered',
      'job.ack',
      'session.ended',
      'agent.resumed',
      'job.status',
    ]);
    const job = await offered.job();
    expect(job).toMatchObject({ state: 'queued', unspent: { lapsed: 1 } });
    expect((await world.agentEvents('a')).map((event) => event.type)).toEqual([
      'registered',
      'disconnected',
      'registered',
    ]);
  });

  it('closes a session of which only a run knows that it was ended', async () => {
    const { url } = await world.gateway();
    const agent = await registerAgent(url, { agentId: 'a' });
    const run = await running(agent);
    const session = await world.session('a');
    const body = { jobId: run.jobId(), attempt: 1, session, cause: 'gateway_lost' };
    await run.decide('session.ended', body);
    expect((await agent.closed).code).toBe(1001);
    await agent.closed;
    expect((await run.types()).includes('agent.lost')).toBe(false);
  });
});

describe('what a gateway knows', () => {
  it('is saved when it stops and restored when it starts: old attempts are recognised', async () => {
    const gateway = await world.gateway();
    const agent = await registerAgent(gateway.url, { agentId: 'a' });
    const run = await running(agent);
    await gateway.stop();
    const again = await world.gateway();
    expect(world.logged()).toContain('the book of custody is restored');
    const back = await registerAgent(again.url, { agentId: 'a', inFlightJobs: [jobOf(run)] });
    back.send(success(run));
    await run.jobState('success');
    expect((await run.fold()).anomalies).toBe(0);
    expect(back.count('job.cancel')).toBe(0);
  });
});
