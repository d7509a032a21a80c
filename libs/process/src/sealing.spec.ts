import { inspect } from 'node:util';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import {
  createKeyRing,
  dropRingKey,
  parseKeyRing,
  rotateKeyRing,
  sealingRing,
  serialiseKeyRing,
} from './key-ring.ts';
import { digest, isSealed, open, seal, sealedKid } from './sealing.ts';

const Written = z.object({
  current: z.string(),
  digestKey: z.string(),
  keys: z.tuple([z.looseObject({ privateKey: z.string() })]),
});
const write = async () => Written.parse(JSON.parse(await serialiseKeyRing(ring)));
/** As the log gives it back. */
const throughJson = (value: unknown): unknown => JSON.parse(JSON.stringify(value));

const place = { org: 'main', run: 'run-1', field: 'secrets' };
const ring = await createKeyRing();

describe('a seal', () => {
  test('gives back any JSON value in its own place', async () => {
    await fc.assert(
      fc.asyncProperty(fc.jsonValue(), async (value) => {
        const sealed = await seal(ring, value, place);
        const stored = z.object({ $sealed: z.string() }).parse(throughJson(sealed));
        expect(await open(ring, stored, place)).toEqual(throughJson(value));
      }),
      { numRuns: 50 },
    );
  });

  test('shows nothing of the value, and differs each time', async () => {
    const [one, two] = [
      await seal(ring, 'same-value', place),
      await seal(ring, 'same-value', place),
    ];
    expect(one).not.toEqual(two);
    expect(one.$sealed).toMatch(/^v1\.k[0-9a-f]{16}\.[\w-]{43}\.[\w-]+$/);
    expect(isSealed(one)).toBe(true);
    expect(sealedKid(one)).toBe(ring.current);
  });

  test.each([
    ['org', { ...place, org: 'other' }],
    ['run', { ...place, run: 'run-2' }],
    ['field', { ...place, field: 'token' }],
    ['cut between names', { org: 'mainrun-1', run: '', field: 'secrets' }],
  ])('does not open in another place: %s', async (_name, elsewhere) => {
    const sealed = await seal(ring, { A: 'b' }, place);
    await expect(open(ring, sealed, elsewhere)).rejects.toMatchObject({ code: 'wrong-context' });
  });

  test('does not open when a byte of it has been changed', async () => {
    const { $sealed } = await seal(ring, 'value', place);
    const [version, kid, enc = '', content = ''] = $sealed.split('.');
    const flip = (text: string): string => (text.startsWith('A') ? 'B' : 'A') + text.slice(1);
    for (const changed of [
      [version, kid, flip(enc), content],
      [version, kid, enc, flip(content)],
    ]) {
      await expect(open(ring, { $sealed: changed.join('.') }, place)).rejects.toMatchObject({
        code: 'wrong-context',
      });
    }
  });

  test('does not open with another ring, nor with one that only seals', async () => {
    const sealed = await seal(sealingRing(ring), 'value', place);
    await expect(open(await createKeyRing(), sealed, place)).rejects.toMatchObject({
      code: 'unknown-key',
    });
    await expect(open(sealingRing(ring), sealed, place)).rejects.toMatchObject({
      code: 'unknown-key',
    });
    expect(await open(ring, sealed, place)).toBe('value');
  });

  test.each(['', 'v1.a.b.c', 'v2.k0.AAAA.BBBB', 'plain text'])('is not "%s"', async (text) => {
    expect(isSealed({ $sealed: text })).toBe(false);
    await expect(open(ring, { $sealed: text }, place)).rejects.toMatchObject({ code: 'malformed' });
  });

  test('is an object with that one member', async () => {
    const sealed = await seal(ring, 1, place);
    expect([null, 'x', [], {}, { ...sealed, more: 1 }, { $sealed: 1 }].some(isSealed)).toBe(false);
  });

  test('holds JSON values only', async () => {
    await expect(seal(ring, undefined, place)).rejects.toThrow(TypeError);
  });
});

describe('a key ring', () => {
  test('opens everything after it was written down and read again', async () => {
    const sealed = await seal(ring, 'value', place);
    const again = await parseKeyRing(await serialiseKeyRing(ring));
    expect(await open(again, sealed, place)).toBe('value');
    expect(await open(ring, await seal(again, 'other', place), place)).toBe('other');
    expect(digest(again, 'body')).toBe(digest(ring, 'body'));
    const lame = await parseKeyRing(await serialiseKeyRing(sealingRing(ring)));
    await expect(open(lame, sealed, place)).rejects.toMatchObject({ code: 'unknown-key' });
  });

  test('opens old seals after a rotation, until the old key is dropped', async () => {
    const old = await seal(ring, 'old', place);
    const rotated = await rotateKeyRing(ring);
    expect(sealedKid(await seal(rotated, 'new', place))).toBe(rotated.current);
    expect(rotated.current).not.toBe(ring.current);
    expect(await open(rotated, old, place)).toBe('old');
    expect(digest(rotated, 'body')).toBe(digest(ring, 'body'));
    await expect(open(dropRingKey(rotated, ring.current), old, place)).rejects.toMatchObject({
      code: 'unknown-key',
    });
    expect(() => dropRingKey(rotated, rotated.current)).toThrow(RangeError);
  });

  test('does not show its keys when it is printed', async () => {
    const written = await write();
    const printed = inspect(ring, { depth: 10, showHidden: true }) + JSON.stringify(ring);
    expect(printed).not.toContain(written.digestKey);
    expect(printed).not.toContain(written.keys[0].privateKey);
  });

  test('refuses anything else without repeating it', async () => {
    const written = await write();
    for (const wrong of [
      'hidden-input',
      '{}',
      '{"version":1}',
      JSON.stringify({ ...written, current: 'none' }),
    ]) {
      const refusal = { code: 'malformed', message: 'this is no key ring' };
      await expect(parseKeyRing(wrong)).rejects.toMatchObject(refusal);
    }
  });
});

test('a digest is keyed: another ring answers differently', async () => {
  expect(digest(ring, 'body')).toMatch(/^[0-9a-f]{64}$/);
  expect(digest(ring, new TextEncoder().encode('body'))).toBe(digest(ring, 'body'));
  expect(digest(await createKeyRing(), 'body')).not.toBe(digest(ring, 'body'));
});
