import { expect, test } from 'vitest';
import { newId } from './id.ts';
import { hashToken, newToken, tokenMatches } from './token.ts';

test('a token is its prefix and 64 hex digits, new each time', () => {
  expect(newToken('kat_')).toMatch(/^kat_[0-9a-f]{64}$/);
  expect(newToken('')).not.toBe(newToken(''));
});

test('a token matches its own hash and nothing else', () => {
  const token = newToken('wb_');
  expect(tokenMatches(token, hashToken(token))).toBe(true);
  expect(tokenMatches(`${token}x`, hashToken(token))).toBe(false);
  for (const hash of ['', 'zz', hashToken(token).slice(2), `${hashToken(token)}00`]) {
    expect(tokenMatches(token, hash)).toBe(false);
  }
});

test('an id is 26 characters of one alphabet, and 10,000 of them differ', () => {
  const ids = Array.from({ length: 10_000 }, newId);
  expect(new Set(ids).size).toBe(10_000);
  expect(ids.every((id) => /^[0-7][0-9a-hjkmnp-tv-z]{25}$/.test(id))).toBe(true);
});
