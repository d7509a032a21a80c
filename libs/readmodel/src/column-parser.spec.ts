import { expect, it } from 'vitest';
import { parseInstant, parseWhole } from './column-parser.ts';

it('an instant leaves Postgres as the api writes it', () => {
  expect(parseInstant('2026-01-02 03:04:05+00')).toBe('2026-01-02T03:04:05.000Z');
  expect(parseInstant('2026-01-02 03:04:05.06+00')).toBe('2026-01-02T03:04:05.060Z');
  expect(parseInstant('275760-09-13 00:00:00+00')).toBe('+275760-09-13T00:00:00.000Z');
});

it('an instant of another time zone is a defect, and not shifted', () => {
  expect(() => parseInstant('2026-01-02 03:04:05+02')).toThrow('not an instant in UTC');
});

it('a sequence is a number, or too large to be one', () => {
  expect(parseWhole('9007199254740991')).toBe(Number.MAX_SAFE_INTEGER);
  expect(() => void parseWhole('9007199254740993')).toThrow('too large');
});
