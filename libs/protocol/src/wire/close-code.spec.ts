import { expect, test } from 'vitest';
import { wireCloseCodes } from './close-code.ts';

const codes = Object.values(wireCloseCodes);

test('the close codes are those of the protocol, each once', () => {
  expect(codes.map(({ code }) => code)).toEqual([
    1000, 1001, 1009, 1013, 4001, 4002, 4003, 4004, 4005, 4006, 4010, 4011, 4020, 4030, 4031,
  ]);
  expect(new Set(codes.map(({ name }) => name)).size).toBe(codes.length);
});

test('only a refused agent stops for good', () => {
  expect(codes.filter(({ reaction }) => reaction === 'stop').map(({ code }) => code)).toEqual([
    4005, 4010,
  ]);
});

test('a name fits the reason of a close frame', () => {
  for (const { name } of codes) expect(Buffer.byteLength(name)).toBeLessThanOrEqual(123);
});
