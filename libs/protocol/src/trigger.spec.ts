import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { anyOrg, anyText, anyToken, anyWellFormed, runsOf } from './arbitrary.fixture.ts';
import { headersOf } from './envelope.ts';
import { runId, triggerId } from './ids.ts';
import { stored, storedDraft } from './stored.fixture.ts';
import { subjects } from './subjects.ts';
import {
  decidedDraft,
  type ReceivedDraft,
  readTriggerMessage,
  receivedDraft,
  type TriggerDecided,
  type TriggerEvent,
  type TriggerReceived,
} from './trigger.ts';

const ID = triggerId('main', 'github', 'd-1');
const received: ReceivedDraft = {
  org: 'main',
  source: 'github',
  triggerId: ID,
  kind: 'webhook',
  event: 'push',
  deliveryId: 'd-1',
  digest: 'k1:9f86d0',
  requestId: 'req-1',
  traceparent: '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01',
  headers: { 'user-agent': 'GitHub-Hookshot/044aadd' },
  body: '{"ref":"refs/heads/main"}',
};
const read = (draft: ReceivedDraft): TriggerReceived => {
  const event = readTriggerMessage(storedDraft(receivedDraft(draft), 4, 99));
  if (event?.type !== 'trigger.received') throw new Error(`it reads as ${event?.type}`);
  return event;
};
const decided: TriggerDecided = {
  triggerId: ID,
  decision: 'run',
  detail: 'matched 1 rule',
  receivedSeq: 4,
  runs: [{ rule: { name: 'ci', generation: 3, seq: 17 }, runId: runId(ID, 0) }],
};
const problemOf = (event: TriggerEvent | undefined): string | undefined =>
  event?.type === 'unreadable' ? event.problem.code : undefined;

describe('trigger.received', () => {
  it('reads back as it was drafted', () => {
    expect(read(received)).toEqual({
      type: 'trigger.received',
      org: 'main',
      source: 'github',
      triggerId: ID,
      seq: 4,
      at: 99,
      id: `main:${ID}:received`,
      meta: {
        id: `main:${ID}:received`,
        source: '/waybill/api',
        requestId: 'req-1',
        traceparent: received.traceparent,
      },
      kind: 'webhook',
      event: 'push',
      deliveryId: 'd-1',
      digest: 'k1:9f86d0',
      chainDepth: 0,
      trust: 'trusted',
      data: { ref: 'refs/heads/main' },
    });
  });

  it('reads back whatever its producer calls event and delivery', () => {
    const draft = fc.record({
      org: anyOrg,
      source: anyToken,
      event: anyWellFormed,
      deliveryId: anyWellFormed,
      digest: anyWellFormed.map((text) => `${text}=`),
      requestId: anyWellFormed,
      data: fc.jsonValue(),
    });
    fc.assert(
      fc.property(draft, ({ data, ...given }) => {
        const id = triggerId(given.org, given.source, given.deliveryId);
        const event = read({ ...received, ...given, triggerId: id, body: JSON.stringify(data) });
        const { requestId, ...rest } = given;
        expect(event).toMatchObject({ ...rest, triggerId: id, meta: { requestId } });
        expect(event.data).toEqual(JSON.parse(JSON.stringify(data)));
      }),
      runsOf(200),
    );
  });

  it('has an id that does not hash its body, so that a repeat with another body meets the original', () => {
    const other = receivedDraft({ ...received, body: '{}', digest: 'k1:other' });
    expect([other.subject, other.meta.id]).toEqual([
      receivedDraft(received).subject,
      receivedDraft(received).meta.id,
    ]);
  });

  it('keeps the request’s headers that it was given beside its own', () => {
    expect(headersOf(receivedDraft(received))).toMatchObject({
      'wb-http-user-agent': 'GitHub-Hookshot/044aadd',
      'wb-kind': 'webhook',
      'wb-event': 'push',
    });
  });
});

describe('trigger.decided', () => {
  it('reads back as it was drafted, and names what led to it', () => {
    const draft = decidedDraft(read(received), decided);
    expect(readTriggerMessage(storedDraft(draft, 5, 100))).toEqual({
      type: 'trigger.decided',
      org: 'main',
      source: 'github',
      triggerId: ID,
      seq: 5,
      at: 100,
      id: `main:${ID}:decided@4`,
      meta: {
        id: `main:${ID}:decided@4`,
        source: '/waybill/dispatcher',
        causation: `main:${ID}:received`,
        requestId: 'req-1',
        traceparent: received.traceparent,
      },
      body: decided,
    });
    expect(draft.subject).toBe(subjects.trigger('main', 'github', ID, 'decided'));
  });

  it('has one id for everybody who decides about the same original', () => {
    const again = decidedDraft(read(received), { ...decided, decision: 'no_rule', runs: [] });
    expect(again.meta.id).toBe(decidedDraft(read(received), decided).meta.id);
  });

  it('of another trigger, or with another trigger’s run, is unreadable', () => {
    const other = triggerId('main', 'github', 'd-2');
    for (const body of [
      { ...decided, triggerId: other },
      { ...decided, runs: [{ rule: null, runId: runId(other, 0) }] },
    ])
      expect(problemOf(readTriggerMessage(storedDraft(decidedDraft(read(received), body))))).toBe(
        'invalid-body',
      );
  });
});

describe('poison', () => {
  const subject = subjects.trigger('main', 'github', ID, 'received');
  const headers = headersOf(receivedDraft(received));
  const { 'wb-kind': _kind, ...kindless } = headers;
  const { 'wb-digest': _digest, ...digestless } = headers;

  it.each([
    ['bad-envelope', { subject, headers: {} }],
    ['bad-envelope', { subject, headers: kindless }],
    ['bad-envelope', { subject, headers: digestless }],
    ['bad-envelope', { subject, headers: { ...headers, 'wb-kind': 'rumour' } }],
    ['newer-version', { subject, headers: { ...headers, 'wb-version': '2' } }],
    ['not-json', { subject, headers, body: 'ref=main' }],
    [
      'invalid-body',
      {
        subject: subjects.trigger('main', 'github', ID, 'decided'),
        headers,
        body: '{"decision":"maybe"}',
      },
    ],
  ])('reads as unreadable, %s', (code, message) => {
    const event = readTriggerMessage(stored({ ...message, stream: 'WB_TRIGGERS', seq: 9 }));
    expect(problemOf(event)).toBe(code);
    expect(event).toMatchObject({ org: 'main', source: 'github', triggerId: ID, seq: 9 });
  });

  it('never throws, and only what is no trigger’s is not an event', () => {
    const step = fc.constantFrom('received' as const, 'decided' as const);
    const given = fc.oneof(
      fc.constant(headers),
      fc.dictionary(fc.constantFrom(...Object.keys(headers)), anyText),
    );
    fc.assert(
      fc.property(step, given, fc.oneof(fc.uint8Array(), fc.json()), (at, some, body) => {
        const message = stored({
          subject: subjects.trigger('main', 'github', ID, at),
          headers: some,
          body,
        });
        expect(readTriggerMessage(message)).toBeDefined();
      }),
      runsOf(500),
    );
    expect(
      readTriggerMessage(stored({ subject: subjects.config('main', 'rule', 'ci'), headers })),
    ).toBeUndefined();
  });
});
