/** Faults that matter only together, with the work that they matter to: each was a hole in some system of this kind. */
import type { Fault } from './fault-plan.ts';
import type { Random } from './random.ts';
import { agents, gateways, schedulers, sdkAgents } from './stage-names.ts';
import { type JobPlan, type RunPlan, workFor } from './work-plan.ts';

export type Scene = Readonly<{ runs: readonly RunPlan[]; faults: readonly Fault[] }>;

const minuteMs = 60_000;

const jobOf = (ms: number, runsOn: string, more: Partial<JobPlan> = {}): JobPlan => ({
  name: 'long',
  runsOn: [runsOn],
  needs: [],
  run: workFor(ms),
  ...more,
});
const runOf = (job: JobPlan, atMs = 1_500): RunPlan => ({ atMs, delivery: 'scene', jobs: [job] });
const again = [
  { on: ['agent_lost', 'timed_out_stale'], max: 2, backoffMs: 200 },
] as const satisfies JobPlan['retries'];

/** An agent works on, and nobody can reach it until its job is another's. */
function isolated(random: Random): Scene {
  const agent = random.pick(sdkAgents);
  const atMs = random.between(4_000, 20_000);
  return {
    // Both agents of our SDK may have it; whoever has it is isolated.
    runs: [runOf(jobOf(8 * minuteMs, 'sdk', { retries: again }))],
    faults: sdkAgents.map((each) => ({
      kind: 'isolate',
      agent: each,
      atMs,
      forMs: each === agent ? 6 * minuteMs : random.between(100, 3_000),
    })),
  };
}

/** The log is away while offers are open; their answers wait in gateways. */
function outage(random: Random): Scene {
  const atMs = random.between(1_000, 14_000);
  return {
    runs: [runOf(jobOf(1_000, 'any'), atMs - random.between(0, 900))],
    faults: [{ kind: 'outage', atMs, forMs: random.between(3_000, 58_000) }],
  };
}

/** A gateway cannot reach the log, its agents' heartbeats lie in it, and a scheduler is frozen behind its look at them. */
function unheard(random: Random): Scene {
  const atMs = random.between(8_000, 20_000);
  const faults: Fault[] = gateways.map((actor) => ({
    kind: 'cut-log',
    actor,
    atMs,
    forMs: random.between(100_000, 140_000),
  }));
  for (const actor of schedulers)
    faults.push({
      kind: 'trap',
      actor,
      milestone: 'due.read',
      how: 'freeze',
      atMs: 100_000,
      forMs: 60_000,
    });
  return { runs: [runOf(jobOf(5 * minuteMs, 'sdk', { retries: again }))], faults };
}

/** A gateway reads an offer and stands still until long after it was settled. */
function lateSender(random: Random): Scene {
  const faults: Fault[] = gateways.map((actor) => ({
    kind: 'trap',
    actor,
    milestone: 'offer.read',
    how: 'freeze',
    atMs: random.between(500, 1_400),
    forMs: random.between(20_000, 50_000),
  }));
  return { runs: [runOf(jobOf(1_000, 'any'))], faults };
}

/** Two sockets of one agent: the old one is half dead, and speaks up when the new one is there. */
function twoSockets(random: Random): Scene {
  const agent = random.pick(agents);
  return {
    runs: [runOf(jobOf(30_000, agent))],
    faults: [
      { kind: 'slow-net', atMs: 1_000, forMs: 20_000 },
      { kind: 'cut', agent, atMs: random.between(2_000, 9_000), forMs: 100 },
      { kind: 'cut', agent, atMs: random.between(2_000, 9_000), forMs: 100 },
      { kind: 'sever', agent, atMs: random.between(2_000, 9_000), forMs: 100 },
    ],
  };
}

/** A leader stands still between reading what is due and writing it, until another has written. */
function frozenLeader(random: Random): Scene {
  const faults: Fault[] = schedulers.map((actor) => ({
    kind: 'trap',
    actor,
    milestone: 'due.read',
    how: 'freeze',
    atMs: 1_000,
    forMs: random.between(11_000, 30_000),
  }));
  const agent = random.pick(agents);
  faults.push({ kind: 'freeze', actor: agent, atMs: 1_400, forMs: random.between(9_000, 14_000) });
  return { runs: [runOf(jobOf(3_000, agent))], faults };
}

const scenes = [isolated, outage, unheard, lateSender, twoSockets, frozenLeader] as const;

export const drawScene = (random: Random): Scene => random.pick(scenes)(random);
