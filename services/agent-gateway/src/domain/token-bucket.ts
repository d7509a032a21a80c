/**
 * How much may come at once, and how much in the long run: a bucket that holds `burst` and is refilled at a rate. What has come
 * is always taken, so that the bucket may owe; who owes waits until it owes nothing. Pure.
 */
export type Rate = Readonly<{ burst: number; perSecond: number }>;
/** `spent`: of the burst, at `atMs`; over the burst it owes. */
export type Bucket = Readonly<{ spent: number; atMs: number }>;

export const fullBucket = (nowMs: number): Bucket => ({ spent: 0, atMs: nowMs });

const spentAt = ({ spent, atMs }: Bucket, { perSecond }: Rate, nowMs: number): number =>
  Math.max(0, spent - ((nowMs - atMs) * perSecond) / 1_000);

export const take = (bucket: Bucket, rate: Rate, amount: number, nowMs: number): Bucket => ({
  spent: spentAt(bucket, rate, nowMs) + amount,
  atMs: nowMs,
});

/** 0 while it owes nothing. */
export function msUntilPaid(bucket: Bucket, rate: Rate, nowMs: number): number {
  const owed = spentAt(bucket, rate, nowMs) - rate.burst;
  return owed <= 0 ? 0 : Math.ceil((owed * 1_000) / rate.perSecond);
}

export const isFull = (bucket: Bucket, rate: Rate, nowMs: number): boolean =>
  spentAt(bucket, rate, nowMs) === 0;
