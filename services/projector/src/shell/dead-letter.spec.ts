import { createKeyRing, createLogger, isOutage, isSealed, open } from '@waybill/process';
import { type Draft, parseJson, type StoredMessage, subjects } from '@waybill/protocol';
import { expect, it } from 'vitest';
import type { Poison } from '../domain/poison.ts';
import { openDeadLetters } from './dead-letter.ts';

const log = createLogger({ name: 'test', level: 'silent' });
const message: StoredMessage = {
  stream: 'WB_RUNS',
  seq: 42,
  at: 0,
  subject: subjects.run('main', 'run-1', 'job.ack'),
  header: () => undefined,
  body: new TextEncoder().encode('password hunter2'),
};
const poison: Poison = { message, problem: { code: 'not-json', detail: 'the body is not JSON' } };

type Outcome = 'stored' | 'unknown' | 'refused';
function journal(outcomes: readonly Outcome[] = []) {
  const drafts: Draft[] = [];
  const append = (draft: Draft) => {
    const outcome = outcomes[drafts.length] ?? 'stored';
    drafts.push(draft);
    if (outcome === 'unknown')
      return Promise.resolve({ outcome, cause: new Error('no answer') } as const);
    if (outcome === 'refused')
      return Promise.resolve({ outcome, code: 'stream-full', detail: 'full' } as const);
    return Promise.resolve({ outcome, seq: 1, duplicate: false } as const);
  };
  return { drafts, append };
}

it('a report names the place and a digest, and holds no content', async () => {
  const { drafts, append } = journal();
  await openDeadLetters({ journal: { append }, log }).report([poison]);
  expect(drafts).toMatchObject([
    {
      stream: 'WB_DEAD',
      subject: subjects.dead('main', 'wb_runs'),
      meta: { id: 'dead:WB_RUNS:42' },
    },
  ]);
  const text = String(drafts[0]?.body);
  expect(text).not.toContain('hunter2');
  expect(JSON.parse(text)).toMatchObject({
    stream: 'WB_RUNS',
    seq: 42,
    code: 'not-json',
    size: 16,
  });
});

it('with a key ring, the content goes along sealed, for its run alone', async () => {
  const ring = await createKeyRing();
  const { drafts, append } = journal();
  await openDeadLetters({ journal: { append }, log, ring }).report([poison]);
  const report = parseJson(new TextEncoder().encode(String(drafts[0]?.body)));
  const sealed =
    typeof report === 'object' && report !== null && 'body' in report ? report.body : undefined;
  if (!isSealed(sealed)) throw new Error('not sealed');
  const opened = await open(ring, sealed, { org: 'main', run: 'run-1', field: 'dead' });
  expect(Buffer.from(String(opened), 'base64').toString('utf8')).toBe('password hunter2');
  await expect(open(ring, sealed, { org: 'main', run: 'run-2', field: 'dead' })).rejects.toThrow();
});

it('a batch that is tried again reports once, and an answer that is missing fails the batch', async () => {
  const { drafts, append } = journal(['unknown', 'stored']);
  const letters = openDeadLetters({ journal: { append }, log });
  const first = await letters.report([poison]).catch((error: unknown) => error);
  expect(isOutage(first)).toBe(true);
  await letters.report([poison]);
  await letters.report([poison]);
  expect(drafts.length).toBe(2);
});

it('a report that is refused does not stop the projection', async () => {
  const { append } = journal(['refused']);
  await expect(
    openDeadLetters({ journal: { append }, log }).report([poison]),
  ).resolves.toBeUndefined();
});
