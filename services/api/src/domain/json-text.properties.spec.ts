import fc from 'fast-check';
import { expect, it } from 'vitest';
import { readJsonText } from './json-text.ts';

const isJson = (text: string): boolean => {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
};

it('takes what JSON.parse takes, with the same value', () => {
  fc.assert(
    fc.property(fc.json({ maxDepth: 6 }), fc.constantFrom(undefined, 1, '\t'), (text, indent) => {
      const spaced = JSON.stringify(JSON.parse(text), null, indent);
      const read = readJsonText(spaced, 64);
      expect('kind' in read ? read.value : read).toEqual(JSON.parse(spaced));
    }),
  );
});

it('agrees with JSON.parse about damaged text, but for keys that stand twice', () => {
  const damage = fc.tuple(
    fc.json({ maxDepth: 4 }),
    fc.nat(),
    fc.nat({ max: 3 }),
    fc.constantFrom('', '"', '{', ']', ',', ':', '0', '\\', 'e', '\n', 'ä'),
  );
  fc.assert(
    fc.property(damage, ([text, place, cut, insert]) => {
      const at = place % (text.length + 1);
      const damaged = text.slice(0, at) + insert + text.slice(at + cut);
      const read = readJsonText(damaged, 64);
      if ('kind' in read) expect(isJson(damaged)).toBe(true);
      else if (read.code === 'json-malformed') expect(isJson(damaged)).toBe(false);
      if (!('kind' in read)) expect(read.offset).toBeLessThanOrEqual(damaged.length);
    }),
    { numRuns: 2_000 },
  );
});
