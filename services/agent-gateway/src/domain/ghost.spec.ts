import { type AgentEvent, agentDraft, headersOf, readAgentMessage } from '@waybill/protocol';
import { expect, it } from 'vitest';
import { foldGhosts, noGhosts } from './ghost.ts';

function event(
  seq: number,
  type: 'registered' | 'disconnected',
  gateway: string,
  session = 0,
): AgentEvent {
  const body =
    type === 'registered'
      ? { agentId: `a${seq}`, labels: [] }
      : { session, code: 1006, reason: '' };
  const draft = agentDraft({
    org: 'main',
    agentId: 'a',
    type,
    id: `e${seq}`,
    gateway,
    body: JSON.stringify(body),
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

it('finds the sessions that an earlier start of the same gateway left open, across batches', () => {
  const self = 'g/2';
  const first = foldGhosts(
    noGhosts,
    [
      event(1, 'registered', 'g/1'),
      event(2, 'registered', 'g/1'),
      event(3, 'registered', 'other/1'),
    ],
    self,
  );
  const second = foldGhosts(
    first,
    [
      event(4, 'disconnected', 'g/1', 1),
      event(5, 'registered', 'g/2'),
      event(6, 'registered', 'g/0'),
    ],
    self,
  );
  expect([...second.values()]).toEqual([
    { org: 'main', agentId: 'a2', session: 2 },
    { org: 'main', agentId: 'a6', session: 6 },
  ]);
});
