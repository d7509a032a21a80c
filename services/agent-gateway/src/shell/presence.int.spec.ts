import { startTestServers } from '@waybill/embedded';
import { manualClock } from '@waybill/process';
import { agentDraft, wire } from '@waybill/protocol';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { limits } from '../domain/limits.ts';
import { type LogWorld, openLogWorld } from './log-world.fixture.ts';
import { startPresence } from './presence.ts';

let servers: Awaited<ReturnType<typeof startTestServers>>;
let world: LogWorld;
beforeAll(async () => {
  servers = await startTestServers({ postgres: false });
  world = await openLogWorld(servers.nats);
});
afterAll(async () => {
  await world.close();
  await servers.stop();
});

/** A session that lasts; `days` says how many times it has been said again. */
function lasting(agentId: string, session: number) {
  const clock = manualClock();
  const registered = wire.AgentRegister.parse({
    type: 'agent.register',
    messageId: 'm',
    agentId,
    labels: ['linux'],
    maxConcurrency: 3,
    inFlightJobs: [{ runId: 'r', jobId: 'j' }],
  });
  const who = { org: world.org, agentId, session, scalerManaged: true };
  const facts = { within: <T>(_lane: string, work: () => Promise<T>): Promise<T> => work() };
  const timer = startPresence(
    { journal: world.journal, clock, facts, gateway: 'g/1' },
    who,
    registered,
  );
  return {
    clock,
    timer,
    presentOn: async (days: number) => {
      await clock.advance(limits.presentMs);
      return world.hasAgent(agentId, 'present', days);
    },
  };
}
const say = (agentId: string, type: 'draining' | 'present', body: object) => {
  const place = { org: world.org, agentId, gateway: '', id: `${agentId}:${JSON.stringify(body)}` };
  return world.journal.append(agentDraft({ ...place, type, body: JSON.stringify(body) }));
};

it('a session that lasts is said again within a day, as it registered, until it ends', async () => {
  const { clock, timer, presentOn } = lasting('a', 7);
  await clock.advance(limits.presentMs / 2);
  expect(await world.agentEvents('a')).toEqual([]);
  const event = await presentOn(1);
  expect(event).toMatchObject({
    type: 'present',
    gateway: 'g/1',
    scalerManaged: true,
    body: { session: 7, agentId: 'a', labels: ['linux'], maxConcurrency: 3, draining: null },
  });
  expect(event).not.toHaveProperty('body.inFlightJobs');
  await presentOn(2);
  timer.cancel();
  await clock.advance(2 * limits.presentMs);
  expect(await world.agentEvents('a')).toHaveLength(2);
});

it('it says too whether a person has taken the agent out of use, the last word counting', async () => {
  const { timer, presentOn } = lasting('b', 8);
  await say('b', 'draining', { draining: true, by: 'ann' });
  const { at: since } = await world.hasAgent('b', 'draining');
  const drained = { body: { draining: { since, by: 'ann' } } };
  expect(await presentOn(1)).toMatchObject(drained);
  expect(await presentOn(2)).toMatchObject(drained);
  await say('b', 'draining', { draining: false, by: 'ann' });
  expect(await presentOn(3)).toMatchObject({ body: { draining: null } });
  timer.cancel();
});

it('and goes on saying so when the word itself has aged out', async () => {
  const draining = { since: 5, by: 'ann' };
  await say('c', 'present', { agentId: 'c', labels: [], session: 9, draining });
  const { timer, presentOn } = lasting('c', 9);
  expect(await presentOn(2)).toMatchObject({ body: { draining } });
  timer.cancel();
});
