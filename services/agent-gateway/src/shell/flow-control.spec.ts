import { manualClock } from '@waybill/process';
import { describe, expect, it } from 'vitest';
import { limits } from '../domain/limits.ts';
import { FlowControl, type SharedDebt } from './flow-control.ts';

const clock = manualClock();

function watched(o: { shared?: SharedDebt; name?: string; turns?: string[] } = {}) {
  const { turns = [], name = 'reading' } = o;
  const warned: number[] = [];
  const reader = {
    setPaused: (paused: boolean): void =>
      void turns.push(`${name} ${paused ? 'stops' : 'goes on'}`),
    slowed: (retryAfterMs: number): void => void warned.push(retryAfterMs),
  };
  return { flow: new FlowControl(reader, clock, o.shared), turns, warned };
}

describe('what a socket owes', () => {
  it('stops reading past the bound, and reading goes on at half of it', async () => {
    const { flow, turns } = watched();
    const owed = Array.from({ length: limits.pendingFactsMax + 1 }, () =>
      Promise.withResolvers<void>(),
    );
    for (const { promise } of owed) flow.owe(promise, 1);
    expect(turns).toEqual(['reading stops']);
    const half = owed.splice(0, limits.pendingFactsMax / 2);
    for (const { resolve } of half) resolve();
    await Promise.all(half.map(({ promise }) => promise));
    expect(turns).toEqual(['reading stops']);
    expect(flow.isIdle()).toBe(false);
    for (const { reject } of owed) reject(new Error('given up'));
    await Promise.allSettled(owed.map(({ promise }) => promise));
    expect(turns).toEqual(['reading stops', 'reading goes on']);
    expect(flow.isIdle()).toBe(true);
  });

  it('stops every socket that owes something when all of them owe too much, and no other', async () => {
    const shared = { bytes: 0 };
    const turns: string[] = [];
    const { flow: one } = watched({ shared, turns, name: 'one' });
    const { flow: other } = watched({ shared, turns, name: 'other' });
    const owed = Promise.withResolvers<void>();
    const small = Promise.withResolvers<void>();
    shared.bytes = limits.pendingBytesOfAllMax;
    one.owe(owed.promise, 1);
    other.holding(1, 1);
    expect(turns).toEqual(['one stops']);
    other.owe(small.promise, 1);
    expect(turns).toEqual(['one stops', 'other stops']);
    small.resolve();
    await small.promise;
    owed.resolve();
    await owed.promise;
    expect(turns.slice(2).toSorted()).toEqual(['one goes on', 'other goes on']);
  });

  it('stops reading while too much waits for a registration', () => {
    const { flow, turns } = watched();
    flow.holding(1, limits.heldBytesMax + 1);
    flow.holding(0, 0);
    expect(turns).toEqual(['reading stops', 'reading goes on']);
  });
});

describe('the rate of a socket', () => {
  it('lets a burst pass, and then slows the reader down to it, telling so once in a while', async () => {
    const { burst, perSecond } = limits.messageRate;
    const { flow, turns, warned } = watched();
    for (let count = 1; count <= burst; count++) flow.came(1, 1);
    expect(turns).toEqual([]);
    for (let count = 1; count <= perSecond / 2; count++) flow.came(1, 1);
    expect(turns).toEqual(['reading stops']);
    expect(warned).toEqual([1]);
    await clock.advance(499);
    expect(turns).toEqual(['reading stops']);
    await clock.advance(1);
    expect(turns).toEqual(['reading stops', 'reading goes on']);
    flow.came(1, perSecond);
    await clock.advance(1_000);
    expect(turns).toHaveLength(4);
    expect(warned).toHaveLength(1);
    await clock.advance(limits.slowedAgainMs);
    flow.came(1, burst + perSecond);
    expect(warned.length).toBe(2);
    await clock.advance(60_000);
    expect(flow.isIdle()).toBe(true);
  });

  it('takes the largest frame that there may be, and has it paid for behind it', async () => {
    const { burst, perSecond } = limits.byteRate;
    const { flow, turns } = watched();
    flow.came(burst, 1);
    flow.came(limits.frameBytesMax, 1);
    expect(turns).toEqual(['reading stops']);
    await clock.advance(Math.ceil((limits.frameBytesMax * 1_000) / perSecond));
    expect(turns).toEqual(['reading stops', 'reading goes on']);
  });

  it('leaves no timer behind a socket that has gone', () => {
    const before = clock.pending();
    const { flow } = watched();
    flow.came(1, limits.messageRate.burst + 1);
    flow.stop();
    expect(clock.pending()).toBe(before);
  });
});
