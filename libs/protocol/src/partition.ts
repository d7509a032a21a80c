/**
 * A share of the shards, so that several deciders divide the log among themselves: partition `index` of `count` has every
 * `count`-th shard. An org lies in one shard, hence in one partition.
 */
import { allSubjects, shardOf } from './subjects.ts';

export type Partition = Readonly<{ index: number; count: number }>;

const families = {
  run: allSubjects.runs,
  agent: allSubjects.agents,
  trigger: allSubjects.triggers,
} as const;
export type PartitionedFamily = keyof typeof families;

/** As many as there are shards: more would leave some without any. */
export const partitionsMax = 256;

/** Which of `count` partitions the org lies in. */
export const partitionOf = (org: string, count: number): number =>
  Number.parseInt(shardOf(org), 16) % count;

/** The filters of all that a family of subjects has in the partition: disjoint from those of every other, and together everything. */
export function partitionFilters(
  family: PartitionedFamily,
  { index, count }: Partition,
): readonly string[] {
  if (!isWhole(count, 1, partitionsMax) || !isWhole(index, 0, count - 1))
    throw new RangeError(`there is no partition ${index} of ${count}`);
  const everything = families[family];
  if (count === 1) return [everything];
  const filters: string[] = [];
  for (let shard = index; shard < partitionsMax; shard += count)
    filters.push(`${everything.slice(0, -1)}${shard.toString(16).padStart(2, '0')}.>`);
  return filters;
}

/** All partitions that the shards are divided into. */
export const partitionsOf = (count: number): readonly Partition[] =>
  Array.from({ length: count }, (_, index) => ({ index, count }));

/** As it stands in names of leases and snapshots: `0of1`. */
export const partitionName = ({ index, count }: Partition): string => `${index}of${count}`;

const isWhole = (value: number, min: number, max: number): boolean =>
  Number.isInteger(value) && value >= min && value <= max;
