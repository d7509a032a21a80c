import { manualClock } from '@waybill/process';
import { type Draft, headersOf, readAgentMessage, wire } from '@waybill/protocol';
import { expect, it } from 'vitest';
import { limits } from '../domain/limits.ts';
import type { FactWriter } from './fact-writer.ts';
import { startPresence } from './presence.ts';

it('a session that lasts is said again within a day, as it registered, until it ends', async () => {
  const clock = manualClock();
  const drafts: Draft[] = [];
  const facts: FactWriter = {
    store: async (draft) => ({ seq: drafts.push(draft), duplicate: false }),
    within: (_lane, work) => work(),
    idle: async () => undefined,
  };
  const who = { org: 'main', agentId: 'a', session: 7, scalerManaged: true };
  const registered = wire.AgentRegister.parse({
    type: 'agent.register',
    messageId: 'm',
    agentId: 'a',
    labels: ['linux'],
    maxConcurrency: 3,
    inFlightJobs: [{ runId: 'r', jobId: 'j' }],
  });
  const timer = startPresence({ clock, facts, gateway: 'g/1' }, who, registered);
  await clock.advance(limits.presentMs / 2);
  expect(drafts).toHaveLength(0);
  await clock.advance(limits.presentMs / 2);
  expect(drafts).toHaveLength(1);
  await clock.advance(limits.presentMs);
  timer.cancel();
  await clock.advance(limits.presentMs);
  expect(drafts).toHaveLength(2);
  expect(new Set(drafts.map((draft) => draft.meta.id)).size).toBe(2);
  const [draft] = drafts;
  if (draft === undefined) throw new Error('nothing was said');
  const headers = headersOf(draft);
  const event = readAgentMessage({
    stream: 'WB_AGENTS',
    seq: 9,
    at: 9,
    subject: draft.subject,
    header: (name) => headers[name],
    body: new TextEncoder().encode(String(draft.body)),
  });
  expect(event).toMatchObject({
    type: 'present',
    gateway: 'g/1',
    scalerManaged: true,
    body: { session: 7, agentId: 'a', labels: ['linux'], maxConcurrency: 3 },
  });
  expect(event).not.toHaveProperty('body.inFlightJobs');
});
