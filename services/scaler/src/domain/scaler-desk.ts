/**
 * Told what the log says of runs and agents, and what becomes of processes; says which agents to start and which to let go, and why
 * nothing can be started. Deterministic: time comes with each question. It folds all the while, whoever holds the lease.
 */
import type { AgentEvent, Run, RunEvent } from '@waybill/protocol';
import { currentAttempt, offeredLabels } from '@waybill/protocol';
import { type AgentBook, type BookedAgent, createAgentBook } from './agent-book.ts';
import { backoff, failed, healthy, type PoolHealth, proven, started } from './pool-health.ts';
import { createQueue, type Queue } from './queue.ts';
import type { Pool, Scaler } from './scaler.ts';
import { jobsMax, type Member, type Plan, planOf, type Staffed, type Start } from './staffing.ts';

export type Failure = Readonly<{
  pool: string;
  agentId: string;
  why: string;
  failures: number;
  /** Server time before which nothing is started. */
  until: number;
}>;

export type ScalerDesk = Readonly<{
  restored(runId: string, run: Run): void;
  heardRun(event: RunEvent, run: Run, isVoid: boolean): void;
  heardAgent(event: AgentEvent): void;
  heardGateway(lease: string, isHeld: boolean): void;
  /** Everything is folded that was there: what fails from now on has failed just now. */
  begin(): void;
  /** The process of an agent of ours has ended, or could not be started. */
  ended(agentId: string, why: string, now: number): void;
  /** What to do now; `gone`: agents that were given up, whose processes are to go too. */
  plan(now: number): Plan & Readonly<{ gone: readonly string[] }>;
  /** The log has our word that this agent is about to come. */
  starting(start: Start & Readonly<{ agentId: string; seq: number }>, now: number): void;
  agents(): readonly string[];
  /** Why a pool cannot start anything; undefined while all can. */
  trouble(): string | undefined;
  /** Of the last word of any scaler that an agent is about to come; 0 for none. */
  lastSpawned(): number;
  /** What was last is not there any more: this is. */
  spawnedWas(seq: number): void;
}>;

export type ScalerDeskOptions = Readonly<{
  org: string;
  /** This process, as its `spawned` events name it. */
  by: string;
  pools: readonly Readonly<{ pool: Pool; scaler: Scaler }>[];
  onFailure: (failure: Failure) => void;
}>;

/** Who was started by another scaler that has lost the lease is soon there, or will never be. */
const strangerMs = 5_000;
/** Who has lost its gateway goes on with its work, and comes back; one that has ended is heard of in another way. */
const awayMs = 300_000;
/** Of pools that only other scalers know, and their times. */
const unknownMs = 30_000;

