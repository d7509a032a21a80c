import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { anyText, anyWellFormed, runsOf } from './arbitrary.fixture.ts';
import {
  type Draft,
  headersOf,
  isUnreadable,
  type Meta,
  metaOf,
  SCHEMA_VERSION,
} from './envelope.ts';
import { fullMeta } from './run-event.fixture.ts';
import { stored, storedDraft } from './stored.fixture.ts';

const draft = (meta: Meta, more: Partial<Draft> = {}): Draft => ({
  stream: 'WB_RUNS',
  subject: 'wb.v1.run.0d.main.r.job.ack',
  type: 'job.ack',
  meta,
  body: '{}',
  ...more,
});

const whole = fc.integer({ min: 0, max: 999_999_999_999_999 });
const metaWith = (text: fc.Arbitrary<string>): fc.Arbitrary<Meta> =>
  fc.record(
    {
      id: text.map((id) => `${id}x`),
      source: text,
      runId: text,
      jobId: text,
      attempt: whole,
      fence: whole,
      agentId: text,
      session: whole,
      causation: text,
      requestId: text,
      traceparent: text,
    },
    { requiredKeys: ['id', 'source'] },
  );

describe('headers', () => {
  it('read back as the meta they were made of', () => {
    fc.assert(
      fc.property(metaWith(anyWellFormed), (meta) => {
        expect(metaOf(storedDraft(draft(meta)))).toEqual(meta);
      }),
      runsOf(500),
    );
  });

  it('are printable ASCII without space at the ends, whatever a foreign id holds: none can inject another', () => {
    const extra = fc.dictionary(fc.stringMatching(/^wb-[a-z]{1,8}$/), anyText);
    fc.assert(
      fc.property(metaWith(anyText), anyText, extra, (meta, type, further) => {
        for (const [name, value] of Object.entries(
          headersOf(draft(meta, { type, extra: further })),
        )) {
          expect(name).toMatch(/^[a-z-]+$/);
          expect(value).toMatch(/^(?:[\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?)?$/);
        }
      }),
      runsOf(500),
    );
  });

  it('keep plain ids as they are, so that people and other tools can read them', () => {
    const headers = headersOf(draft({ ...fullMeta, runId: 'r' }));
    expect(headers).toEqual({
      'ce-specversion': '1.0',
      'ce-id': fullMeta.id,
      'ce-source': '/waybill/dispatcher',
      'ce-type': 'job.ack',
      'wb-version': '1',
      'wb-run': 'r',
      'wb-job': fullMeta.jobId,
      'wb-attempt': '1',
      'wb-epoch': '3',
      'wb-fence': '11',
      'wb-agent': 'builder-1.example.net',
      'wb-session': '7',
      'wb-causation': fullMeta.causation,
      'wb-request-id': fullMeta.requestId,
      traceparent: fullMeta.traceparent,
    });
  });

  it.each([
    ['Büro-7', 'B%C3%BCro-7'],
    ['host\r\nNats-Rollup: all', 'host%0D%0ANats-Rollup%3A%20all'],
    ['100%', '100%25'],
    ['say "hi"', 'say%20%22hi%22'],
    [' padded ', '%20padded%20'],
    ['a b', 'a b'],
    ['lone \ud800', 'lone%20%EF%BF%BD'],
  ])('write %j as %j', (agentId, header) => {
    expect(headersOf(draft({ id: 'x', source: 's', agentId }))['wb-agent']).toBe(header);
  });
});

describe('a message whose headers', () => {
  const bare = { 'ce-id': 'x', 'ce-source': '/s', 'wb-version': '1' };
  const read = (headers: Readonly<Record<string, string>>) =>
    metaOf(stored({ subject: 'wb.v1.run.0d.main.r.job.ack', headers }));

  it('say only what they must is readable', () => {
    expect(read(bare)).toEqual({ id: 'x', source: '/s' });
  });

  it.each([
    ['have no id', { 'wb-version': '1' }],
    ['have an empty id', { ...bare, 'ce-id': '' }],
    ['have no version', { 'ce-id': 'x' }],
    ['have version 0', { ...bare, 'wb-version': '0' }],
    ['have half a version', { ...bare, 'wb-version': '1.5' }],
    ['have a version in words', { ...bare, 'wb-version': 'one' }],
    ['have an endless version', { ...bare, 'wb-version': 'Infinity' }],
    ['have an attempt in words', { ...bare, 'wb-attempt': 'second' }],
    ['have a negative fence', { ...bare, 'wb-fence': '-1' }],
    ['have a session past all numbers', { ...bare, 'wb-session': '9'.repeat(16) }],
    ['have an empty attempt', { ...bare, 'wb-attempt': '' }],
  ])('%s is unreadable', (_, headers) => {
    const meta = read(headers);
    expect(isUnreadable(meta) && meta.code).toBe('bad-envelope');
  });

  it('name a newer version is unreadable under a code of its own, because its reader has to stop', () => {
    const meta = read({ ...bare, 'wb-version': String(SCHEMA_VERSION + 1) });
    expect(isUnreadable(meta) && meta).toEqual({
      code: 'newer-version',
      detail: 'schema version 2, this build knows 1',
    });
  });

  it('were written by other hands is read as far as it can be', () => {
    expect(read({ ...bare, 'wb-agent': 'a%zz' })).toMatchObject({ agentId: 'a%zz' });
    expect(read({ 'ce-id': 'x', 'wb-version': '1' })).toEqual({ id: 'x', source: '' });
  });

  it('hold anything at all never throws', () => {
    const names = [
      'ce-id',
      'ce-source',
      'wb-version',
      'wb-run',
      'wb-job',
      'wb-attempt',
      'wb-fence',
      'wb-session',
      'wb-agent',
    ];
    const headers = fc.dictionary(
      fc.constantFrom(...names),
      fc.oneof(anyText, fc.constantFrom('1', '2', '')),
    );
    fc.assert(
      fc.property(headers, (given) => {
        expect(read(given)).toBeTypeOf('object');
      }),
      runsOf(500),
    );
  });
});
