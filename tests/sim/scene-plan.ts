/** Faults that matter only together, with the work that they matter to: each was a hole in some system of this kind. */
import type { Fault } from './fault-plan.ts';
import type { Random } from './random.ts';
import { agents, gateways, schedulers, sdkAgents } from './stage-names.ts';
import { type JobPlan, type RunPlan, silentWorkFor, workFor } from './work-plan.ts';

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

/** An agent falls silent for good; while it may still be at work, something offers its job to others. */
function silent(random: Random): Scene {
  const strays = Array.from({ length: 4 }, (): Fault => {
    return { kind: 'stray', what: 'offer-busy', atMs: random.between(124_000, 230_000), forMs: 1 };
  });
  const job = jobOf(10 * minuteMs, 'seed', {
    retries: again,
    run: silentWorkFor(10 * minuteMs, []),
  });
  return { runs: [runOf(job)], faults: strays };
}

/** A scheduler has looked for signs of life and stands still; then one comes, and it goes on with what it saw. */
function lateSign(random: Random): Scene {
  const faults: Fault[] = schedulers.map((actor) => ({
    kind: 'trap',
    actor,
    milestone: 'due.read',
    how: 'freeze',
    atMs: 100_000,
    forMs: random.between(38_000, 44_000),
  }));
  const run = silentWorkFor(4 * minuteMs, [random.between(122_500, 126_000), 200_000]);
  return { runs: [runOf(jobOf(4 * minuteMs, 'seed', { retries: again, run }))], faults };
}

/** A gateway cannot reach the log from just before an offer to its agent until long after the deadline. */
function lapsed(random: Random): Scene {
  const faults: Fault[] = gateways.map((actor) => ({
    kind: 'cut-log',
    actor,
    atMs: random.between(900, 3_000),
    forMs: random.between(14_000, 24_000),
  }));
  return { runs: [runOf(jobOf(1_000, 'any'))], faults };
}

/** More jobs than one agent takes, and some of them refused or not answered. */
function crowded(random: Random): Scene {
  const agent = random.pick(agents);
  const jobs = ['one', 'two', 'three', 'four'].map((name) => ({
    ...jobOf(random.between(500, 4_000), agent),
    name,
  }));
  const freeze: Fault = {
    kind: 'freeze',
    actor: agent,
    atMs: random.between(1_400, 1_600),
    forMs: 11_500,
  };
  return {
    runs: [{ atMs: 1_500, delivery: 'scene', jobs }],
    faults: random.chance(0.5) ? [freeze] : [],
  };
}

/** Its answer was lost with its socket, and the next one dies between its greeting and its registration. */
function halfRegistered(random: Random): Scene {
  const faults: Fault[] = gateways.map((actor) => ({
    kind: 'trap',
    actor,
    milestone: 'ack.received',
    how: 'kill',
    atMs: 500,
    forMs: 4_000,
  }));
  faults.push({ kind: 'slow-net', atMs: 1_600, forMs: 12_000 });
  for (const agent of sdkAgents)
    for (let cut = 0; cut < 2; cut++)
      faults.push({ kind: 'sever', agent, atMs: random.between(2_600, 9_000), forMs: 1 });
  return { runs: [runOf(jobOf(2_000, 'sdk'))], faults };
}

/** While its answer waits in a gateway, somebody tells the agent that it may start, under another fence. */
function falseGrant(random: Random): Scene {
  const faults: Fault[] = gateways.map((actor) => ({
    kind: 'trap',
    actor,
    milestone: 'ack.received',
    how: 'freeze',
    atMs: 500,
    forMs: random.between(4_000, 7_000),
  }));
  for (const agent of sdkAgents)
    faults.push({ kind: 'false-grant', agent, atMs: random.between(1_700, 4_000), forMs: 1 });
  return { runs: [runOf(jobOf(2_000, 'sdk'))], faults };
}

/** An agent's host loses its power, and the agent is back before anybody has noticed that it was gone. */
function lostPower(random: Random): Scene {
  const agent = random.pick(agents);
  return {
    runs: [runOf(jobOf(random.between(500, 60_000), agent))],
    faults: [
      { kind: 'lose-power', actor: agent, atMs: random.between(1_600, 9_000), forMs: 500 },
      { kind: 'lose-power', actor: agent, atMs: random.between(9_000, 30_000), forMs: 500 },
    ],
  };
}

const scenes = [
  isolated,
  outage,
  unheard,
  lateSender,
  twoSockets,
  frozenLeader,
  silent,
  lateSign,
  lapsed,
  crowded,
  halfRegistered,
  falseGrant,
  lostPower,
] as const;

export const drawScene = (random: Random): Scene => random.pick(scenes)(random);
