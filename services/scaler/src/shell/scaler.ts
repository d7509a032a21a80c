/**
 * The scaler's parts, wired: it folds runs and agents of its org whoever holds the leases of its pools, and does what its desk plans
 * for those that it holds. Before an agent is made the log has said so, expecting that no other scaler has said anything since: two scalers never
 * make two agents of one need.
 */
import type { Decider, DeciderOptions } from '@waybill/fold';
import { openLiveRuns } from '@waybill/fold';
import { type Lease, refuseNewer } from '@waybill/journal';
import { newId, type Timer } from '@waybill/process';
import {
  agentDraft,
  allSubjects,
  holdsLease,
  partitionFilters,
  partitionOf,
  partitionsMax,
  readAgentMessage,
  subjects,
} from '@waybill/protocol';
import type { Pool, Scaler } from '../domain/scaler.ts';
import { createScalerDesk, type Failure } from '../domain/scaler-desk.ts';
import type { Start } from '../domain/staffing.ts';
import type { AgentMaker, Made } from './agent-maker.ts';

export type ScalerOptions = Omit<DeciderOptions, 'partitions'> &
  Readonly<{
    org: string;
    pools: readonly Readonly<{ pool: Pool; scaler: Scaler }>[];
    openMaker: (onEnd: (agentId: string, why: string) => void) => AgentMaker;
  }>;

const LEASE_TTL_MS = 5_000;
/** Whatever happens within is one look. */
const SETTLE_MS = 50;
/** Time is passing, and a host's clock is no one's truth. */
const LOOK_MS = 1_000;
const APPEND_MS = 2_000;
const FAREWELL_MS = 1_000;
/** For a process that has not even registered. */
const KILL_MS = 5_000;
/** Of 32 letters each: enough to tell apart all that a pool ever makes. */
const idChars = 12;
const source = '/waybill/scaler';
/** Only what begins and ends sessions: what agents have in hand is known from runs. */
const told = ['spawned', 'registered', 'present', 'draining', 'disconnected'];

