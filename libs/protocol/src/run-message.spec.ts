import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { anyText, runsOf } from './arbitrary.fixture.ts';
import { headersOf, SCHEMA_VERSION } from './envelope.ts';
import { JOB, ORG, RUN } from './run.fixture.ts';
import { evolveRun, foldRun, initialRun } from './run.ts';
import { fullMeta, runEventSamples } from './run-event.fixture.ts';
import {
  addressedTypes,
  isAddressed,
  isDecision,
  isRunEventType,
  lastWordOf,
  mayLackAddressee,
  type RunEventType,
  runEventBodies,
} from './run-event.ts';
import {
  decisionId,
  parseJson,
  type RunDraft,
  type RunEvent,
  readRunMessage,
  runDraft,
} from './run-message.ts';
import { stored, storedDraft } from './stored.fixture.ts';
import { shardOf, subjects } from './subjects.ts';
import { parseAgentFrame } from './wire/frame.ts';

const types = Object.keys(runEventBodies).filter(isRunEventType);
const sampleOf = (type: RunEventType): RunDraft<RunEventType> => ({
  org: ORG,
  runId: RUN,
  type,
  meta: fullMeta,
  body: runEventSamples[type],
  ...(isAddressed(type) ? { to: 'builder-1.example.net' } : {}),
});
const headers = headersOf(runDraft(sampleOf('job.ack')));
const problemOf = (event: RunEvent | undefined): string | undefined =>
  event?.type === 'unreadable' ? event.problem.code : undefined;

describe('an event', () => {
  it.each(types)('%s reads back as it was drafted', (type) => {
    const event = readRunMessage(storedDraft(runDraft(sampleOf(type)), 12, 1_700_000_000_123));
    expect(event).toEqual({
      type,
      body: runEventSamples[type],
      org: ORG,
      runId: RUN,
      seq: 12,
      at: 1_700_000_000_123,
      id: fullMeta.id,
      meta: { ...fullMeta, runId: RUN },
    });
  });

  it.each(types)('%s lies in the run’s own subjects under its type', (type) => {
    const { subject, stream, type: named } = runDraft(sampleOf(type));
    const prefix = `wb.v1.run.${shardOf(ORG)}.${ORG}.${RUN}`;
    const place = isAddressed(type)
      ? subjects.runTo(ORG, RUN, 'builder-1.example.net', lastWordOf(type))
      : `${prefix}.${type}`;
    expect([stream, subject, named]).toEqual(['WB_RUNS', place, type]);
  });

  it('whose body is a frame as it came is stored byte for byte', () => {
    const frame = '{ "type":"job.ack",\n "jobId" : "x" }';
    const bytes = new TextEncoder().encode(frame);
    expect(runDraft({ ...sampleOf('job.ack'), body: frame }).body).toBe(frame);
    expect(runDraft({ ...sampleOf('job.ack'), body: bytes }).body).toBe(bytes);
  });

  it('keeps fields that this build does not know', () => {
    const body = { ...runEventSamples['job.offered'], note: { of: 'tomorrow' } };
    const event = readRunMessage(
      storedDraft(runDraft({ ...sampleOf('job.offered'), type: 'job.offered', body })),
    );
    expect(event).toMatchObject({ body: { note: { of: 'tomorrow' } } });
  });

  it.each(types.filter((type) => /^(?:job|step)\.(?:ack|reject|status)$/.test(type)))(
    'the sample of the fact %s is a frame that an agent may send',
    (type) => {
      expect(parseAgentFrame(JSON.stringify(runEventSamples[type]))).toMatchObject({ ok: true });
    },
  );

  it('is addressed if it is an offer, a cancel or how an approval ended, and only then', () => {
    for (const type of addressedTypes) {
      const { to: _, ...unaddressed } = sampleOf(type);
      if (mayLackAddressee(type)) continue;
      expect(() => runDraft(unaddressed)).toThrow(type);
    }
    expect(() => runDraft({ ...sampleOf('job.ack'), to: 'a' })).toThrow('job.ack');
    expect(() => runDraft({ ...sampleOf('job.cancelled'), to: 'a' })).toThrow('job.cancelled');
  });

  it('that ends the approval of a job which no agent has lies under its type', () => {
    const { to: _, ...unaddressed } = sampleOf('approval.resolved');
    const draft = runDraft(unaddressed);
    expect(draft.subject).toBe(subjects.run(ORG, RUN, 'approval.resolved'));
    expect(readRunMessage(storedDraft(draft))?.type).toBe('approval.resolved');
  });
});

