/** Pools, agents and queued jobs for specs of what a scaler plans. */
import { offeredLabels, requirementOf } from '@waybill/protocol';
import { healthy } from './pool-health.ts';
import type { Line } from './queue.ts';
import { type Pool, slotScaler } from './scaler.ts';
import type { Member, Situation, Staffed } from './staffing.ts';

export const NOW = 1_700_000_000_000;

export const poolNamed = (name: string, change: Partial<Pool> = {}): Pool => ({
  name,
  labels: ['linux'],
  min: 0,
  max: 3,
  concurrency: 1,
  idleTimeoutMs: 60_000,
  startTimeoutMs: 30_000,
  ...change,
});

export const staffedBy = (pool: Pool, change: Partial<Staffed> = {}): Staffed => ({
  pool,
  scaler: slotScaler(pool),
  health: healthy,
  offered: offeredLabels(pool.labels),
  ...change,
});

export const member = (agentId: string, change: Partial<Member> = {}): Member => ({
  agentId,
  pool: 'p',
  labels: offeredLabels(['linux']),
  slots: 1,
  load: 0,
  phase: 'ready',
  isStanding: false,
  idleSince: NOW,
  ...change,
});

export const lineOf = (runsOn: readonly string[], jobs: readonly string[], since = NOW): Line => ({
  fits: requirementOf(runsOn),
  waiting: jobs.map((jobId) => ({ jobId, since })),
});

export const situation = (change: Partial<Situation> = {}): Situation => ({
  pools: [staffedBy(poolNamed('p'))],
  members: [],
  lines: [],
  now: NOW,
  ...change,
});
