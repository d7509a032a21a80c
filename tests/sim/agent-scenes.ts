/** Scenes of agents: gone, silent, full, refused, on two sockets at once. Each was a hole in some system of this kind. */
import type { Fault } from './fault-plan.ts';
import type { Random } from './random.ts';
import { again, jobOf, minuteMs, runOf, type Scene } from './scene.ts';
import { agents, sdkAgents, seedAgent } from './stage-names.ts';
import { refusedWorkFor, silentWorkFor } from './work-plan.ts';

/** An agent works on, and nobody can reach it until its job is another's. */
export function isolated(random: Random): Scene {
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

/** Two sockets of one agent: the old one is half dead, and speaks up when the new one is there. */
export function twoSockets(random: Random): Scene {
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

/** An agent falls silent for good; while it may still be at work, something offers its job to others. */
export function silent(random: Random): Scene {
  const strays = Array.from({ length: 4 }, (): Fault => {
    return { kind: 'stray', what: 'offer-busy', atMs: random.between(124_000, 230_000), forMs: 1 };
  });
  const job = jobOf(10 * minuteMs, 'seed', {
    retries: again,
    run: silentWorkFor(10 * minuteMs, []),
  });
  return { runs: [runOf(job)], faults: strays };
}

/** More jobs than one agent takes, and some of them refused or not answered. */
export function crowded(random: Random): Scene {
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

/** An agent's host loses its power, and the agent is back before anybody has noticed that it was gone. */
export function lostPower(random: Random): Scene {
  const agent = random.pick(agents);
  return {
    runs: [runOf(jobOf(random.between(500, 60_000), agent))],
    faults: [
      { kind: 'lose-power', actor: agent, atMs: random.between(1_600, 9_000), forMs: 500 },
      { kind: 'lose-power', actor: agent, atMs: random.between(9_000, 30_000), forMs: 500 },
    ],
  };
}

/** So many offers expire at once that it is more likely our fault than the agents'. */
export function massExpiry(random: Random): Scene {
  const jobs = Array.from({ length: 30 }, (_, index) => ({
    ...jobOf(random.between(100, 2_000), 'agent-1'),
    name: `mass-${index}`,
  }));
  const forMs = random.between(12_000, 30_000);
  return {
    runs: [{ atMs: 1_500, delivery: 'scene', jobs }],
    faults: [{ kind: 'freeze', actor: 'agent-1', atMs: 1_400, forMs }],
    capacity: 30,
  };
}

/** A scaler's agent is gone before it has answered, and gone again while it works. */
export function scaledDown(random: Random): Scene {
  const agent = random.pick(agents);
  return {
    runs: [runOf(jobOf(random.between(500, 20_000), agent, { retries: again }))],
    faults: [
      { kind: 'freeze', actor: agent, atMs: 1_400, forMs: random.between(4_000, 9_000) },
      { kind: 'cut', agent, atMs: random.between(1_600, 3_500), forMs: 1 },
      { kind: 'cut', agent, atMs: random.between(11_000, 20_000), forMs: 1 },
    ],
    scaled: [agent],
  };
}

/** A person takes the only agent out of use while jobs wait for it. */
export function drained(random: Random): Scene {
  const agent = random.pick(agents);
  const forMs = random.between(25_000, 60_000);
  const jobs = ['one', 'two', 'three'].map((name) => ({
    ...jobOf(random.between(2_000, 12_000), agent),
    name,
  }));
  return {
    runs: [{ atMs: 1_500, delivery: 'scene', jobs }],
    faults: [{ kind: 'drain', agent, atMs: random.between(1_000, 6_000), forMs }],
  };
}

/** The only agent says busy again and again, though it has shown that it has room. */
export function busyFleet(random: Random): Scene {
  const jobs = ['one', 'two'].map((name) => ({
    ...jobOf(0, seedAgent),
    name,
    run: refusedWorkFor(random.between(500, 2_000), random.whole(1, 6)),
  }));
  return { runs: [{ atMs: 1_500, delivery: 'scene', jobs }], faults: [] };
}