describe('poison', () => {
  const at = (type: string): string => subjects.run(ORG, RUN, type);

  it.each([
    ['not-json', { subject: at('job.ack'), headers, body: '{"half' }],
    ['not-json', { subject: at('job.ack'), headers, body: '' }],
    ['not-json', { subject: at('job.ack'), headers, body: new Uint8Array([0xff, 0x00, 0xfe]) }],
    ['invalid-body', { subject: at('job.ack'), headers, body: 'null' }],
    ['invalid-body', { subject: at('job.ack'), headers, body: '[]' }],
    ['invalid-body', { subject: at('job.status'), headers, body: '{"state":"sleeping"}' }],
    ['invalid-body', { subject: at('run.created'), headers, body: '{}' }],
    ['unknown-type', { subject: at('job.levitated'), headers }],
    ['unknown-type', { subject: at('job.toString'), headers }],
    [
      'unknown-type',
      { subject: at('job.offered'), headers, body: JSON.stringify(runEventSamples['job.offered']) },
    ],
    ['bad-envelope', { subject: at('job.ack'), headers: {} }],
    [
      'newer-version',
      { subject: at('job.ack'), headers: { ...headers, 'wb-version': `${SCHEMA_VERSION + 1}` } },
    ],
  ] as const)('reads as unreadable, %s', (code, message) => {
    expect(problemOf(readRunMessage(stored(message)))).toBe(code);
  });

  // Only `offered`, `cancel` and `resolved` are sent to agents: another event on an addressed subject would be seen by the fold and by no filter for it.
  it.each(['ack', 'status', 'expired', 'queued', 'stale', 'cancelled'])(
    'job.%s on an addressed subject is unknown',
    (event) => {
      const body = JSON.stringify(runEventSamples['job.stale']);
      const message = stored({ subject: subjects.runTo(ORG, RUN, 'a', event), headers, body });
      expect(problemOf(readRunMessage(message))).toBe('unknown-type');
    },
  );

  it('names the fields that are wrong and never what they hold', () => {
    const body = JSON.stringify({
      ...runEventSamples['job.offered'],
      attempt: 'hunter2',
      agentId: '',
    });
    const event = readRunMessage(
      stored({ subject: subjects.runTo(ORG, RUN, 'a', 'offered'), headers, body }),
    );
    expect(event).toMatchObject({
      problem: { code: 'invalid-body', detail: 'job.offered: attempt, agentId' },
    });
  });

  it('keeps its place, its id where it has one, and the run it lies in', () => {
    const place = { org: ORG, runId: RUN, seq: 5, at: 7 };
    expect(readRunMessage(stored({ subject: at('job.ack'), seq: 5, at: 7 }))).toMatchObject({
      ...place,
      id: 'unreadable@5',
    });
    const named = { subject: at('job.ack'), seq: 5, at: 7, headers: { 'ce-id': 'B%C3%BCro' } };
    expect(readRunMessage(stored(named))).toMatchObject({
      ...place,
      id: 'Büro',
      meta: { id: 'Büro', source: '' },
    });
  });

  it('is counted by the fold, and what follows it is folded as if it were not there', () => {
    const created = readRunMessage(storedDraft(runDraft(sampleOf('run.created')), 10));
    const poison = readRunMessage(stored({ subject: at('job.ack'), seq: 11, body: '{' }));
    const offer = readRunMessage(
      storedDraft(runDraft({ ...sampleOf('job.offered'), meta: { ...fullMeta, id: 'o' } }), 12),
    );
    if (created === undefined || poison === undefined || offer === undefined)
      throw new Error('all lie in a run');
    const without = foldRun([created, offer]);
    const run = foldRun([created, poison, offer]);
    expect(run).toMatchObject({
      anomalies: 1,
      lastVoid: { seq: 11, why: 'unreadable' },
      jobs: without.jobs,
    });
    expect(without.jobs[0]?.state).toBe('offered');
  });
});

