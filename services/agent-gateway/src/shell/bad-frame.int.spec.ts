import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { startTestServers } from '@waybill/embedded';
import { eventually } from '@waybill/process/testing';
import { allSubjects, subjects } from '@waybill/protocol';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import {
  connectAgent,
  type PlainAgent,
  registerAgent,
  TOKEN,
} from '../../../../tests/support/plain-agent.ts';
import { limits } from '../domain/limits.ts';
import { type LogWorld, openLogWorld } from './log-world.fixture.ts';

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

const at = 1_700_000_000_000;
const CANARY = 'canary-4f1d2c';

/** Asks for an upgrade where there is none, and ends its own side only when it wants to. */
function elsewhere(of: string, onAsked?: () => void): Socket {
  const { hostname, port } = new URL(of);
  const socket = connect({ host: hostname, port: Number(port), allowHalfOpen: true });
  const upgrade = 'Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13';
  socket.write(`GET /elsewhere HTTP/1.1\r\nHost: x\r\n${upgrade}\r\n\r\n`, onAsked);
  return socket;
}

/** A chunk of a log that nothing is wrong with but what is beside its lines. */
function endless(): string {
  const job = { messageId: 'm', runId: 'r', jobId: 'j', stepIndex: 0, timestamp: at };
  const text = JSON.stringify({ type: 'log.chunk', ...job, lines: [CANARY], extra: 0 });
  return text.replace(/0\}$/, `${'['.repeat(200_000)}${']'.repeat(200_000)}}`);
}

describe('a bad frame of a registered agent', () => {
  const bad: readonly (readonly [string, string | Buffer, string])[] = [
    ['not JSON', `{"type": "job.ack", ${CANARY}`, 'not-json'],
    ['no object', `["${CANARY}"]`, 'not-object'],
    ['a binary frame', Buffer.from('{"type":"heartbeat","timestamp":1}'), 'not-json'],
    [
      'from the wrong side',
      JSON.stringify({ type: 'job.cancel', messageId: CANARY }),
      'wrong-direction',
    ],
    [
      'invalid',
      JSON.stringify({
        type: 'job.ack',
        messageId: 'm',
        runId: { [CANARY]: 1 },
        jobId: CANARY,
        timestamp: CANARY,
      }),
      'invalid',
    ],
    ['a log that is nested without end', endless(), 'invalid'],
    [
      'a second registration',
      JSON.stringify({ type: 'agent.register', messageId: CANARY, agentId: 'a', labels: [] }),
      'unexpected',
    ],
    [
      'a second sign-in',
      JSON.stringify({ type: 'auth.request', token: TOKEN, protocolVersion: 1 }),
      'unexpected',
    ],
  ];

  it.each(bad)(
    '%s: gets an error frame, then 4003, and stores nothing of it',
    async (_name, frame, code) => {
      const other = await registerAgent(url, { agentId: 'other' });
      const agent = await registerAgent(url, { agentId: 'a' });
      agent.send(frame);
      const error = await agent.next('error');
      expect(error['code']).toBe('INVALID_MESSAGE');
      expect((await agent.closed).code).toBe(4003);
      const violation = await world.hasAgent('a', 'violation');
      expect(violation).toMatchObject({ body: { code } });
      await world.hasAgent('a', 'disconnected');
      expect(await dump(world)).not.toContain(CANARY);
      expect(JSON.stringify(agent.frames) + world.logged()).not.toContain(CANARY);
      // Nobody else is disturbed.
      other.send({ type: 'agent.status', messageId: 'm', agentId: 'other', activeJobs: 0 });
      await world.hasAgent('other', 'status');
    },
  );

  it('names the fields that are wrong', async () => {
    const agent = await registerAgent(url, { agentId: 'a' });
    agent.send({ type: 'job.ack', messageId: 'm', runId: 'r', jobId: '', timestamp: 'soon' });
    const { message } = await agent.next('error');
    expect(message).toContain('jobId');
    expect(message).toContain('timestamp');
    expect(message).not.toContain('soon');
  });

  it('of a type that nobody defined is counted and answered, and the socket stays', async () => {
    const agent = await registerAgent(url, { agentId: 'a' });
    agent.send({ type: 'agent.telepathy', secret: CANARY });
    expect(await agent.next('error')).toMatchObject({ code: 'UNKNOWN_TYPE' });
    expect(await world.hasAgent('a', 'violation')).toMatchObject({
      body: { code: 'unknown-type' },
    });
    agent.send({ type: 'agent.status', messageId: 'm', agentId: 'a', activeJobs: 0 });
    await world.hasAgent('a', 'status');
    expect(await dump(world)).not.toContain(CANARY);
  });

  it('of somebody who has not signed in is cut off long before it is whole', async () => {
    const { url } = await world.gateway();
    const healthy = await registerAgent(url, { agentId: 'a' });
    const stranger = await connectAgent(url);
    stranger.send(JSON.stringify({ type: 'auth.request', token: 'x'.repeat(1_000_000) }));
    expect((await stranger.closed).code).toBe(1006);
    await healthy.roundTrip();
  });

  it('over the cap closes with 1009', async () => {
    const agent = await registerAgent(url, { agentId: 'a' });
    const most = Math.min(
      limits.frameBytesMax,
      world.journal.maxPayload - limits.frameReserveBytes,
    );
    agent.send(`"${'x'.repeat(most)}"`);
    expect((await agent.closed).code).toBe(1009);
    expect(await world.hasAgent('a', 'disconnected')).toMatchObject({ body: { code: 1009 } });
  });

  it('comes at any rate without filling the log', async () => {
    const agent = await registerAgent(url, { agentId: 'a' });
    for (let index = 0; index < 200; index++) agent.send({ type: `unknown.${index}` });
    await eventually(() => agent.count('error') === 200);
    agent.send({ type: 'agent.status', messageId: 'm', agentId: 'a', activeJobs: 0 });
    await world.hasAgent('a', 'status');
    const events = await world.agentEvents('a');
    expect(events.filter((event) => event.type === 'violation')).toHaveLength(limits.violationsMax);
  });
});

