import { once } from 'node:events';
import { startTestServers } from '@waybill/embedded';
import { eventually } from '@waybill/process/testing';
import { allSubjects, wire } from '@waybill/protocol';
import { anyValidFrame, brokenFrame } from '@waybill/protocol/frames';
import { wireSamples } from '@waybill/protocol/samples';
import fc from 'fast-check';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import {
  connectAgent,
  type PlainAgent,
  registerAgent,
  TOKEN,
} from '../../../../tests/support/plain-agent.ts';
import { type LogWorld, openLogWorld, type TestRun } from './log-world.fixture.ts';
import { type ObjectStore, openObjectStore } from './object-store.fixture.ts';

const runs = Number(process.env['FC_RUNS'] ?? 40);
const timeout = 60_000 + 1_000 * runs;
const escaped: unknown[] = [];
const keep = (error: unknown): void => void escaped.push(error);

let servers: Awaited<ReturnType<typeof startTestServers>>;
let world: LogWorld;
let store: ObjectStore;
let url: string;

beforeAll(async () => {
  process.on('unhandledRejection', keep);
  process.on('uncaughtException', keep);
  servers = await startTestServers({ postgres: false });
});
afterAll(async () => {
  await servers.stop();
  process.off('unhandledRejection', keep);
  process.off('uncaughtException', keep);
});
beforeEach(async () => {
  world = await openLogWorld(servers.nats);
  store = await openObjectStore(world);
  ({ url } = await world.gateway({ publicUrl: store.url }));
});
afterEach(async () => {
  expect(escaped).toEqual([]);
  expect(world.logged()).not.toContain('a session failed');
  await world.close();
  await store.stop();
});

const timestamp = 1_700_000_000_000;
type Job = Readonly<{ runId: string; jobId: string }>;

async function takesJob(
  agentId: string,
  agent: PlainAgent,
): Promise<Readonly<{ run: TestRun; job: Job }>> {
  const run = await world.run();
  await run.offer({ agentId, session: await world.session(agentId) });
  const job = { runId: run.runId, jobId: run.wireId() };
  await eventually(() => agent.frames.some((frame) => frame['jobId'] === job.jobId));
  agent.send({ type: 'job.ack', messageId: 'ack', ...job, timestamp });
  return { run, job };
}

/** Works all the while on the same gateway, and is not disturbed. */
async function healthy(): Promise<Readonly<{ done(): Promise<void> }>> {
  const agent = await registerAgent(url, { agentId: 'healthy' });
  const { run, job } = await takesJob('healthy', agent);
  await run.has('job.ack');
  return {
    done: async () => {
      agent.send({
        type: 'log.chunk',
        messageId: 'l',
        ...job,
        stepIndex: 0,
        lines: ['fine'],
        timestamp,
      });
      agent.send({ type: 'job.status', messageId: 'end', ...job, state: 'success', timestamp });
      await run.jobState('success');
      expect((await run.fold()).anomalies).toBe(0);
      expect(agent.count('error')).toBe(0);
      agent.close();
    },
  };
}

/** How much lies in each stream; of what is known of agents, without the words that a bad frame itself is told by. */
async function stored(): Promise<readonly number[]> {
  const agents = await world.stored('WB_AGENTS', allSubjects.agents);
  const told = /\.(?:violation|registered|disconnected|config_acked)$/;
  const counts = [agents.filter(({ subject }) => !told.test(subject)).length];
  for (const [stream, filter] of [
    ['WB_RUNS', allSubjects.runs],
    ['WB_TRIGGERS', allSubjects.triggers],
    ['WB_LOGS', 'wb.v1.*.>'],
    ['WB_HEARTBEATS', allSubjects.heartbeats],
  ] as const)
    counts.push((await world.stored(stream, filter)).length);
  return counts;
}

/** A text frame of bytes, whatever they are. */
async function sendBytes(bytes: Buffer): Promise<number> {
  const ws = new WebSocket(url);
  ws.on('error', () => undefined);
  await once(ws, 'open');
  ws.send(bytes, { binary: false });
  const [code] = (await once(ws, 'close')) as [number]; // as ws says it
  return code;
}

const samples = Object.values(wireSamples).filter(
  (sample) => wire.parseAgentFrame(JSON.stringify(sample)).ok,
);
const anyBroken = fc.oneof(...samples.map((sample) => brokenFrame('agent', { ...sample })));

