/**
 * How many agents to start, for which jobs, and which to let go: a pure function of what is known. It never goes over a pool's `max`
 * nor stays under its `min`, starts nothing that is on its way already, and waits out a pool's backoff.
 */
import { type PoolHealth, startableAt } from './pool-health.ts';
import type { Line } from './queue.ts';
import type { Pool, Scaler } from './scaler.ts';

export type Member = Readonly<{
  agentId: string;
  /** Undefined for one that no pool of ours has made. */
  pool: string | undefined;
  labels: ReadonlySet<string>;
  slots: number;
  load: number;
  /** `leaving`: it takes nothing more, and is still there. */
  phase: 'starting' | 'ready' | 'leaving';
  /** Kept ready for jobs that are still to come. */
  isStanding: boolean;
  idleSince: number;
}>;

export type Staffed = Readonly<{
  pool: Pool;
  scaler: Scaler;
  health: PoolHealth;
  /** The labels as agents offer them. */
  offered: ReadonlySet<string>;
}>;

export type Situation = Readonly<{
  pools: readonly Staffed[];
  members: readonly Member[];
  lines: readonly Line[];
  now: number;
}>;

export type Start = Readonly<{ pool: string; jobIds: readonly string[]; isStanding: boolean }>;
/** Jobs for which nothing can be started now. */
export type Stuck = Readonly<{
  pool: string;
  jobIds: readonly string[];
  why: string;
  until: number;
}>;
export type Plan = Readonly<{
  starts: readonly Start[];
  stops: readonly string[];
  stuck: readonly Stuck[];
  /** When time alone may change the plan. */
  lookAgainAt: number | undefined;
}>;

/** An agent of others that leaves a fitting job alone for so long has no room, whatever it looks like. */
export const patienceMs = 5_000;
/** After its idle timeout, by which an agent should have ended by itself. */
export const idleGraceMs = 5_000;

type Need = { readonly of: Staffed; depth: number; readonly jobIds: string[] };

export function planOf(situation: Situation): Plan {
  const needs = needsOf(situation);
  const plans = needs.map((need) => planPool(need, situation));
  const due = plans.flatMap(({ lookAgainAt }) => lookAgainAt ?? []);
  return {
    starts: plans.flatMap(({ starts }) => starts),
    stops: plans.flatMap(({ stops }) => stops),
    stuck: plans.flatMap(({ stuck }) => stuck),
    lookAgainAt: due.length === 0 ? undefined : Math.min(...due),
  };
}

/** Every waiting job goes to a slot that is free or about to be, else to the first pool that has room for it. */
function needsOf({ pools, members, lines, now }: Situation): readonly Need[] {
  const needs = pools.map((of): Need => ({ of, depth: 0, jobIds: [] }));
  const needOf = new Map(needs.map((need) => [need.of.pool.name, need]));
  const free = members
    .filter(({ phase }) => phase !== 'leaving')
    .map(({ pool = '', labels, slots, load }) => {
      const need = needOf.get(pool);
      if (need !== undefined) need.depth += load;
      return { labels, need, isOurs: pool !== '', left: slots - load };
    });
  for (const { fits, waiting } of lines) {
    const slots = free.filter(({ labels, left }) => left > 0 && fits(labels));
    const able = needs.filter(({ of }) => fits(of.offered));
    for (const { jobId, since } of waiting) {
      const isPatient = now - since <= patienceMs;
      const slot = slots.find(({ left, isOurs }) => left > 0 && (isOurs || isPatient));
      if (slot !== undefined) {
        slot.left -= 1;
        if (slot.need !== undefined) slot.need.depth += 1;
        continue;
      }
      const need = able.find((each) => hasRoom(each, now)) ?? able[0];
      if (need === undefined) continue;
      need.depth += 1;
      need.jobIds.push(jobId);
    }
  }
  return needs;
}

const hasRoom = ({ of: { pool, health }, depth }: Need, now: number): boolean =>
  depth < pool.max * pool.concurrency && now >= health.backoffUntil;

function planPool({ of, depth, jobIds }: Need, { members, now }: Situation): Plan {
  const { pool, scaler, health } = of;
  const own = members.filter(({ pool: name }) => name === pool.name);
  const staying = own.filter(({ phase }) => phase !== 'leaving');
  const asked = scaler.wanted(pool.labels, depth);
  const wanted = Math.min(pool.max, Math.max(pool.min, Number.isFinite(asked) ? asked : 0));
  const standing = staying.filter(({ isStanding }) => isStanding).length;
  const missing = Math.max(0, Math.ceil(wanted) - staying.length, pool.min - standing);
  const possible = Math.min(missing, Math.max(0, pool.max - own.length));
  const isHeldBack = possible > 0 && now < startableAt(health);
  // After a failure one alone shows whether it is over.
  const isProbing = staying.some(({ phase }) => phase === 'starting');
  const most = health.failures === 0 ? possible : isProbing ? 0 : 1;
  const count = isHeldBack ? 0 : Math.min(possible, most);
  const starts = startsOf(pool, { count, standing, jobIds });
  const isStuck = possible > 0 && now < health.backoffUntil && jobIds.length > 0;
  const idle = overdueOf(of.pool, staying, { keep: Math.ceil(wanted), now });
  const due = [...(isHeldBack ? [startableAt(health)] : []), ...idle.next];
  return {
    starts,
    stops: idle.stops,
    stuck: isStuck
      ? [{ pool: pool.name, jobIds, why: health.why ?? '', until: health.backoffUntil }]
      : [],
    lookAgainAt: due.length === 0 ? undefined : Math.min(...due),
  };
}

type Starting = Readonly<{ count: number; standing: number; jobIds: readonly string[] }>;

/** The jobs that have waited longest come first. */
const startsOf = (pool: Pool, { count, standing, jobIds }: Starting): readonly Start[] =>
  Array.from({ length: count }, (_, index) => ({
    pool: pool.name,
    jobIds: jobIds.slice(index * pool.concurrency, (index + 1) * pool.concurrency),
    isStanding: standing + index < pool.min,
  }));

/** Agents end by themselves when they have been idle for long enough: these are the ones that did not. */
function overdueOf(
  pool: Pool,
  staying: readonly Member[],
  { keep, now }: Readonly<{ keep: number; now: number }>,
): Readonly<{ stops: readonly string[]; next: readonly number[] }> {
  const limitMs = pool.idleTimeoutMs + idleGraceMs;
  const idle = staying.filter(
    ({ phase, load, isStanding }) => phase === 'ready' && load === 0 && !isStanding,
  );
  const spare = Math.max(0, staying.length - keep);
  const over = idle.filter(({ idleSince }) => now - idleSince > limitMs);
  return {
    stops: over.slice(0, spare).map(({ agentId }) => agentId),
    next: idle.flatMap(({ idleSince }) =>
      now - idleSince > limitMs ? [] : [idleSince + limitMs + 1],
    ),
  };
}

/** Jobs of one kind that are worth a look: more could not be served however many agents there were. */
export const jobsMax = ({ pools, members }: Pick<Situation, 'pools' | 'members'>): number =>
  members.reduce((sum, { slots }) => sum + slots, 0) +
  pools.reduce((sum, { pool }) => sum + pool.max * pool.concurrency, 0);