describe('reading', () => {
  const anySubject = fc.oneof(
    fc.constantFrom(
      ...types.map((type) => subjects.run(ORG, RUN, type)),
      subjects.runTo(ORG, RUN, 'a', 'offered'),
      subjects.runTo(ORG, RUN, 'a', 'cancel'),
      subjects.log(ORG, RUN, JOB),
    ),
    anyText,
  );
  const anyHeaders = fc.oneof(
    fc.constant(headers),
    fc.dictionary(fc.constantFrom(...Object.keys(headers)), anyText),
    fc
      .tuple(fc.constantFrom(...Object.keys(headers)), anyText)
      .map(([name, value]) => ({ ...headers, [name]: value })),
  );
  const anyBody = fc.oneof(
    fc.uint8Array(),
    fc.json(),
    fc.constantFrom(...types.map((type) => JSON.stringify(runEventSamples[type]))),
    fc.tuple(fc.constantFrom(...types), fc.nat(), fc.jsonValue()).map(([type, at, value]) => {
      const keys = Object.keys(runEventSamples[type]);
      return JSON.stringify({ ...runEventSamples[type], [keys[at % keys.length] ?? 'x']: value });
    }),
  );

  it('never throws, whatever lies in the log, and neither does folding it', () => {
    const created = readRunMessage(storedDraft(runDraft(sampleOf('run.created')), 1));
    if (created === undefined) throw new Error('it lies in a run');
    const run = evolveRun(initialRun, created);
    fc.assert(
      fc.property(
        anySubject,
        anyHeaders,
        anyBody,
        fc.integer({ min: 2 }),
        (subject, given, body, seq) => {
          const event = readRunMessage(stored({ subject, headers: given, body, seq }));
          if (event === undefined) return;
          expect(event).toMatchObject({ seq, org: ORG, runId: RUN });
          expect(evolveRun(run, event).seq).toBe(seq);
        },
      ),
      runsOf(2_000),
    );
  });

  it('gives undefined only for what is no run’s', () => {
    expect(
      readRunMessage(stored({ subject: subjects.log(ORG, RUN, JOB), headers })),
    ).toBeUndefined();
    expect(
      readRunMessage(stored({ subject: 'wb.v1.run.00.main.r.job.ack', headers })),
    ).toBeUndefined();
    expect(readRunMessage(stored({ subject: 'somewhere.else', headers }))).toBeUndefined();
  });

  it('parses JSON or gives undefined', () => {
    const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
    expect(parseJson(bytes('{"a":[1]}'))).toEqual({ a: [1] });
    expect(parseJson(bytes('null'))).toBeNull();
    for (const text of ['', '{', 'undefined', "{'a':1}"])
      expect(parseJson(bytes(text))).toBeUndefined();
    expect(parseJson(bytes('['.repeat(200_000)))).toBeUndefined();
  });
});

describe('the id of a decision', () => {
  it('is the same for two deciders that see the same log, and another for everything else', () => {
    const make = (type: Parameters<typeof decisionId>[2], about: string, seq: number): string =>
      decisionId(ORG, RUN, type, about, seq);
    expect(make('job.expired', `${JOB}.1`, 12)).toBe(make('job.expired', `${JOB}.1`, 12));
    const others = [
      make('job.lost', `${JOB}.1`, 12),
      make('job.expired', `${JOB}.2`, 12),
      make('job.expired', `${JOB}.1`, 13),
    ];
    expect(new Set([make('job.expired', `${JOB}.1`, 12), ...others]).size).toBe(4);
  });
});

it('every type is a decision or a fact, and names of objects are no types', () => {
  expect(types.filter(isDecision)).toHaveLength(14);
  expect(types.filter((type) => !isDecision(type))).toHaveLength(24);
  for (const name of ['toString', '__proto__', 'constructor', ''])
    expect([isRunEventType(name), isDecision(name)]).toEqual([false, false]);
});
