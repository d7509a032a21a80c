import { type RunEvent, readRunMessage, subjects } from '@waybill/protocol';
import { describe, expect, it } from 'vitest';
import { eventView, withoutSeals } from './event-view.ts';

const org = 'main';
const runId = `${'0'.repeat(26)}-0`;

function event(
  type: string,
  body: string,
  headers: Readonly<Record<string, string>> = {},
): RunEvent {
  const all: Readonly<Record<string, string>> = { 'ce-id': 'id', 'wb-version': '1', ...headers };
  const message = {
    stream: 'WB_RUNS',
    seq: 7,
    at: 0,
    subject: subjects.run(org, runId, type),
    header: (name: string) => all[name],
    body: new TextEncoder().encode(body),
  } as const;
  const read = readRunMessage(message);
  if (read === undefined) throw new Error('no event');
  return read;
}

describe('an event as the outside sees it', () => {
  it('has its body, and the places of its envelope that it has', () => {
    const fact = event('job.ack', '{"type":"job.ack","messageId":"m","more":1}', {
      'wb-job': `${runId}-0`,
      'wb-attempt': '2',
      'wb-agent': 'a',
    });
    expect(eventView(fact, 'then')).toEqual({
      seq: 7,
      at: 'then',
      type: 'job.ack',
      id: 'id',
      jobId: `${runId}-0`,
      attempt: 2,
      agentId: 'a',
      data: { type: 'job.ack', messageId: 'm', more: 1 },
    });
  });

  it('shows no secret of the wire', () => {
    const frame = {
      type: 'job.status',
      messageId: 'm',
      state: 'success',
      secretOutputs: { token: { agentPublicKey: 'k', encrypted: 'e' } },
    };
    expect(eventView(event('job.status', JSON.stringify(frame)), '').data).toMatchObject({
      state: 'success',
      secretOutputs: '[redacted]',
    });
  });

  it('that cannot be read shows why and nothing of its body', () => {
    expect(eventView(event('job.ack', 'the secret is x'), '')).toMatchObject({
      type: 'unreadable',
      data: { code: 'not-json', detail: 'the body is not JSON' },
    });
  });
});

it('seals are named at any depth and nothing else changes', () => {
  const value = { a: [{ secrets: { $sealed: 'v1.x' } }], b: null, c: 'x', ['__proto__']: 1 };
  expect(withoutSeals(value)).toEqual({
    a: [{ secrets: '[sealed]' }],
    b: null,
    c: 'x',
    ['__proto__']: 1,
  });
});
