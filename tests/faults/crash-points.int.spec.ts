import { startTestServers } from '@waybill/embedded';
import { type Milestone, milestones } from '@waybill/process';
import { eventually } from '@waybill/process/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Staying } from '../e2e/waybill.fixture.ts';
import { violationsOf } from '../support/invariants.ts';
import { drive } from './client.fixture.ts';
import { type Crew, openCrew, type Trade } from './crew.fixture.ts';
import { draftRun, type Own } from './draft.fixture.ts';
import type { How } from './fleet.fixture.ts';
import { newSeed, type Random, randomOf } from './random.fixture.ts';

type Provoke = (crew: Crew, random: Random) => Promise<unknown>;
type Point = readonly [milestone: Milestone, trade: Trade, passing: number, provoke: Provoke];
type Manners = Parameters<Crew['world']['fleet']['join']>[0];

let jobs = 0;

/** What passes nearly every place. */
const load: Provoke = ({ world }, random) => drive(world.client, 6, random);

/** A run for an agent that has come for it. */
const oneRun =
  (agent: Manners, { how, ...own }: Own & Readonly<{ how?: How }> = {}) =>
  async ({ world }: Crew): Promise<string> => {
    jobs += 1;
    const name = `crash-${jobs}`;
    await world.fleet.join(agent, { ...how, name });
    return world.withJournal((journal) => draftRun(journal, 'main', name, own));
  };
const silent = oneRun(['mute'], { ackTimeoutMs: 1_000 });

const cancelled: Provoke = async (crew) => {
  const run = await oneRun(['honest'], { how: { workMs: 2_000 } })(crew);
  await crew.world.runIs(run, 'runs', (each) => each.jobs[0]?.state === 'running');
  await crew.world.client.cancel(run);
};

/** A scheduler that stood still for longer than offers may have gone unheard: it owes the open ones more time. */
const unheard: Provoke = async (crew) => {
  const scheduler = crew.one('scheduler');
  const run = await oneRun(['honest'], { how: { thinks: () => scheduler.ended } })(crew);
  await crew.world.runIs(run, 'is offered', (each) => each.jobs[0]?.state === 'offered');
  scheduler.kill('SIGSTOP');
  await crew.world.passes(2_500);
  scheduler.kill('SIGCONT');
};

const points: readonly Point[] = [
  ['trigger.stored', 'api', 3, load],
  ['decision.drafted', 'dispatcher', 4, load],
  ['decision.appended', 'dispatcher', 3, load],
  ['run.created', 'dispatcher', 2, load],
  ['offer.appended', 'dispatcher', 2, load],
  ['completion.appended', 'dispatcher', 2, load],
  ['cancel.appended', 'dispatcher', 1, cancelled],
  ['due.read', 'scheduler', 1, silent],
  ['expired.appended', 'scheduler', 1, silent],
  [
    'overdue.appended',
    'scheduler',
    1,
    oneRun(['honest'], { staleMs: 300, how: { workMs: 2_000 } }),
  ],
  ['extended.appended', 'scheduler', 1, unheard],
  ['offer.read', 'agent-gateway', 2, load],
  ['frame.sent', 'agent-gateway', 2, load],
  ['ack.received', 'agent-gateway', 2, load],
  ['ack.appended', 'agent-gateway', 2, load],
  ['status.received', 'agent-gateway', 3, load],
  ['status.appended', 'agent-gateway', 3, load],
  ['registered.appended', 'agent-gateway', 1, oneRun(['honest'])],
  ['lost.appended', 'agent-gateway', 1, oneRun(['returning'])],
  ['returned.appended', 'agent-gateway', 1, oneRun(['dying'])],
  ['disconnected.appended', 'agent-gateway', 1, oneRun(['returning'])],
  ['rows.written', 'projector', 3, load],
  ['record.written', 'projector', 2, load],
  ['rows.committed', 'projector', 3, load],
];

/** What is passed in a start, or some time after it. */
const starts = [
  ['lease.gained', 'dispatcher'],
  ['lease.gained', 'agent-gateway'],
  ['snapshot.saved', 'dispatcher'],
  ['snapshot.saved', 'scheduler'],
  ['snapshot.saved', 'agent-gateway'],
] as const satisfies readonly (readonly [Milestone, Trade])[];

