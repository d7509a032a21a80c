import { expect, it } from 'vitest';
import { limits } from '../domain/limits.ts';
import { openFlowControl } from './flow-control.ts';

it('stops reading past the bound and reads again at half of it', async () => {
  const turns: boolean[] = [];
  const flow = openFlowControl((paused) => turns.push(paused));
  const owed = Array.from({ length: limits.pendingFactsMax + 1 }, () =>
    Promise.withResolvers<void>(),
  );
  for (const { promise } of owed) flow.owe(promise, 1);
  expect(turns).toEqual([true]);
  const half = owed.splice(0, limits.pendingFactsMax / 2);
  for (const { resolve } of half) resolve();
  await Promise.all(half.map(({ promise }) => promise));
  expect(turns).toEqual([true]);
  for (const { reject } of owed) reject(new Error('given up'));
  await Promise.allSettled(owed.map(({ promise }) => promise));
  expect(turns).toEqual([true, false]);
});

it('stops reading every socket that owes something when all of them owe too much, and no other', async () => {
  const shared = { bytes: 0 };
  const turns: string[] = [];
  const one = openFlowControl((paused) => turns.push(`one ${paused}`), shared);
  const other = openFlowControl((paused) => turns.push(`other ${paused}`), shared);
  const owed = Promise.withResolvers<void>();
  const small = Promise.withResolvers<void>();
  shared.bytes = limits.pendingBytesOfAllMax;
  one.owe(owed.promise, 1);
  other.holding(1, 1);
  expect(turns).toEqual(['one true']);
  other.owe(small.promise, 1);
  expect(turns).toEqual(['one true', 'other true']);
  small.resolve();
  await small.promise;
  owed.resolve();
  await owed.promise;
  expect(turns.slice(2).toSorted()).toEqual(['one false', 'other false']);
});

it('stops reading while too much waits for a registration', () => {
  const turns: boolean[] = [];
  const flow = openFlowControl((paused) => turns.push(paused));
  flow.holding(1, limits.heldBytesMax + 1);
  flow.holding(0, 0);
  expect(turns).toEqual([true, false]);
});
