import fc from 'fast-check';
import { expect, it } from 'vitest';
import { fullBucket, isFull, msUntilPaid, take } from './token-bucket.ts';

const rate = { burst: 100, perSecond: 50 };

it('a burst passes at once, and what is over it is paid for at the rate', () => {
  const spent = take(fullBucket(0), rate, 100, 0);
  expect(msUntilPaid(spent, rate, 0)).toBe(0);
  const owing = take(spent, rate, 25, 0);
  expect(msUntilPaid(owing, rate, 0)).toBe(500);
  expect(msUntilPaid(owing, rate, 499)).toBe(1);
  expect(msUntilPaid(owing, rate, 500)).toBe(0);
  expect(isFull(owing, rate, 2_499)).toBe(false);
  expect(isFull(owing, rate, 2_500)).toBe(true);
});

it('who waits as long as it is told to never has more than the burst and the rate allow', () => {
  const sends = fc.array(fc.record({ amount: fc.nat(300), pauseMs: fc.nat(3_000) }), {
    minLength: 1,
    maxLength: 50,
  });
  fc.assert(
    fc.property(sends, (all) => {
      let nowMs = 0;
      let total = 0;
      let last = 0;
      let bucket = fullBucket(nowMs);
      for (const { amount, pauseMs } of all) {
        nowMs += pauseMs + msUntilPaid(bucket, rate, nowMs + pauseMs);
        expect(total).toBeLessThanOrEqual(rate.burst + last + (rate.perSecond * nowMs) / 1_000);
        bucket = take(bucket, rate, amount, nowMs);
        total += amount;
        last = amount;
      }
    }),
  );
});
