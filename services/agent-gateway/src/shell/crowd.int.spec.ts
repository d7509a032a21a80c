import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { startTestServers } from '@waybill/embedded';
import type { Journal } from '@waybill/journal';
import { manualClock } from '@waybill/process';
import { eventually } from '@waybill/process/testing';
import { subjects } from '@waybill/protocol';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { connectAgent, registerAgent } from '../../../../tests/support/plain-agent.ts';
import { limits } from '../domain/limits.ts';
import { firstLine, type LogWorld, openLogWorld } from './log-world.fixture.ts';
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

/** Appends that the test lets through when it wants to. */
function held(isHeld: (draft: Parameters<Journal['append']>[0]) => boolean) {
  const released = Promise.withResolvers<void>();
  let waiting = 0;
  return {
    waiting: () => waiting,
    release: released.resolve,
    change: ({ append }: Journal): Partial<Journal> => ({
      append: async (...call) => {
        if (isHeld(call[0])) {
          waiting += 1;
          await released.promise;
        }
        return append(...call);
      },
    }),
  };
}

it('an upgrade that offers compression gets none', async () => {
  const { url } = await world.gateway();
  const ws = new WebSocket(url, { perMessageDeflate: true });
  const headers = await new Promise((resolve) => {
    ws.once('upgrade', ({ headers }) => resolve(headers));
  });
  expect(headers).not.toHaveProperty('sec-websocket-extensions');
  expect(ws.extensions).toBe('');
  ws.terminate();
});

describe('an agent that says more than can be stored', () => {
  it('is not read any more, loses nothing, and is read again when the log goes on', async () => {
    const hold = held(({ type }) => type === 'agent.log');
    const gateway = await changedGateway(world, servers.nats, hold.change);
    const agent = await registerAgent(gateway.url, { agentId: 'a' });
    const count = 3 * limits.pendingFactsMax;
    const pad = 'x'.repeat(20_000);
    const said = Array.from({ length: count }, (_, index) => `${index} ${pad}`);
    for (const line of said)
      agent.send({ type: 'agent.log', messageId: 'm', agentId: 'a', lines: [line], timestamp: at });
    await eventually(() => hold.waiting() === 1);
    // What the gateway and the system between have room for is much less than what was said.
    let before = 0;
    await eventually(
      () => {
        const now = agent.unsent();
        const isStuck = now > 0 && now === before;
        before = now;
        return isStuck;
      },
      { everyMs: 300 },
    );
    agent.send({ type: 'agent.status', messageId: 'end', agentId: 'a', activeJobs: 0 });
    hold.release();
    const isStored = async (): Promise<boolean> =>
      (await world.agentEvents('a')).some((event) => event.type === 'status');
    await eventually(isStored, { withinMs: 60_000, what: 'what was said last' });
    const stored = await world.stored('WB_LOGS', subjects.agentLog(world.org, 'a'));
    expect(stored.map((chunk) => firstLine(chunk))).toEqual(said);
    expect(agent.unsent()).toBe(0);
    await gateway.stop();
  }, 90_000);

  it('has log lines dropped and counted in their place, and nothing else', async () => {
    const hold = held(({ stream, type }) => stream === 'WB_LOGS' && type === 'log.chunk');
    const gateway = await changedGateway(world, servers.nats, hold.change);
    const run = await world.run({ jobs: 2 });
    const agent = await registerAgent(gateway.url, { agentId: 'a' });
    const session = await world.session('a');
    for (const job of [0, 1]) {
      await run.offer({ agentId: 'a', session, job });
      const { jobId } = await agent.next('job.dispatch');
      agent.send({ type: 'job.ack', messageId: `a${job}`, runId: run.runId, jobId, timestamp: at });
      await run.jobState('running', job);
    }
    const job = { runId: run.runId, jobId: run.wireId(1, 0), timestamp: at };
    const perStep = 25;
    const steps = 6;
    const pad = 'x'.repeat(200_000);
    for (let index = 0; index < perStep * steps; index++)
      agent.send({
        type: 'log.chunk',
        messageId: `l${index}`,
        ...job,
        stepIndex: Math.floor(index / perStep),
        lines: [`${index} ${pad}`],
      });
    agent.send({ type: 'job.status', messageId: 'end 0', ...job, state: 'success' });
    const other = { ...job, jobId: run.wireId(1, 1) };
    agent.send({ type: 'job.status', messageId: 'end 1', ...other, state: 'success' });
    // It has come through while the lines of the first job still wait.
    await run.jobState('success', 1);
    hold.release();
    await run.jobState('success', 0);
    const chunks = await world.stored('WB_LOGS', subjects.log(world.org, run.runId, run.jobId(0)));
    const lines = chunks.map((chunk) => firstLine(chunk));
    const gaps = lines.flatMap((line) => /^… (\d+) lines dropped here$/.exec(line)?.[1] ?? []);
    const kept = lines.filter((line) => !line.startsWith('…'));
    expect(kept.map((line) => Number.parseInt(line, 10))).toEqual(kept.map((_, index) => index));
    expect(kept.length).toBeGreaterThan(limits.pendingLogBytesMax / (pad.length + 300));
    expect(gaps.length).toBeGreaterThan(0);
    expect(kept.length + gaps.map(Number).reduce((sum, each) => sum + each, 0)).toBe(
      perStep * steps,
    );
    expect((await run.fold()).anomalies).toBe(0);
    await gateway.stop();
  });

  it('and sends faster than it may is slowed down, told so once, and loses no status', async () => {
    const clock = manualClock();
    const { url } = await world.gateway({ clock });
    const agent = await registerAgent(url, { agentId: 'a' });
    const { burst, perSecond } = limits.messageRate;
    for (let index = 0; index < burst + perSecond; index++)
      agent.send({ type: 'agent.api.request', requestId: `r${index}`, method: 'none' });
    agent.send({ type: 'agent.status', messageId: 'm', agentId: 'a', activeJobs: 0 });
    const warning = await agent.next('rate.limit.warning');
    expect(warning['retryAfterMs']).toBeGreaterThan(0);
    const isStored = async (): Promise<boolean> =>
      (await world.agentEvents('a')).some((event) => event.type === 'status');
    expect(await isStored()).toBe(false);
    await eventually(
      async () => {
        await clock.advance(1_000);
        return isStored();
      },
      { withinMs: 20_000, what: 'the status' },
    );
    await eventually(() => agent.count('agent.api.response') === burst + perSecond);
    expect(agent.count('rate.limit.warning')).toBe(1);
  });
});

