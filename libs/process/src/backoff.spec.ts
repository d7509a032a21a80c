import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { backoffMs, retry } from './backoff.ts';
import { manualClock } from './manual-clock.ts';
import { isOutage, Outage } from './outage.ts';

/** Takes the rejection at once, so that it is never unhandled while the clock moves. */
const failureOf = (work: Promise<unknown>): Promise<unknown> =>
  work.then(
    () => 'no failure',
    (error: unknown) => error,
  );

describe('backoffMs', () => {
  test('doubles its ceiling from the base up to the cap', () => {
    const random = () => 0.999_999;
    const waits = [1, 2, 3, 4, 5].map((attempt) =>
      backoffMs(attempt, { baseMs: 100, capMs: 500, random }),
    );
    expect(waits).toEqual([99, 199, 399, 499, 499]);
  });

  test('never leaves 0 to the cap, for any attempt and any dice', () => {
    fc.assert(
      fc.property(
        fc.nat(5_000),
        fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
        (attempt, dice) => {
          const wait = backoffMs(attempt, { baseMs: 50, capMs: 2_000, random: () => dice });
          return Number.isInteger(wait) && wait >= 0 && wait < 2_000;
        },
      ),
    );
  });
});

describe('retry', () => {
  const options = { retryable: isOutage, random: () => 0.5, baseMs: 100, capMs: 400 };

  test('returns the first success and says which attempt it is', async () => {
    const clock = manualClock();
    const attempts: number[] = [];
    const work = retry(
      async (attempt) => {
        attempts.push(attempt);
        if (attempt < 3) throw new Outage('down', 'not there');
        return 'done';
      },
      { ...options, clock, deadlineMs: 10_000 },
    );
    await clock.advance(10_000);
    expect(await work).toBe('done');
    expect(attempts).toEqual([1, 2, 3]);
  });

  test('throws at once what may not be tried again', async () => {
    const defect = new Error('a defect');
    let calls = 0;
    const work = retry(
      () => {
        calls += 1;
        return Promise.reject(defect);
      },
      { ...options, clock: manualClock(), deadlineMs: 10_000 },
    );
    await expect(work).rejects.toBe(defect);
    expect(calls).toBe(1);
  });

  test('tries a last time at the deadline and then throws the last error as it was', async () => {
    const clock = manualClock();
    const starts: number[] = [];
    const work = retry(
      (attempt) => {
        starts.push(clock.monotonicMs());
        return Promise.reject(new Outage('down', `attempt ${attempt}`));
      },
      { ...options, clock, deadlineMs: 300 },
    );
    const failure = failureOf(work);
    await clock.advance(1_000);
    expect(await failure).toMatchObject({ code: 'down', message: 'attempt 4' });
    expect(starts).toEqual([0, 50, 150, 300]);
  });

  test('stops waiting when the signal is aborted', async () => {
    const clock = manualClock();
    const abort = new AbortController();
    const reason = new Error('stopping');
    const work = retry(() => Promise.reject(new Outage('down', 'not there')), {
      ...options,
      clock,
      deadlineMs: 10_000,
      signal: abort.signal,
    });
    const failure = failureOf(work);
    await clock.advance(10);
    abort.abort(reason);
    expect(await failure).toBe(reason);
    expect(clock.pending()).toBe(0);
  });
});
