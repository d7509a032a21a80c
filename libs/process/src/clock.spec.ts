import { describe, expect, test } from 'vitest';
import { systemClock } from './clock.ts';
import { manualClock } from './manual-clock.ts';

describe('the manual clock', () => {
  test('fires due timers in the order of their instants, then of their creation', async () => {
    const clock = manualClock(1_000);
    const fired: string[] = [];
    clock.after(20, () => fired.push(`late@${clock.now()}`));
    clock.after(10, () => fired.push(`first@${clock.now()}`));
    clock.after(10, () => fired.push(`second@${clock.now()}`));
    await clock.advance(15);
    expect(fired).toEqual(['first@1010', 'second@1010']);
    await clock.advance(5);
    expect(fired).toEqual(['first@1010', 'second@1010', 'late@1020']);
    expect(clock.pending()).toBe(0);
  });

  test('lets a chain of sleeps run to its end in one advance', async () => {
    const clock = manualClock();
    const seen: number[] = [];
    const chain = (async () => {
      for (let step = 0; step < 3; step++) {
        await clock.sleep(100);
        seen.push(clock.monotonicMs());
      }
    })();
    await clock.advance(1_000);
    await chain;
    expect(seen).toEqual([100, 200, 300]);
    expect(clock.now()).toBe(1_000);
  });

  test('repeats a period until it is cancelled, also from inside', async () => {
    const clock = manualClock();
    let count = 0;
    const timer = clock.every(10, () => {
      count += 1;
      if (count === 3) timer.cancel();
    });
    await clock.advance(100);
    expect(count).toBe(3);
    expect(clock.pending()).toBe(0);
  });

  test('correcting the wall clock fires nothing and moves no duration', async () => {
    const clock = manualClock();
    let fired = false;
    clock.after(10, () => {
      fired = true;
    });
    clock.set(1_000_000);
    await clock.advance(9);
    expect(fired).toBe(false);
    expect(clock.now()).toBe(1_000_009);
    expect(clock.monotonicMs()).toBe(9);
  });

  test('refuses a period of nothing', () => {
    expect(() => manualClock().every(0, () => undefined)).toThrow(RangeError);
    expect(() => systemClock.every(0, () => undefined)).toThrow(RangeError);
  });
});

describe.each([
  ['system', () => systemClock],
  ['manual', () => manualClock()],
])('a sleep on the %s clock', (_name, make) => {
  test('rejects with the reason of the signal and leaves no timer', async () => {
    const clock = make();
    const abort = new AbortController();
    const sleeping = clock.sleep(60_000, abort.signal);
    const reason = new Error('no longer wanted');
    abort.abort(reason);
    await expect(sleeping).rejects.toBe(reason);
    if ('pending' in clock)
      expect(clock.pending).toSatisfy((pending: () => number) => pending() === 0);
  });

  test('rejects at once when the signal was aborted before', async () => {
    const reason = new Error('too late');
    await expect(make().sleep(60_000, AbortSignal.abort(reason))).rejects.toBe(reason);
  });
});

describe('the system clock', () => {
  test('runs a timer once, after its delay', async () => {
    const began = systemClock.monotonicMs();
    await systemClock.sleep(20);
    expect(systemClock.monotonicMs() - began).toBeGreaterThanOrEqual(18);
  });

  test('does not fire a cancelled timer, nor one further away than Node can count', async () => {
    let fired = false;
    const mark = (): void => {
      fired = true;
    };
    systemClock.after(1, mark).cancel();
    const far = systemClock.after(2 ** 40, mark);
    await systemClock.sleep(20);
    far.cancel();
    expect(fired).toBe(false);
  });
});