export function createScalerDesk(o: ScalerDeskOptions): ScalerDesk {
  const health = new Map<string, PoolHealth>();
  const staffed = o.pools.map(({ pool, scaler }) => ({
    pool,
    scaler,
    offered: offeredLabels(pool.labels),
  }));
  const poolOf = (name: string | undefined): Pool | undefined =>
    staffed.find(({ pool }) => pool.name === name)?.pool;
  const healthOf = (pool: string): PoolHealth => health.get(pool) ?? healthy;
  let hasBegun = false;
  let spawnedSeq = 0;
  /** Why the next agent that leaves the book does, and when. */
  let ending = { why: '', now: 0 };

  const queue: Queue = createQueue((agentId, load) => book.loaded(agentId, load, at));
  const book: AgentBook = createAgentBook({
    org: o.org,
    by: o.by,
    load: queue.load,
    onProven: ({ spawn }) => {
      if (hasBegun && spawn !== undefined) health.set(spawn.pool, proven(healthOf(spawn.pool)));
    },
    onEnd: (agent) => judge(agent),
  });
  /** Of the event that is being told. */
  let at = 0;

  /** One that never came, or that went without the job that it came for, has failed. */
  const judge = ({ agentId, spawn, hasRegistered, hasWorked }: BookedAgent): void => {
    if (!hasBegun || spawn === undefined || poolOf(spawn.pool) === undefined) return;
    const isMissed = spawn.jobIds.some(queue.isWaiting);
    if (hasRegistered && (hasWorked || !isMissed)) return;
    const why = hasRegistered ? 'it left without the job that it was made for' : ending.why;
    const next = failed(healthOf(spawn.pool), why, ending.now);
    health.set(spawn.pool, next);
    const { failures, backoffUntil: until } = next;
    o.onFailure({ pool: spawn.pool, agentId, why, failures, until });
  };
  const end = (agentId: string, why: string, now: number): void => {
    ending = { why, now };
    book.gone(agentId);
  };

  /** Those that should be there by now. */
  const overdue = (now: number): readonly string[] => {
    const late = [...book.agents()].filter(
      (agent) => agent.session === undefined && now > dueOf(agent),
    );
    for (const agent of late) {
      const isLongAgo = now - dueOf(agent) > backoff.capMs;
      if (isLongAgo) agent.spawn = undefined;
      end(agent.agentId, 'it did not register in time', now);
    }
    return late.map(({ agentId }) => agentId);
  };
  const dueOf = ({ spawn, awaySince, hasRegistered }: BookedAgent): number => {
    if (hasRegistered) return awaySince + awayMs;
    const limitMs = poolOf(spawn?.pool)?.startTimeoutMs;
    if (limitMs === undefined) return awaySince + unknownMs;
    return awaySince + (spawn?.by === o.by ? limitMs : Math.min(limitMs, strangerMs));
  };

  const memberOf = (agent: BookedAgent): Member | undefined => {
    const { agentId, spawn, session, load, idleSince } = agent;
    const pool = poolOf(spawn?.pool);
    const isStanding = spawn?.isStanding === true;
    const own = { agentId, pool: pool?.name, load, isStanding, idleSince };
    if (session === undefined) {
      if (spawn === undefined) return undefined;
      const phase = agent.hasRegistered ? 'leaving' : 'starting';
      return { ...own, labels: offeredLabels(spawn.labels), slots: spawn.slots, phase };
    }
    const isGone = agent.isLeaving || agent.isDrained || !book.isPresent(session);
    // One of another scaler is somewhere else by now, or nowhere.
    if (!book.isPresent(session) && spawn !== undefined && spawn.by !== o.by) return undefined;
    const { labels, capacity: slots } = session;
    return { ...own, labels, slots, phase: isGone ? 'leaving' : 'ready' };
  };
  const nextOverdue = (): readonly number[] =>
    [...book.agents()].flatMap((agent) => (agent.session === undefined ? [dueOf(agent) + 1] : []));

  return {
    restored: queue.heard,
    heardRun: (event, run, isVoid) => {
      if (isVoid || event.org !== o.org) return;
      at = event.at;
      if (event.type === 'job.expired' || isFarewell(event)) {
        const job = run.jobs.find(({ spec }) => spec.jobId === event.meta.jobId);
        const attempt = job === undefined ? undefined : currentAttempt(job);
        if (attempt !== undefined) book.left(attempt.agentId);
      }
      queue.heard(event.runId, run);
    },
    heardAgent: (event) => {
      if (event.org !== o.org) return;
      if (event.type === 'spawned') {
        spawnedSeq = Math.max(spawnedSeq, event.seq);
        // Told when it was stored; one of which we never heard that it is was never made.
        if (event.body.by === o.by) return;
      }
      ending = { why: '', now: event.at };
      book.heard(event);
    },
    heardGateway: book.heardGateway,
    begin: () => {
      hasBegun = true;
    },
    ended: end,
    plan: (now) => {
      const gone = overdue(now);
      const members = [...book.agents()].flatMap((agent) => memberOf(agent) ?? []);
      const pools = staffed.map((each): Staffed => ({ ...each, health: healthOf(each.pool.name) }));
      const lines = queue.lines(now, jobsMax({ pools, members }));
      const plan = planOf({ pools, members, lines, now });
      const times = [plan.lookAgainAt, queue.nextDue(now), ...nextOverdue()];
      const due = times.filter((time) => time !== undefined);
      return { ...plan, gone, lookAgainAt: due.length === 0 ? undefined : Math.min(...due) };
    },
    starting: ({ agentId, seq, pool, jobIds, isStanding }, now) => {
      spawnedSeq = seq;
      health.set(pool, started(healthOf(pool), now));
      const { labels = [], concurrency: slots = 1 } = poolOf(pool) ?? {};
      book.spawned(agentId, { pool, jobIds, isStanding, labels, slots, by: o.by }, now);
    },
    agents: () => [...book.agents()].map(({ agentId }) => agentId),
    trouble: () => {
      for (const [pool, { failures, why }] of health)
        if (failures > 0) return `agents of pool ${pool} do not come up: ${why}`;
      return undefined;
    },
    lastSpawned: () => spawnedSeq,
    spawnedWas: (seq) => {
      spawnedSeq = seq;
    },
  };
}

const isFarewell = (event: RunEvent): boolean =>
  event.type === 'job.reject' && event.body.reason === 'draining';
