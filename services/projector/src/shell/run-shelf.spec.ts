import { expect, it } from 'vitest';
import { initialFoldedRun } from '../domain/folded-run.ts';
import { openRunShelf, type ShelvedRun, type TouchedRun } from './run-shelf.ts';

const empty: ShelvedRun = { folded: initialFoldedRun, events: [] };
const touch = (base: ShelvedRun, ...added: string[]): TouchedRun => ({
  base,
  folded: initialFoldedRun,
  added,
});

it('runs are kept with their events, and forgotten when somebody else has written since', () => {
  const shelf = openRunShelf();
  shelf.keep(10, new Map([['a', touch(empty, '1')]]));
  shelf.standAt(10);
  shelf.keep(20, new Map([['a', touch(shelf.get('a') ?? empty, '2', '3')]]));
  expect(shelf.get('a')?.events).toEqual(['1', '2', '3']);
  shelf.standAt(21);
  expect(shelf.get('a')).toBeUndefined();
  expect(shelf.size()).toEqual({ runs: 0, length: 0 });
});

it('the run that was touched the longest time ago goes first', () => {
  const shelf = openRunShelf({ runsMax: 2, lengthMax: 100 });
  for (const key of ['a', 'b']) shelf.keep(1, new Map([[key, touch(empty, key)]]));
  shelf.keep(2, new Map([['a', touch(shelf.get('a') ?? empty, 'again')]]));
  shelf.keep(3, new Map([['c', touch(empty, 'c')]]));
  expect(['a', 'b', 'c'].map((key) => shelf.get(key) !== undefined)).toEqual([true, false, true]);
});

it('invariant 14: what it holds stays under its limit, a single run without end included', () => {
  const shelf = openRunShelf({ runsMax: 1_000, lengthMax: 1_000 });
  for (let seq = 1; seq <= 200; seq++) {
    const key = `run-${seq % 7}`;
    shelf.keep(seq, new Map([[key, touch(shelf.get(key) ?? empty, 'x'.repeat(seq))]]));
    expect(shelf.size().length).toBeLessThanOrEqual(1_000);
  }
  shelf.keep(201, new Map([['long', touch(empty, 'x'.repeat(1_001))]]));
  expect(shelf.get('long')?.events).toBeNull();
  shelf.keep(202, new Map([['long', touch(shelf.get('long') ?? empty, 'y')]]));
  expect(shelf.get('long')?.events).toBeNull();
});