describe('an agent that does not read', () => {
  it('is closed with 1013 once too much waits for it', async () => {
    const agent = await registerAgent(url, { agentId: 'a' });
    agent.freeze();
    const report = {
      type: 'job.concurrency.report',
      runId: 'r'.repeat(128),
      jobId: 'j'.repeat(128),
    };
    const messageId = 'm'.repeat(512);
    for (let index = 0; index < 25_000; index++) agent.send({ ...report, messageId, group: 'g' });
    const gone = await eventually(
      async () => (await world.agentEvents('a')).find((event) => event.type === 'disconnected'),
      { withinMs: 20_000, what: 'the end of a socket that is not read' },
    );
    expect(gone).toMatchObject({ body: { code: 1013 } });
  });
});

describe('a stranger', () => {
  it.each([
    [
      'registers without a token',
      JSON.stringify({ type: 'agent.register', messageId: 'm', agentId: 'a', labels: [] }),
    ],
    [
      'speaks of a job',
      JSON.stringify({ type: 'job.ack', messageId: 'm', runId: 'r', jobId: 'j', timestamp: at }),
    ],
    ['sends a type that nobody defined', '{"type":"hello"}'],
    ['sends no JSON', 'hello'],
    ['signs in without a version', JSON.stringify({ type: 'auth.request', token: TOKEN })],
  ])('who %s gets an error frame and 4003', async (_name, frame) => {
    const agent = await connectAgent(url);
    agent.send(frame);
    await agent.next('error');
    expect((await agent.closed).code).toBe(4003);
    expect(await world.agentEvents('a')).toEqual([]);
  });

  it('finds nothing but /ws, and the health of the gateway', async () => {
    const http = url.replace('ws:', 'http:');
    expect((await fetch(http.replace('/ws', '/healthz'))).status).toBe(200);
    expect((await fetch(http.replace('/ws', '/readyz'))).status).toBe(200);
    expect((await fetch(http.replace('/ws', '/elsewhere'))).status).toBe(404);
    await expect(connectAgent(url.replace('/ws', '/elsewhere'))).rejects.toThrow('404');
  });

  it('whose upgrade is refused harms nobody by breaking it off', async () => {
    const gateway = await world.process();
    for (let index = 0; index < 200; index++)
      await new Promise<void>((resolve) => {
        const socket = elsewhere(gateway.url, () => socket.resetAndDestroy());
        socket.on('error', () => undefined);
        socket.once('close', () => resolve());
      });
    await registerAgent(gateway.url, { agentId: 'a' });
    expect(gateway.isAlive()).toBe(true);
  });

  it('whose upgrade is refused holds no socket by keeping its own side open', async () => {
    const socket = elsewhere(url);
    const ended = once(socket, 'end');
    socket.resume();
    await ended;
    const broken = once(socket, 'error');
    await eventually(() => socket.destroyed || !socket.write('still here'), { what: 'its end' });
    expect(await broken).toHaveLength(1);
  });
});