describe('many at once', () => {
  it('strangers of one address are refused with 503 and a time to come back, and others are not', async () => {
    const { url } = await world.gateway();
    const first = await registerAgent(url, { agentId: 'first' });
    const open = Array.from({ length: limits.strangersOfAddressMax }, () => new WebSocket(url));
    await Promise.all(open.map((ws) => once(ws, 'open')));
    const refused = new WebSocket(url);
    const answer = await new Promise<Readonly<{ statusCode?: number; retry?: string }>>(
      (resolve) => {
        refused.once('unexpected-response', (_request, { statusCode, headers }) => {
          resolve({ statusCode: statusCode ?? 0, retry: headers['retry-after'] ?? '' });
          refused.terminate();
        });
        refused.on('error', () => undefined);
      },
    );
    expect(answer.statusCode).toBe(503);
    expect(Number(answer.retry)).toBeGreaterThanOrEqual(limits.retryAfterMs / 1_000);
    expect(Number(answer.retry)).toBeLessThanOrEqual((2 * limits.retryAfterMs) / 1_000);
    const neighbour = await connectAgent(url, { localAddress: '127.0.0.2' });
    neighbour.drop();
    await first.roundTrip();
    open.pop()?.terminate();
    await eventually(() =>
      connectAgent(url).then(
        () => true,
        () => false,
      ),
    );
    for (const ws of open) ws.terminate();
  });

  it('registrations are stored so many at once, and all of them in the end', async () => {
    const hold = held(({ type }) => type === 'agent.registered');
    const gateway = await changedGateway(world, servers.nats, hold.change);
    const count = limits.registrationsAtOnceMax + 20;
    const agents = Promise.all(
      Array.from({ length: count }, (_, index) =>
        registerAgent(gateway.url, { agentId: `a${index}` }),
      ),
    );
    await eventually(() => hold.waiting() === limits.registrationsAtOnceMax);
    hold.release();
    expect(await agents).toHaveLength(count);
    expect(hold.waiting()).toBe(count);
    await gateway.stop();
  });
});

describe('the open-file limit', () => {
  const openFiles = limits.openFilesReserve + 60;
  const readiness = async (url: string): Promise<string> =>
    (await fetch(url.replace('ws:', 'http:').replace('/ws', '/readyz'))).text();

  it('is respected and told: sockets over it are refused, and the others go on', async () => {
    const { url, logged, isAlive } = await world.process('limited', { openFiles });
    expect(logged()).toContain('the open-file limit allows fewer sockets than a gateway may hold');
    expect(await readiness(url)).toContain('"ready":true');
    const first = await registerAgent(url, { agentId: 'first' });
    const open: WebSocket[] = [];
    const opened = (): Promise<boolean> => {
      const ws = new WebSocket(url);
      open.push(ws);
      return new Promise((resolve) => {
        ws.once('open', () => resolve(true));
        ws.once('error', () => resolve(false));
      });
    };
    for (let count = 1; count < 60; count++) expect(await opened()).toBe(true);
    expect(await opened()).toBe(false);
    expect(await readiness(url)).toContain('all sockets that this gateway may hold are taken');
    expect(logged()).toContain('all sockets that this gateway may hold are taken');
    await first.roundTrip();
    for (const ws of open) ws.terminate();
    await eventually(async () => (await readiness(url)).includes('"ready":true'));
    expect(isAlive()).toBe(true);
  });

  it('where others have used it up, it is named, and the process lives on', async () => {
    const { url, logged, isAlive } = await world.process('limited', { openFiles });
    const first = await registerAgent(url, { agentId: 'first' });
    const port = Number(new URL(url).port);
    const idle: Socket[] = Array.from({ length: openFiles }, () =>
      connect(port, '127.0.0.1').on('error', () => undefined),
    );
    await eventually(() => logged().includes('the open-file limit is reached (EMFILE)'), {
      withinMs: 10_000,
      what: 'the limit in the log',
    });
    await first.roundTrip();
    for (const socket of idle) socket.destroy();
    await eventually(async () => (await readiness(url)).includes('"ready":true'), {
      withinMs: 10_000,
      what: 'a ready gateway',
    });
    first.send({ type: 'agent.status', messageId: 'm', agentId: 'first', activeJobs: 0 });
    await world.hasAgent('first', 'status');
    expect(isAlive()).toBe(true);
  });
});
