import { jetstreamManager } from '@nats-io/jetstream';
import { connect } from '@nats-io/transport-node';
import { startTestServers } from '@waybill/embedded';
import { type Cluster, startCluster } from '@waybill/journal/testing';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { summaryOf } from '../support/evidence-summary.ts';
import { violationsOf } from '../support/invariants.ts';
import { drive } from './client.fixture.ts';
import { type Crew, openCrew } from './crew.fixture.ts';
import { newSeed, randomOf } from './random.fixture.ts';

const user = 'operator';

describe('a Waybill on three nats-servers', () => {
  let cluster: Cluster;
  let servers: Awaited<ReturnType<typeof startTestServers>>;
  let crew: Crew;

  beforeEach(async () => {
    [cluster, servers] = await Promise.all([startCluster(), startTestServers({ nats: false })]);
    const nats = { url: cluster.url, user, password: user };
    crew = await openCrew({ nats, databaseUrl: servers.postgres.url });
    // Whoever comes later leaves replicas alone.
    await crew.world.withJournal((journal) => journal.provision({ replicas: 3 }));
    await crew.startAll();
  });
  afterEach(async () => {
    await crew.close();
    await Promise.all([cluster.stop(), servers.stop()]);
  });

  const leaderOf = async (stream: string): Promise<string> => {
    const nc = await connect({ servers: cluster.url.split(','), user, pass: user });
    const { cluster: info } = await (await jetstreamManager(nc)).streams.info(stream);
    await nc.close();
    return info?.leader ?? '';
  };

  it('goes on when the leader of its runs is killed with jobs in flight, and loses and doubles nothing', {
    timeout: 240_000,
  }, async () => {
    const seed = newSeed();
    const random = randomOf(seed);
    const { world } = crew;
    await world.client.applyRule();
    await world.fleet.joinSdk(2);
    await world.fleet.join(['honest', 'returning', 'echoing', 'dying', 'busy']);
    await world.driven(30, random, { untilGrownBy: 40 + Math.floor(random() * 80) });
    await world.disturbed(async () => {
      await cluster.kill(await leaderOf('WB_RUNS'));
      await drive(world.client, 18, random);
      await world.driven(2, random, { untilGrownBy: 15 });
    });
    await world.quiet(60_000);
    const evidence = await world.evidence();
    expect({ seed, violations: violationsOf(evidence) }).toEqual({ seed, violations: [] });
    expect({ seed, replicas: evidence.replicas }).toEqual({ seed, replicas: 3 });
    expect({ seed, expired: summaryOf(evidence).expired }).toEqual({ seed, expired: [] });
  });
});
