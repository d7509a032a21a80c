import { gunzipSync } from 'node:zlib';
import type { LogView } from '@waybill/protocol';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { archived, unarchived } from './log-archive.ts';

const anyChunk: fc.Arbitrary<LogView> = fc.record({
  seq: fc.nat(),
  at: fc.constant('2026-05-10T10:34:50.000Z'),
  jobId: fc.string(),
  attempt: fc.integer({ min: 1, max: 9 }),
  stepIndex: fc.integer({ min: -1, max: 1_000_001 }),
  lines: fc.array(fc.string({ unit: 'grapheme', maxLength: 200 }), { maxLength: 20 }),
});

async function* each<T>(values: readonly T[]): AsyncGenerator<T> {
  yield* values;
}

async function collected<T>(values: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const value of values) all.push(value);
  return all;
}

test('what was archived is read again as it was, in whatever pieces it comes', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(anyChunk), fc.integer({ min: 1, max: 999 }), async (chunks, size) => {
      const bytes = Buffer.concat(await collected(archived(each(chunks))));
      const pieces = Array.from({ length: Math.ceil(bytes.length / size) }, (_, at) =>
        bytes.subarray(at * size, (at + 1) * size),
      );
      expect(await collected(unarchived(each(pieces)))).toEqual(chunks);
    }),
    { numRuns: 50 },
  );
});

test('it is gzipped JSON, one chunk a line, for whoever has only the object', async () => {
  const chunk = { seq: 7, at: '', jobId: 'j', attempt: 1, stepIndex: 0, lines: ['a\nb'] };
  const bytes = Buffer.concat(await collected(archived(each([chunk, chunk]))));
  expect(gunzipSync(bytes).toString()).toBe(`${JSON.stringify(chunk)}\n`.repeat(2));
});

test('an archive that was cut is not read as a shorter log', async () => {
  const chunk = { seq: 7, at: '', jobId: 'j', attempt: 1, stepIndex: 0, lines: ['x'.repeat(99)] };
  const bytes = Buffer.concat(await collected(archived(each([chunk, chunk]))));
  await expect(collected(unarchived(each([bytes.subarray(0, -12)])))).rejects.toThrow();
});
