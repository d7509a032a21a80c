import { describe, expect, it } from 'vitest';
import { createBreaker } from './breaker.ts';

describe('the breaker', () => {
  it('lets ordinary losses pass: up to 20, or a fifth of what is open', () => {
    const breaker = createBreaker();
    expect(breaker.saw({ ack: 20 }, 20, 1_000)).toBeUndefined();
    expect(breaker.saw({ ack: 100, stale: 100 }, 1_000, 1_000)).toBeUndefined();
    expect(breaker.holdsUntil()).toBe(0);
  });

  it('holds for 15 s where more falls silent at once, and says what', () => {
    const breaker = createBreaker();
    expect(breaker.saw({ ack: 150, stale: 51 }, 1_000, 1_000)).toEqual({
      count: 201,
      kinds: { ack: 150, stale: 51 },
      open: 1_000,
      holdMs: 15_000,
    });
    expect(breaker.holdsUntil()).toBe(16_000);
  });

  it('counts what follows while it holds to the same trip', () => {
    const breaker = createBreaker();
    breaker.saw({ ack: 21 }, 50, 1_000);
    expect(breaker.saw({ ack: 29 }, 50, 10_000)).toBeUndefined();
    expect(breaker.holdsUntil()).toBe(16_000);
    expect(breaker.saw({ ack: 21 }, 50, 16_001)).toMatchObject({ count: 21 });
  });
});
