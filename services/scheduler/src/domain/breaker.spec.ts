import { describe, expect, it } from 'vitest';
import { createBreaker } from './breaker.ts';

describe('the breaker', () => {
  it('lets ordinary losses pass: up to 20, or a fifth of what is open', () => {
    const few = createBreaker();
    expect(few.saw({ ack: 20 }, 20, 1_000)).toBeUndefined();
    const breaker = createBreaker();
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

  it('counts what falls silent within 15 s, and forgets it then', () => {
    const breaker = createBreaker();
    for (let now = 1_000; now <= 61_000; now += 1_000)
      expect(breaker.saw({ stale: 13 }, 1_000, now)).toBeUndefined();
    expect(breaker.saw({ stale: 6, ack: 1 }, 1_000, 61_250)).toMatchObject({
      count: 202,
      kinds: { stale: 201, ack: 1 },
    });
  });

  it('counts what follows to the same trip, until there is less of it', () => {
    const breaker = createBreaker();
    breaker.saw({ ack: 21 }, 50, 1_000);
    for (let now = 2_000; now <= 60_000; now += 1_000)
      expect(breaker.saw({ ack: 2 }, 50, now)).toBeUndefined();
    expect(breaker.holdsUntil()).toBe(16_000);
    expect(breaker.saw({}, 50, 66_000)).toBeUndefined();
    expect(breaker.saw({ ack: 21 }, 50, 66_250)).toMatchObject({ count: 39 });
  });

  it('holds nothing twice: what was seen before a trip is not held by it', () => {
    const breaker = createBreaker();
    breaker.saw({ ack: 21 }, 50, 1_000);
    expect([999, 1_000, 16_000].map(breaker.heldUntil)).toEqual([0, 16_000, 16_000]);
    breaker.saw({}, 50, 17_000);
    breaker.saw({ ack: 21 }, 50, 18_000);
    expect([1_000, 16_000, 18_000].map(breaker.heldUntil)).toEqual([0, 0, 33_000]);
  });
});
