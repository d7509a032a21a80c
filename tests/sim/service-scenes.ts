/** Scenes of services and of their log: away, cut off, frozen at the wrong moment, dead. Each was a hole in some system of this kind. */
import type { Fault } from './fault-plan.ts';
import type { Random } from './random.ts';
import { again, jobOf, minuteMs, runOf, type Scene } from './scene.ts';
import { agents, gateways, schedulers, sdkAgents, services } from './stage-names.ts';
import { silentWorkFor } from './work-plan.ts';

/** The log is away while offers are open; their answers wait in gateways. */
export function outage(random: Random): Scene {
  const atMs = random.between(1_000, 14_000);
  return {
    runs: [runOf(jobOf(1_000, 'any'), atMs - random.between(0, 900))],
    faults: [{ kind: 'outage', atMs, forMs: random.between(3_000, 58_000) }],
  };
}

/** A gateway cannot reach the log, its agents' heartbeats lie in it, and a scheduler is frozen behind its look at them. */
export function unheard(random: Random): Scene {
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
export function lateSender(random: Random): Scene {
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

/** A leader stands still between reading what is due and writing it, until another has written. */
export function frozenLeader(random: Random): Scene {
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

/** A scheduler has looked for signs of life and stands still; then one comes, and it goes on with what it saw. */
export function lateSign(random: Random): Scene {
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

/**
 * A gateway cannot reach the log from just before an offer to its agent until long after the deadline: it is waited for, or it was
 * not any more, or somebody has cancelled meanwhile, and it reads the offer when there is nothing to take.
 */
export function lapsed(random: Random): Scene {
  const then = random.pick(['waited', 'lost', 'cancelled'] as const);
  const { least, most } = {
    waited: { least: 14_000, most: 24_000 },
    lost: { least: 58_000, most: 75_000 },
    cancelled: { least: 25_000, most: 29_000 },
  }[then];
  const faults: Fault[] = gateways.map((actor) => ({
    kind: 'cut-log',
    actor,
    atMs: then === 'waited' ? random.between(900, 3_000) : random.between(1_000, 1_490),
    forMs: random.between(least, most),
  }));
  const run = runOf(jobOf(1_000, 'any'));
  const cancel = { afterMs: random.between(300, 1_500), force: false };
  // A world ends with its last run, and this one is to see the gateway come back.
  const other = { ...runOf(jobOf(minuteMs, 'sdk'), 600), delivery: 'other' };
  return { runs: then === 'cancelled' ? [other, { ...run, cancel }] : [run], faults };
}

/** Its answer was lost with its socket, and the next one dies between its greeting and its registration. */
export function halfRegistered(random: Random): Scene {
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
export function falseGrant(random: Random): Scene {
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

/** An answer comes at the very moment at which its offer expires, and is in flight when the decision is stored behind it. */
export function closeRace(random: Random): Scene {
  const forMs = random.between(10_100, 11_300);
  return {
    runs: Array.from({ length: 6 }, (_, index) => ({
      ...runOf(jobOf(500, 'sdk'), 1_500 + 20 * index),
      delivery: `scene-${index}`,
    })),
    faults: sdkAgents.map((actor) => ({ kind: 'freeze', actor, atMs: 1_450, forMs })),
    replication: { slowChance: 0.4, slowMs: 800 },
    capacity: 8,
  };
}

/** Long after its snapshot was saved every service dies, one behind the other, and goes on from there. */
export function reborn(random: Random): Scene {
  const faults = services.map((actor): Fault => {
    const atMs = random.between(65_000, 150_000);
    return { kind: random.pick(['kill', 'stop']), actor, atMs, forMs: random.between(100, 4_000) };
  });
  return {
    runs: [
      runOf(jobOf(3 * minuteMs, 'sdk')),
      { ...runOf(jobOf(2_000, 'any'), 90_000), delivery: 'second' },
    ],
    faults,
  };
}