describe('broken frames of every message', { timeout }, () => {
  it('from a registered agent get their answer and code, store nothing, and the agent comes back', async () => {
    const other = await healthy();
    const before = await stored();
    let messages = 0;
    await fc.assert(
      fc.asyncProperty(anyBroken, async ({ text }) => {
        const parsed = wire.parseAgentFrame(text);
        const agent = await registerAgent(url, { agentId: 'broken' });
        agent.send(text);
        const error = await agent.next('error');
        if (!parsed.ok && parsed.code === 'unknown-type') {
          expect(error['code']).toBe('UNKNOWN_TYPE');
          await agent.roundTrip();
          agent.close();
        } else expect(error['code']).toBe('INVALID_MESSAGE');
        const { code } = await agent.closed;
        expect(code).toBe(!parsed.ok && parsed.code === 'unknown-type' ? 1000 : 4003);
        messages += 1;
        const again = await registerAgent(url, { agentId: 'broken' });
        again.send({ type: 'config.ack', messageId: `after-${messages}`, agentId: 'broken' });
        await world.hasAgent('broken', 'config_acked', messages);
        again.close();
        await again.closed;
      }),
      { numRuns: runs },
    );
    expect(await stored()).toEqual(before);
    await other.done();
  });

  it('from a stranger get an error and 4003, and nothing is stored of them', async () => {
    const other = await healthy();
    const before = await stored();
    await fc.assert(
      fc.asyncProperty(anyBroken, fc.boolean(), async ({ text, type }, signsIn) => {
        const agent = await connectAgent(url);
        if (signsIn) {
          agent.send({ type: 'auth.request', token: TOKEN, protocolVersion: 1 });
          await agent.next('auth.success');
        }
        agent.send(text);
        await eventually(() => agent.count('error') + agent.count('auth.failure') > 0, {
          what: `an answer to ${type}`,
        });
        const parsed = wire.parseAgentFrame(text);
        if (signsIn && !parsed.ok && parsed.code === 'unknown-type') agent.close();
        else expect([4003, 4005]).toContain((await agent.closed).code);
      }),
      { numRuns: runs },
    );
    expect(await stored()).toEqual(before);
    await other.done();
  });

  it('that are no frames at all close the socket with a code for it', async () => {
    const other = await healthy();
    const before = await stored();
    const hello = '{"type":"heartbeat","timestamp":1}';
    expect(await sendBytes(Buffer.from([0x22, 0xc3, 0x28, 0x22]))).toBe(1007);
    expect(await sendBytes(Buffer.from([0x22, 0xed, 0xa0, 0x80, 0x22]))).toBe(1007);
    expect(await sendBytes(Buffer.alloc(0))).toBe(4003);
    expect(await sendBytes(Buffer.from(`\ufeff${hello}`))).toBe(4003);
    const binary = await connectAgent(url);
    binary.send(Buffer.from(hello));
    expect((await binary.closed).code).toBe(4003);
    expect(await stored()).toEqual(before);
    await other.done();
  });
});

describe('valid frames of every message, with whatever else is in them', {
  timeout,
}, () => {
  const frames = anyValidFrame('agent').filter(
    ({ type }) => type !== 'auth.request' && type !== 'agent.register',
  );

  it('break nothing: not the gateway, the run or the agents beside', async () => {
    const other = await healthy();
    await fc.assert(
      fc.asyncProperty(
        fc.array(frames, { maxLength: 15 }),
        fc.boolean(),
        async (list, extended) => {
          const agent = await registerAgent(url, { agentId: 'odd', extended });
          const { run, job } = await takesJob('odd', agent);
          for (const { text } of list) {
            const frame = JSON.parse(text) as Readonly<Record<string, unknown>>; // it is valid
            const own = {
              ...('runId' in frame ? { runId: job.runId } : {}),
              ...('jobId' in frame ? { jobId: job.jobId } : {}),
              ...('agentId' in frame ? { agentId: 'odd' } : {}),
            };
            agent.send({ ...frame, ...own });
          }
          agent.send({ type: 'job.status', messageId: 'end', ...job, state: 'success', timestamp });
          // A reject among them gives the job back; otherwise it has ended, however it did.
          const open = new Set(['offered', 'running', 'recovering', 'cancelling']);
          await eventually(async () => !open.has((await run.job()).state), {
            what: 'the end of the job',
            withinMs: 20_000,
          });
          expect(agent.count('error')).toBe(0);
          agent.close();
          await agent.closed;
        },
      ),
      { numRuns: runs },
    );
    await other.done();
  });
});