/** With what is to be under way wherever somebody is killed. */
async function worldOfCrew() {
  const servers = await startTestServers();
  const crew = await openCrew({ nats: servers.nats, databaseUrl: servers.postgres.url });
  await crew.startAll();
  await crew.world.client.applyRule();
  await crew.world.fleet.joinSdk(2);
  await crew.world.fleet.join(['honest', 'echoing', 'forgetful', 'contradicting']);
  const close = async (): Promise<void> => {
    await crew.close();
    await servers.stop();
  };
  return { crew, close };
}

/** The wait for a crew counts. */
const bound = { timeout: 240_000 };

describe('a service that is killed', () => {
  const seed = newSeed();
  const random = randomOf(seed);
  const everybody: Awaited<ReturnType<typeof worldOfCrew>>[] = [];
  const idle: Crew[] = [];
  const waiting: ((crew: Crew) => void)[] = [];

  beforeAll(async () => {
    everybody.push(...(await Promise.all([worldOfCrew(), worldOfCrew()])));
    idle.push(...everybody.map(({ crew }) => crew));
  }, 120_000);
  afterAll(async () => {
    await Promise.all(everybody.map(({ close }) => close()));
  });

  /** Most of the time goes by in waiting for leases to lapse: so two crews are at work, each in one test at a time. */
  const withCrew = async (work: (crew: Crew) => Promise<void>): Promise<void> => {
    const { promise, resolve } = Promise.withResolvers<Crew>();
    const found = idle.pop();
    if (found === undefined) waiting.push(resolve);
    else resolve(found);
    const crew = await promise;
    try {
      await work(crew);
      await crew.world.quiet(60_000);
      const violations = violationsOf(await crew.world.evidence());
      expect({ seed, violations }).toEqual({ seed, violations: [] });
    } finally {
      const next = waiting.shift();
      if (next === undefined) idle.push(crew);
      else next(crew);
    }
  };
  /** Provoked again and again, for what may lie together in one passing. */
  const broken = async (crew: Crew, one: Staying, provoke: Provoke): Promise<void> => {
    const over = new AbortController();
    void one.ended.then(() => over.abort());
    const isOver = (): boolean => over.signal.aborted;
    for (let tries = 0; tries < 8 && !isOver(); tries += 1) {
      await provoke(crew, random);
      await eventually(isOver, { withinMs: 10_000 }).catch(() => undefined);
    }
    expect(isOver() && (await one.ended)).toMatchObject({ signal: 'SIGKILL' });
  };
  const killedAt = async (
    crew: Crew,
    [milestone, trade, passing, provoke]: Point,
  ): Promise<void> => {
    await crew.arm(trade, { CRASH_AT: `${milestone}:${passing}` });
    await crew.world.disturbed(async () => {
      await broken(crew, crew.one(trade), provoke);
      await crew.start(trade);
    });
  };

  it.concurrent.each(points)('at %s (%s, passing %i) leaves everything right', bound, (...point) =>
    withCrew((crew) => killedAt(crew, point)),
  );

  it.concurrent.each(starts)(
    'at %s of a start (%s) leaves everything right',
    bound,
    (milestone, trade) =>
      withCrew(async (crew) => {
        // In order: whoever comes next need not wait for its lease to lapse.
        crew.one(trade).kill('SIGTERM');
        await crew.one(trade).ended;
        await crew.world.disturbed(async () => {
          const fault = { CRASH_AT: milestone, HASTE_MS: '500' };
          await broken(crew, await crew.start(trade, fault), load);
          await crew.start(trade);
        });
      }),
  );

  it.concurrent('at three places at random leaves everything right', bound, () =>
    withCrew(async (crew) => {
      const any = points.filter(([, , , provoke]) => provoke === load);
      for (let killed = 0; killed < 3; killed += 1) {
        const [milestone, trade] = any[Math.floor(random() * any.length)] ?? [];
        if (milestone === undefined || trade === undefined) throw new Error('no place');
        await killedAt(crew, [milestone, trade, 1 + Math.floor(random() * 5), load]);
      }
    }),
  );

  it('is killed at every milestone that there is', () => {
    const tested = new Set<Milestone>([...points, ...starts].map(([milestone]) => milestone));
    expect(milestones.filter((milestone) => !tested.has(milestone))).toEqual([]);
  });
});