export async function openScaler(o: ScalerOptions): Promise<Decider> {
  const { journal, clock, log, org, onFailure } = o;
  const by = `scaler-${newId()}`;
  const pools = new Map(o.pools.map(({ pool }) => [pool.name, pool]));
  const partition = { index: partitionOf(org, partitionsMax), count: partitionsMax };
  const onFailed = ({ agentId, pool, why, failures }: Failure): void =>
    log.warn({ agent: agentId, pool, why, failures }, 'an agent did not come to work');
  const desk = createScalerDesk({ org, by, pools: o.pools, onFailure: onFailed });
  const leases = new Map<string, Lease>();
  let state: 'folding' | 'open' | 'stopped' = 'folding';
  let isWorking = false;
  /** Something has moved while the plan was carried out. */
  let isStale = false;
  let soon: Timer | undefined;
  let alarm: Timer | undefined;

  const isHeld = (pool: string): boolean => holdsLease(leases.get(pool)?.epoch());
  const holdsAny = (): boolean => [...leases.keys()].some(isHeld);
  const moved = (): void => {
    if (state !== 'open') return;
    soon ??= clock.after(SETTLE_MS, look, { background: true });
  };
  const maker = o.openMaker((agentId, why) => {
    desk.ended(agentId, why, live.serverNow());
    moved();
  });
  const live = await openLiveRuns({
    journal,
    clock,
    log,
    name: `scaler.${org}`,
    partition,
    onRestored: (run) => {
      if (run.created?.org === org) desk.restored(run.created.runId, run);
    },
    onEvent: ({ event, run, isVoid }) => {
      desk.heardRun(event, run, isVoid);
      moved();
    },
    onFailure,
    maySave: holdsAny,
  });
  const [place = allSubjects.agents] = partitionFilters('agent', partition);
  const agents = await journal.read({
    stream: 'WB_AGENTS',
    from: undefined,
    filters: told.map((type) => place.replace('>', `*.*.${type}`)),
    onMessage: (message) => {
      const event = readAgentMessage(message);
      if (event?.type === 'unreadable') refuseNewer(message, event.problem, log);
      if (event === undefined) return;
      live.observe(event.at);
      desk.heardAgent(event);
      moved();
    },
    onFailure,
  });
  const gateways = await journal.watchLeases({
    prefix: 'gateway.',
    onChange: (name, held) => {
      desk.heardGateway(name, held !== undefined);
      moved();
    },
    onFailure,
  });

  const look = (): void => {
    soon = undefined;
    if (state !== 'open' || !holdsAny()) return;
    isStale = isWorking;
    if (isWorking) return;
    isWorking = true;
    alarm?.cancel();
    void work()
      .catch((error: unknown) => {
        log.warn({ err: error }, 'a look at the pools failed; another one follows');
        return LOOK_MS;
      })
      .then((waitMs) => {
        isWorking = false;
        alarm = clock.after(isStale ? SETTLE_MS : waitMs, look, { background: true });
      });
  };
  /** Resolves with how long nothing has to be done, as far as is known. */
  const work = async (): Promise<number> => {
    const now = live.serverNow();
    const { starts, stops, gone, stuck, lookAgainAt } = desk.plan(now);
    for (const agentId of gone) maker.end(agentId, KILL_MS);
    for (const agentId of stops) if (maker.has(agentId)) await dismiss(agentId, APPEND_MS);
    for (const { pool, jobIds, why } of stuck)
      log.debug({ pool, jobs: jobIds, why }, 'jobs wait for agents that do not come up');
    for (const start of starts) if (isHeld(start.pool) && !(await begun(start))) break;
    const waitMs = lookAgainAt === undefined ? LOOK_MS : lookAgainAt - now;
    return Math.max(SETTLE_MS, Math.min(LOOK_MS, waitMs));
  };
  /** False where the log did not take it, or somebody else was first: then everything is looked at again. */
  const begun = async ({ pool: name, jobIds, isStanding }: Start): Promise<boolean> => {
    const pool = pools.get(name);
    if (pool === undefined) return false;
    const agentId = `${name}-${newId().slice(-idChars)}`;
    const { labels, concurrency: maxConcurrency } = pool;
    const what = { agentId, pool: name, jobIds, standing: isStanding, labels, maxConcurrency, by };
    const draft = agentDraft({
      org,
      agentId,
      type: 'spawned',
      id: `${org}:${agentId}:spawned`,
      gateway: '',
      source,
      body: JSON.stringify(what),
    });
    const expect = { filter: subjects.agentsEvent(org, 'spawned'), lastSeq: desk.lastSpawned() };
    const answer = await journal.append(draft, expect, { deadlineMs: APPEND_MS });
    if (answer.outcome !== 'stored') {
      log.info({ pool: name, answer }, 'no agent is made now');
      // What the desk had seen last has aged out.
      if (answer.outcome === 'conflict' && answer.lastSeq < expect.lastSeq)
        desk.spawnedWas(answer.lastSeq);
      return false;
    }
    desk.starting({ agentId, seq: answer.seq, pool: name, jobIds, isStanding }, live.serverNow());
    log.info({ agent: agentId, pool: name, jobs: jobIds }, 'an agent is started');
    // Its process would end with this one that is already stopping.
    if (state === 'open') make({ agentId, pool, isStanding });
    return true;
  };
  const make = (made: Made): void => {
    try {
      maker.make(made);
    } catch (error) {
      log.error({ err: error, agent: made.agentId }, 'no process can be made');
      desk.ended(made.agentId, 'no process can be made', live.serverNow());
    }
  };
  /** Nothing more is offered to it first, so that its end meets no offer on the way. */
  const dismiss = async (agentId: string, deadlineMs: number): Promise<void> => {
    const body = JSON.stringify({ draining: true, by });
    const id = `${org}:${agentId}:dismissed`;
    const draft = agentDraft({ org, agentId, type: 'draining', id, gateway: '', source, body });
    await journal.append(draft, undefined, { deadlineMs });
    maker.end(agentId);
  };

  const begin = async (): Promise<void> => {
    await Promise.all([live.reader.caughtUp, agents.caughtUp, gateways.caughtUp]);
    if (state === 'stopped') return;
    state = 'open';
    desk.begin();
    for (const pool of pools.keys()) {
      const about = { name: `scaler.${org}.${pool}`, holder: by, ttlMs: LEASE_TTL_MS };
      leases.set(pool, journal.lease({ ...about, onGained: look }));
    }
  };
  const caughtUp = begin();
  // Whoever does not wait for it hears of it by `onFailure`.
  caughtUp.catch(() => undefined);
  return {
    caughtUp,
    check: () => {
      const reason = desk.trouble();
      return reason === undefined
        ? { ready: true }
        : { ready: true, reason: `degraded: ${reason}` };
    },
    stop: async () => {
      state = 'stopped';
      soon?.cancel();
      alarm?.cancel();
      const mine = desk.agents().filter(maker.has);
      await Promise.all(mine.map((agentId) => dismiss(agentId, FAREWELL_MS)));
      await maker.close();
      await Promise.all([...leases.values()].map((lease) => lease.release()));
      await Promise.all([live.stop(), agents.stop(), gateways.stop()]);
    },
  };
}
