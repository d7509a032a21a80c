import { type AgentEvent, agentDraft, headersOf, readAgentMessage } from '@waybill/protocol';
import { describe, expect, it } from 'vitest';
import { openSessions } from './open-session.ts';

function event(
  seq: number,
  type: 'registered' | 'present' | 'disconnected',
  gateway: string,
  o: Readonly<{ session?: number; scalerManaged?: boolean }> = {},
): AgentEvent {
  const { session = 0, scalerManaged = false } = o;
  const bodies = {
    registered: { agentId: `a${seq}`, labels: [] },
    present: { agentId: `a${session}`, labels: [], session },
    disconnected: { session, code: 1006, reason: '' },
  };
  const draft = agentDraft({
    org: 'main',
    agentId: 'a',
    type,
    id: `e${seq}`,
    gateway,
    scalerManaged,
    body: JSON.stringify(bodies[type]),
  });
  const headers = headersOf(draft);
  const read = readAgentMessage({
    stream: 'WB_AGENTS',
    seq,
    at: seq,
    subject: draft.subject,
    header: (name) => headers[name],
    body: new TextEncoder().encode(String(draft.body)),
  });
  if (read === undefined) throw new Error('unreadable');
  return read;
}

const who = (session: number, scalerManaged = false) => ({
  org: 'main',
  agentId: `a${session}`,
  session,
  scalerManaged,
});

describe('the open sessions of a gateway name', () => {
  it('are those that nobody has ended, by the process that holds them', () => {
    const sessions = openSessions('g');
    const holders = [
      event(1, 'registered', 'g/1'),
      event(2, 'registered', 'g/1', { scalerManaged: true }),
      event(3, 'registered', 'other/1'),
      event(4, 'registered', 'g/2'),
      event(5, 'disconnected', 'g/1', { session: 1 }),
      event(6, 'disconnected', '', { session: 3 }),
    ].map((each) => sessions.heard(each));
    expect(holders).toEqual(['g/1', 'g/1', undefined, 'g/2', undefined, undefined]);
    expect(sessions.gateways()).toEqual(['g/1', 'g/2']);
    expect(sessions.of('g/1')).toEqual([who(2, true)]);
    expect(sessions.of('g/2')).toEqual([who(4)]);
    expect(sessions.of('other/1')).toEqual([]);
  });

  it('are known from what is said of them again, when their beginning has aged out', () => {
    const sessions = openSessions('g');
    sessions.heard(event(9, 'present', 'g/1', { session: 2 }));
    sessions.heard(event(10, 'present', 'g/1', { session: 2 }));
    expect(sessions.of('g/1')).toEqual([who(2)]);
  });

  it('are the same after they were saved and restored', () => {
    const sessions = openSessions('g');
    sessions.heard(event(1, 'registered', 'g/1'));
    sessions.heard(event(2, 'registered', 'g/2'));
    const restored = openSessions('g');
    for (const session of sessions.all()) restored.restore(session);
    expect(restored.all()).toEqual(sessions.all());
    restored.heard(event(3, 'disconnected', '', { session: 1 }));
    expect(restored.gateways()).toEqual(['g/2']);
  });
});