describe("a foreign session's frame", () => {
  const words = (job: object): readonly object[] => [
    { type: 'job.ack', messageId: 'm1', ...job, timestamp: at },
    { type: 'job.status', messageId: 'm2', ...job, state: 'failed', timestamp: at },
    {
      type: 'step.status',
      messageId: 'm3',
      ...job,
      stepIndex: 0,
      stepName: 's',
      state: 'failed',
      timestamp: at,
    },
    { type: 'log.chunk', messageId: 'm4', ...job, stepIndex: 0, lines: ['x'], timestamp: at },
    { type: 'job.heartbeat', ...job, timestamp: at },
  ];
  const silent = async (thief: PlainAgent, jobId: string): Promise<void> => {
    expect(await thief.next('job.cancel')).toMatchObject({ jobId, reason: 'stale_attempt' });
    // The answer to a request is proof that everything before it was read.
    thief.send({ type: 'event.emit', jobId: 'j', requestId: 'e', eventName: 'x', payload: {} });
    await thief.next('event.emit.response');
  };

  it('changes nothing, is told to stop, and is a violation', async () => {
    const run = await world.run();
    const owner = await registerAgent(url, { agentId: 'owner' });
    const thief = await registerAgent(url, { agentId: 'thief' });
    await run.offer({ agentId: 'owner', session: await world.session('owner') });
    await owner.next('job.dispatch');
    for (const frame of words({ runId: run.runId, jobId: run.wireId() })) thief.send(frame);
    await silent(thief, run.wireId());
    expect(await run.types()).toEqual(['run.created', 'job.offered']);
    expect(await world.stored('WB_LOGS', subjects.logsOf(world.org, run.runId))).toEqual([]);
    expect(await world.hasAgent('thief', 'violation', 5)).toMatchObject({
      body: { code: 'foreign-job', frame: 'job.heartbeat', jobId: run.wireId() },
    });
    owner.send({
      type: 'job.ack',
      messageId: 'm',
      runId: run.runId,
      jobId: run.wireId(),
      timestamp: at,
    });
    await run.jobState('running');
    expect((await run.fold()).anomalies).toBe(0);
  });

  it('about a job that was never offered, or with the run of another job, is foreign too', async () => {
    const run = await world.run();
    const elsewhere = await world.run();
    const agent = await registerAgent(url, { agentId: 'a' });
    await run.offer({ agentId: 'a', session: await world.session('a') });
    await agent.next('job.dispatch');
    agent.send({
      type: 'job.ack',
      messageId: 'm',
      runId: elsewhere.runId,
      jobId: run.wireId(),
      timestamp: at,
    });
    await silent(agent, run.wireId());
    agent.send({
      type: 'job.ack',
      messageId: 'm',
      runId: run.runId,
      jobId: run.wireId(2),
      timestamp: at,
    });
    await silent(agent, run.wireId(2));
    agent.send({ type: 'job.ack', messageId: 'm', runId: 'r', jobId: 'made up', timestamp: at });
    await silent(agent, 'made up');
    expect(await run.types()).toEqual(['run.created', 'job.offered']);
    await world.hasAgent('a', 'violation', 3);
  });

  it('is counted though the rate kept it back, once its session has ended', async () => {
    const sent = limits.violationsMax + 30;
    const agent = await registerAgent(url, { agentId: 'a' });
    const ack = { type: 'job.ack', messageId: 'm', runId: 'r', timestamp: at };
    for (let index = 1; index <= sent; index++) agent.send({ ...ack, jobId: `foreign ${index}` });
    await agent.roundTrip();
    agent.close();
    await world.hasAgent('a', 'disconnected');
    const last = await world.hasAgent('a', 'violation', limits.violationsMax + 1);
    expect(last).toMatchObject({ body: { suppressed: 29, jobId: `foreign ${sent}` } });
  });
});

/** Every stored body and header, as text. */
async function dump(world: LogWorld): Promise<string> {
  const decoder = new TextDecoder();
  const found = await Promise.all([
    world.stored('WB_RUNS', allSubjects.runs),
    world.stored('WB_AGENTS', allSubjects.agents),
    world.stored('WB_LOGS', 'wb.v1.*.>'),
    world.stored('WB_HEARTBEATS', allSubjects.heartbeats),
  ]);
  return found
    .flat()
    .map(
      (message) => `${message.subject} ${message.header('ce-id')} ${decoder.decode(message.body)}`,
    )
    .join('\n');
}
