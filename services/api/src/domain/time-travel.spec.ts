import { describe, expect, it } from 'vitest';
import { isAwaited, isPast } from './time-travel.ts';

const triggerId = '0'.repeat(26);

describe('a run that has no event yet', () => {
  it('is awaited when the decision names it', () => {
    expect(
      isAwaited(`${triggerId}-3`, { triggerId }, { runs: [{ runId: `${triggerId}-3` }] }),
    ).toBe(true);
    expect(isAwaited(`${triggerId}-0`, { triggerId }, { runs: [] })).toBe(false);
  });

  it('is awaited as the first of a trigger that is not decided', () => {
    expect(isAwaited(`${triggerId}-0`, { triggerId }, undefined)).toBe(true);
    expect(isAwaited(`${triggerId}-1`, { triggerId }, undefined)).toBe(false);
  });
});

it('a place is in the past when it is named at all', () => {
  expect(isPast({})).toBe(false);
  expect(isPast({ atSeq: 0 })).toBe(true);
  expect(isPast({ at: 0 })).toBe(true);
});
