import { expect, it } from 'vitest';
import { bodyBytesMax, limits } from './limits.ts';

it('a body is bounded by the table or by the server, whichever is less', () => {
  expect(bodyBytesMax(limits, 64 * 1_048_576)).toBe(25 * 1_048_576);
  expect(bodyBytesMax(limits, 1_048_576)).toBe(1_048_576 - 65_536);
  expect(bodyBytesMax(limits, limits.bodyBytes + limits.payloadReserveBytes)).toBe(
    limits.bodyBytes,
  );
  expect(bodyBytesMax(limits, 1)).toBe(0);
});
