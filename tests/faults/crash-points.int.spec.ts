import { startTestServers } from '@waybill/embedded';
import type { Milestone } from '@waybill/process';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { violationsOf } from '../support/invariants.ts';
import { type Client, drive, oneJobOn } from './client.fixture.ts';
import { type Crew, openCrew, type Trade } from './crew.fixture.ts';
import { draftRun, type Times } from './draft.fixture.ts';
import type { FaultWorld } from './fault-world.fixture.ts';
import { newSeed, type Random, randomOf } from './random.fixture.ts';

type Provoke = (world: FaultWorld, random: Random) => Promise<void>;
type Point = readonly [milestone: Milestone, trade: Trade, passing: number, provoke: Provoke];

let jobs = 0;

/** What passes nearly every place. */
const load: Provoke = ({ client }, random) => drive(client, 6, random);
/** A job on an agent of that manner which comes for it. */
const one =
  (manner: Parameters<FaultWorld['fleet']['join']>[0]): Provoke =>
  async ({ fleet, client }: { fleet: FaultWorld['fleet']; client: Client }) => {
    jobs += 1;
    const name = `crash-${jobs}`;
    await fleet.join(manner, { name });
    await client.ask(oneJobOn(name));
  };
const drafted =
  (manner: Parameters<FaultWorld['fleet']['join']>[0], times: Times): Provoke =>
  async ({ fleet, withJournal }) => {
    jobs += 1;
    const name = `crash-${jobs}`;
    await fleet.join(manner, { name });
    await withJournal((journal) => draftRun(journal, 'main', name, times));
  };

const points: readonly Point[] = [
  ['trigger.stored', 'api', 3, load],
  ['decision.drafted', 'dispatcher', 4, load],
  ['decision.appended', 'dispatcher', 3, load],
  ['run.created', 'dispatcher', 2, load],
  ['offer.appended', 'dispatcher', 2, load],
  ['completion.appended', 'dispatcher', 2, load],
  ['due.read', 'scheduler', 1, drafted(['mute'], { ackTimeoutMs: 1_000 })],
  ['expired.appended', 'scheduler', 1, drafted(['mute'], { ackTimeoutMs: 1_000 })],
  ['offer.read', 'agent-gateway', 2, load],
  ['frame.sent', 'agent-gateway', 2, load],
  ['ack.received', 'agent-gateway', 2, load],
  ['ack.appended', 'agent-gateway', 2, load],
  ['status.received', 'agent-gateway', 3, load],
  ['status.appended', 'agent-gateway', 3, load],
  ['registered.appended', 'agent-gateway', 1, one(['honest'])],
  ['lost.appended', 'agent-gateway', 1, one(['returning'])],
  ['returned.appended', 'agent-gateway', 1, one(['dying'])],
  ['disconnected.appended', 'agent-gateway', 1, one(['returning'])],
  ['rows.written', 'projector', 3, load],
  ['record.written', 'projector', 2, load],
  ['rows.committed', 'projector', 3, load],
];

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

  const killedAt = async (
    milestone: Milestone,
    trade: Trade,
    passing: number,
    provoke: Provoke,
  ): Promise<void> => {
    await crew.arm(trade, { CRASH_AT: `${milestone}:${passing}` });
    const { ended } = crew.one(trade);
    await provoke(crew.world, random);
    await crew.world.disturbed(async () => {
      expect(await ended).toMatchObject({ signal: 'SIGKILL' });
      await crew.start(trade);
    });
  };
  const isRight = async (): Promise<void> => {
    await crew.world.quiet(40_000);
    const violations = violationsOf(await crew.world.evidence());
    expect({ seed, violations }).toEqual({ seed, violations: [] });
  };

  it.each(points)(
    'at %s (%s, passing %i) leaves everything right',
    { timeout: 60_000 },
    async (...point) => {
      await killedAt(...point);
      await isRight();
    },
  );

  it('at three places at random leaves everything right', { timeout: 60_000 }, async () => {
    const any = points.filter(([, , , provoke]) => provoke === load);
    for (let killed = 0; killed < 3; killed += 1) {
      const [milestone, trade] = any[Math.floor(random() * any.length)] ?? points[0] ?? [];
      if (milestone === undefined || trade === undefined) throw new Error('no place');
      await killedAt(milestone, trade, 1 + Math.floor(random() * 5), load);
    }
    await isRight();
  });
});
