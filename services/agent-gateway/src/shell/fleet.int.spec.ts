import { startTestServers } from '@waybill/embedded';
import { openObjects } from '@waybill/objects';
import { createLogger, systemClock } from '@waybill/process';
import { agentDraft, bundleObject } from '@waybill/protocol';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type PlainAgent, registerAgent } from '../../../../tests/support/plain-agent.ts';
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
  ({ url } = await world.gateway({ publicUrl: 'http://127.0.0.1:1' }));
});
afterEach(async () => {
  await world.close();
});

let requests = 0;

async function ask(agentId = 'a', maxBytes = 1_000): Promise<string> {
  requests += 1;
  const requestId = `q${requests}`;
  await world.journal.append(
    agentDraft({
      org: world.org,
      agentId,
      type: 'logs_requested',
      id: `ask-${requestId}`,
      gateway: '',
      source: '/waybill/api',
      body: JSON.stringify({ requestId, agentId, hours: 2, maxBytes, by: 'ada' }),
    }),
  );
  return requestId;
}

const chunk = (requestId: string, seq: number, data: string, isLast = false) => ({
  type: 'fleet.bundle.chunk',
  requestId,
  seq,
  isLast,
  dataB64: Buffer.from(data).toString('base64'),
});

async function asked(): Promise<Readonly<{ agent: PlainAgent; requestId: string }>> {
  const agent = await registerAgent(url, { agentId: 'a' });
  const requestId = await ask();
  expect(await agent.next('fleet.logs.request')).toEqual({
    type: 'fleet.logs.request',
    requestId,
    logWindowHours: 2,
    maxBytes: 1_000,
  });
  return { agent, requestId };
}
const failed = async () => (await world.hasAgent('a', 'logs_failed')) as { body?: unknown };

const failedTexts = async (): Promise<string> => JSON.stringify(await world.agentEvents('a'));

describe('an agent’s own logs', () => {
  it('go into the store as they come, and the log says where they are', async () => {
    const { agent, requestId } = await asked();
    agent.send(chunk(requestId, 0, 'one '));
    agent.send(chunk(requestId, 1, 'two', true));
    const told = await world.hasAgent('a', 'logs_collected');
    const objects = await openObjects({
      journal: world.journal,
      ring: world.ring,
      clock: systemClock,
      log: createLogger({ name: 'test', level: 'silent' }),
      publicUrl: '',
      settings: {},
    });
    const entry = await objects.find(bundleObject(world.org, 'a', requestId));
    if (entry === undefined) throw new Error('not there');
    let text = '';
    for await (const part of await objects.read(entry)) text += Buffer.from(part).toString();
    expect(text).toBe('one two');
    expect(told).toMatchObject({ body: { requestId, sizeBytes: 7, sha256: entry.sha256 } });
    await objects.close();
  });

  it('are none where a frame is missing, where they are too much, or where the agent says so', async () => {
    const { agent, requestId } = await asked();
    agent.send(chunk(requestId, 1, 'late'));
    expect(await failed()).toMatchObject({ body: { message: 'frame 0 was to come, and 1 came' } });
    const second = await ask();
    await agent.next('fleet.logs.request');
    agent.send(chunk(second, 0, 'x'.repeat(500_000)));
    agent.send(chunk(second, 1, 'x'.repeat(700_000)));
    const tooLarge = JSON.stringify((await world.hasAgent('a', 'logs_failed', 2)).meta.id);
    expect(tooLarge).toContain(second);
    expect(await failedTexts()).toContain('larger than');
    const third = await ask();
    await agent.next('fleet.logs.request');
    agent.send({ type: 'fleet.bundle.error', requestId: third, message: 'no disk' });
    expect(await world.hasAgent('a', 'logs_failed', 3)).toMatchObject({
      body: { requestId: third, message: 'the agent says: no disk' },
    });
  });

  it('are none where the agent goes away in the middle', async () => {
    const { agent, requestId } = await asked();
    agent.send(chunk(requestId, 0, 'one '));
    await agent.roundTrip();
    agent.drop();
    expect(await failed()).toMatchObject({ body: { requestId, message: 'the agent has left' } });
  });

  it('that nobody asked for are a violation, and stored nowhere', async () => {
    const agent = await registerAgent(url, { agentId: 'a' });
    agent.send(chunk('never', 0, 'x', true));
    expect(await world.hasAgent('a', 'violation')).toMatchObject({
      body: { code: 'unasked-bundle' },
    });
  });
});
