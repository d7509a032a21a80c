import { startTestServers } from '@waybill/embedded';
import { manualClock } from '@waybill/process';
import { agentDraft, subjects } from '@waybill/protocol';
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
async function lasting(agentId: string) {
  const clock = manualClock();
  const place = { org: world.org, agentId, gateway: 'g/1', id: `${agentId}:registered` };
  const body = JSON.stringify({
    type: 'agent.register',
    messageId: 'm',
    agentId,
    labels: ['linux'],
    maxConcurrency: 3,
    inFlightJobs: [{ runId: 'r', jobId: 'j' }],
  });
  const stored = await world.journal.append(agentDraft({ ...place, type: 'registered', body }));
  if (stored.outcome !== 'stored') throw new Error('the registration was not stored');
  const who = { org: world.org, agentId, session: stored.seq, scalerManaged: true };
  const facts = { within: <T>(_lane: string, work: () => Promise<T>): Promise<T> => work() };
  const seats = [{ who }];
  const timer = startPresence({
    journal: world.journal,
    clock,
    facts,
    gateway: 'g/1',
    seats: () => seats,
  });
  return {
    clock,
    timer,
    who,
    leave: () => seats.pop(),
    presentOn: async (days: number) => {
      await clock.advance((limits.presentMs * 7) / 8);
      return world.hasAgent(agentId, 'present', days);
    },
  };
}
const say = (agentId: string, type: 'draining' | 'present' | 'registered', body: object) => {
  const place = { org: world.org, agentId, gateway: '', id: `${agentId}:${JSON.stringify(body)}` };
  return world.journal.append(agentDraft({ ...place, type, body: JSON.stringify(body) }));
};

it('a session that lasts is said again within a day, as it registered, until it ends', async () => {
  const { clock, timer, who, leave, presentOn } = await lasting('a');
  const event = await presentOn(1);
  expect(event).toMatchObject({
    type: 'present',
    gateway: 'g/1',
    scalerManaged: true,
    body: {
      session: who.session,
      agentId: 'a',
      labels: ['linux'],
      maxConcurrency: 3,
      draining: null,
    },
  });
  expect(event).not.toHaveProperty('body.inFlightJobs');
  await presentOn(2);
  leave();
  await clock.advance(2 * limits.presentMs);
  expect((await world.agentEvents('a')).filter(({ type }) => type === 'present')).toHaveLength(2);
  timer.cancel();
  expect(clock.pending()).toBe(0);
});

it('it says too whether a person has taken the agent out of use, the last word counting', async () => {
  const { timer, presentOn } = await lasting('b');
  await say('b', 'draining', { draining: true, by: 'ann' });
  const { at: since } = await world.hasAgent('b', 'draining');
  const drained = { body: { draining: { since, by: 'ann' } } };
  expect(await presentOn(1)).toMatchObject(drained);
  expect(await presentOn(2)).toMatchObject(drained);
  await say('b', 'draining', { draining: false, by: 'ann' });
  expect(await presentOn(3)).toMatchObject({ body: { draining: null } });
  timer.cancel();
});

it('and goes on saying so when the word itself has aged out, and the registration too', async () => {
  const draining = { since: 5, by: 'ann' };
  const { timer, who, presentOn } = await lasting('c');
  const { session } = who;
  await say('c', 'present', { agentId: 'c', labels: ['arm'], session, draining });
  const registrations = subjects.agent(world.org, 'c', 'registered');
  await say('c', 'registered', { agentId: 'c', labels: ['of another session'] });
  expect(await world.stored('WB_AGENTS', registrations)).toHaveLength(2);
  expect(await presentOn(2)).toMatchObject({ body: { session, labels: ['arm'], draining } });
  timer.cancel();
});
