import { describe, expect, it } from 'vitest';
import { partitionFilters, partitionName, partitionOf, partitionsOf } from './partition.ts';
import { shardOf, subjects } from './subjects.ts';

describe('a partition', () => {
  it('of one is everything, under one filter', () => {
    expect(partitionFilters('run', { index: 0, count: 1 })).toEqual(['wb.v1.run.>']);
    expect(partitionFilters('agent', { index: 0, count: 1 })).toEqual(['wb.v1.agent.>']);
    expect(partitionFilters('trigger', { index: 0, count: 1 })).toEqual(['wb.v1.trigger.>']);
  });

  it('of many has one filter for each of its shards', () => {
    const filters = partitionFilters('agent', { index: 3, count: 64 });
    expect(filters).toEqual(['03', '43', '83', 'c3'].map((shard) => `wb.v1.agent.${shard}.>`));
  });

  it.for([1, 2, 3, 7, 100, 256])('and its siblings, %i in all, hold every shard once', (count) => {
    const filters = partitionsOf(count).flatMap((each) => partitionFilters('run', each));
    expect(new Set(filters).size).toBe(filters.length);
    if (count > 1) expect(filters).toHaveLength(256);
  });

  it.for([2, 5, 256])('of %i holds the subjects of its orgs and no others', (count) => {
    for (const org of ['main', 'acme', 'a', 'o-2', 'globex']) {
      const subject = subjects.run(org, '0123456789abcdefghjkmnpqrs-0', 'run.created');
      const holding = partitionsOf(count).filter((each) =>
        partitionFilters('run', each).some((filter) => subject.startsWith(filter.slice(0, -1))),
      );
      expect(holding).toEqual([{ index: partitionOf(org, count), count }]);
      expect(partitionOf(org, 256)).toBe(Number.parseInt(shardOf(org), 16));
    }
  });

  it.for([
    [0, 0],
    [1, 1],
    [-1, 2],
    [0.5, 2],
    [0, 257],
  ])('%i of %i does not exist', ([index = 0, count = 0]) => {
    expect(() => partitionFilters('run', { index, count })).toThrow(RangeError);
  });

  it('is named for leases and snapshots', () => {
    expect(partitionName({ index: 2, count: 8 })).toBe('2of8');
  });
});
