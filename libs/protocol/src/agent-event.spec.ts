import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  type AgentEventType,
  agentDraft,
  agentEventBodies,
  readAgentMessage,
} from './agent-event.ts';
import { anyText, anyWellFormed, runsOf } from './arbitrary.fixture.ts';
import { headersOf } from './envelope.ts';
import { foreignToken } from './ids.ts';
import { stored, storedDraft } from './stored.fixture.ts';
import { subjects } from './subjects.ts';
import { wireSamples } from './wire/samples.fixture.ts';

const AGENT = 'builder-1.example.net';
const samples: Readonly<Record<AgentEventType, Readonly<Record<string, unknown>>>> = {
  spawned: {
    agentId: AGENT,
    pool: 'local',
    jobIds: ['a-0-1'],
    standing: false,
    labels: ['linux'],
    maxConcurrency: 2,
    by: 'scaler-1',
  },
  registered: wireSamples['agent.register'],
  status: wireSamples['agent.status'],
  config_acked: wireSamples['config.ack'],
  present: { ...wireSamples['agent.register'], session: 7 },
  draining: { draining: true, by: 'ada' },
  disconnected: { session: 7, code: 4031, reason: 'no answer to an offer' },
  violation: { code: 'foreign-job', detail: 'jobId is none that was ever offered' },
  logs_requested: { requestId: 'r1', agentId: AGENT, hours: 24, maxBytes: 1_000, by: 'ada' },
  logs_collected: { requestId: 'r1', key: 'nats:k', sizeBytes: 10, sha256: '0' },
  logs_failed: { requestId: 'r1', message: 'the agent has left' },
};
const types: readonly AgentEventType[] = [
  'spawned',
  'registered',
  'status',
  'config_acked',
  'present',
  'draining',
  'disconnected',
  'violation',
  'logs_requested',
  'logs_collected',
  'logs_failed',
];
const draftOf = (type: AgentEventType) =>
  agentDraft({
    org: 'main',
    agentId: AGENT,
    type,
    id: 'main:s7:1',
    gateway: 'gw-1/1700000000000',
    ...(type === 'registered' ? {} : { session: 7 }),
    body: JSON.stringify(samples[type]),
  });

it('there is a sample of every type', () => {
  expect(Object.keys(agentEventBodies).toSorted()).toEqual(types.toSorted());
});

it.each(types)('agent.%s reads back as it was drafted', (type) => {
  const draft = draftOf(type);
  expect([draft.stream, draft.type]).toEqual(['WB_AGENTS', `agent.${type}`]);
  expect(readAgentMessage(storedDraft(draft, 7, 99))).toEqual({
    type,
    org: 'main',
    agentToken: foreignToken(AGENT),
    seq: 7,
    at: 99,
    id: 'main:s7:1',
    gateway: 'gw-1/1700000000000',
    scalerManaged: false,
    meta: {
      id: 'main:s7:1',
      source: '/waybill/agent-gateway',
      agentId: AGENT,
      ...(type === 'registered' ? {} : { session: 7 }),
    },
    body: samples[type],
  });
});

it('a session says whether a scaler made its agent, and a person’s word names no gateway', () => {
  const draft = {
    org: 'main',
    agentId: AGENT,
    id: 'x',
    gateway: 'gw-1/1',
    body: JSON.stringify(samples.registered),
  };
  const managed = agentDraft({ ...draft, type: 'registered', scalerManaged: true });
  expect(readAgentMessage(storedDraft(managed))).toMatchObject({ scalerManaged: true });
  const drained = agentDraft({
    ...draft,
    type: 'draining',
    gateway: '',
    source: '/waybill/api',
    body: JSON.stringify(samples.draining),
  });
  expect(Object.keys(headersOf(drained))).not.toContain('wb-gateway');
  expect(readAgentMessage(storedDraft(drained))).toMatchObject({
    type: 'draining',
    gateway: '',
    meta: { source: '/waybill/api' },
    body: { draining: true, by: 'ada' },
  });
});

it('the agent and its gateway may be called anything', () => {
  fc.assert(
    fc.property(anyWellFormed, anyWellFormed, (agentId, gateway) => {
      const draft = agentDraft({
        org: 'main',
        agentId,
        type: 'status',
        id: 'x',
        gateway,
        body: '{"activeJobs":0}',
      });
      expect(readAgentMessage(storedDraft(draft))).toMatchObject({
        gateway,
        meta: { agentId },
        agentToken: foreignToken(agentId),
      });
    }),
    runsOf(200),
  );
});

describe('poison', () => {
  const headers = headersOf(draftOf('registered'));
  const at = (event: string): string => subjects.agent('main', AGENT, event);

  it.each([
    ['bad-envelope', { subject: at('status'), headers: {} }],
    ['newer-version', { subject: at('status'), headers: { ...headers, 'wb-version': '7' } }],
    ['unknown-type', { subject: at('levitated'), headers }],
    ['unknown-type', { subject: at('toString'), headers }],
    ['not-json', { subject: at('status'), headers, body: '{' }],
    ['invalid-body', { subject: at('status'), headers, body: '{"activeJobs":"many"}' }],
    ['invalid-body', { subject: at('registered'), headers, body: '{"agentId":"a"}' }],
  ])('reads as unreadable, %s', (code, message) => {
    const event = readAgentMessage(stored({ ...message, stream: 'WB_AGENTS', seq: 9 }));
    expect(event).toMatchObject({
      type: 'unreadable',
      problem: { code },
      seq: 9,
      agentToken: foreignToken(AGENT),
    });
  });

  it('never throws, and only what is no agent’s is not an event', () => {
    const given = fc.oneof(
      fc.constant(headers),
      fc.dictionary(fc.constantFrom(...Object.keys(headers)), anyText),
    );
    fc.assert(
      fc.property(
        fc.constantFrom(...types, 'other'),
        given,
        fc.oneof(fc.uint8Array(), fc.json()),
        (type, some, body) => {
          expect(
            readAgentMessage(stored({ subject: at(type), headers: some, body })),
          ).toBeDefined();
        },
      ),
      runsOf(500),
    );
    expect(
      readAgentMessage(stored({ subject: subjects.agentLog('main', AGENT), headers })),
    ).toBeUndefined();
  });
});
