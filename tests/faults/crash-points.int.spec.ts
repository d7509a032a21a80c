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

describe('a service that is killed', () => {
  const seed = newSeed();
  const random = randomOf(seed);
  let servers: Awaited<ReturnType<typeof startTestServers>>;
  let crew: Crew;

  beforeAll(async () => {
    servers = await startTestServers();
    crew = await openCrew({ nats: servers.nats, databaseUrl: servers.postgres.url });
    await crew.startAll();
    await crew.world.client.applyRule();
    await crew.world.fleet.joinSdk(2);
    await crew.world.fleet.join(['honest', 'echoing', 'forgetful', 'contradicting']);
  }, 60_000);
  afterAll(async () => {
    await crew.close();
    await servers.stop();
  });

  /** Provoked again and again, for what may lie together in one passing. */
  const broken = async (one: Staying, provoke: Provoke): Promise<void> => {
    const over = new AbortController();
    void one.ended.then(() => over.abort());
    const isOver = (): boolean => over.signal.aborted;
    for (let tries = 0; tries < 8 && !isOver(); tries += 1) {
      await provoke(crew, random);
      await eventually(isOver, { withinMs: 10_000 }).catch(() => undefined);
    }
    expect(isOver() && (await one.ended)).toMatchObject({ signal: 'SIGKILL' });
  };
  const killedAt = async (...[milestone, trade, passing, provoke]: Point): Promise<void> => {
    await crew.arm(trade, { CRASH_AT: `${milestone}:${passing}` });
    await crew.world.disturbed(async () => {
      await broken(crew.one(trade), provoke);
      await crew.start(trade);
    });
  };
  const isRight = async (): Promise<void> => {
    await crew.world.quiet(60_000);
    const violations = violationsOf(await crew.world.evidence());
    expect({ seed, violations }).toEqual({ seed, violations: [] });
  };

  it.each(points)(
    'at %s (%s, passing %i) leaves everything right',
    {
      timeout: 180_000,
    },
    async (...point) => {
      await killedAt(...point);
      await isRight();
    },
  );

  it.each(starts)(
    'at %s of a start (%s) leaves everything right',
    {
      timeout: 180_000,
    },
    async (milestone, trade) => {
      // In order: whoever comes next need not wait for its lease to lapse.
      crew.one(trade).kill('SIGTERM');
      await crew.one(trade).ended;
      await crew.world.disturbed(async () => {
        await broken(await crew.start(trade, { CRASH_AT: milestone, HASTE_MS: '500' }), load);
        await crew.start(trade);
      });
      await isRight();
    },
  );

  it('at three places at random leaves everything right', { timeout: 240_000 }, async () => {
    const any = points.filter(([, , , provoke]) => provoke === load);
    for (let killed = 0; killed < 3; killed += 1) {
      const [milestone, trade] = any[Math.floor(random() * any.length)] ?? [];
      if (milestone === undefined || trade === undefined) throw new Error('no place');
      await killedAt(milestone, trade, 1 + Math.floor(random() * 5), load);
    }
    await isRight();
  });

  it('is killed at every milestone that there is', () => {
    const tested = new Set<Milestone>([...points, ...starts].map(([milestone]) => milestone));
    expect(milestones.filter((milestone) => !tested.has(milestone))).toEqual([]);
  });
});
