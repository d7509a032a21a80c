import { type JetStreamManager, jetstreamManager } from '@nats-io/jetstream';
import { connect, type NatsConnection } from '@nats-io/transport-node';
import { systemClock } from '@waybill/process';
import { eventually } from '@waybill/process/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Cluster, startCluster } from './cluster.fixture.ts';
import { log } from './journal.fixture.ts';
import { type Journal, openJournal } from './journal.ts';
import { freshName, overlaps, startCandidate } from './lease.fixture.ts';

describe('a lease on a cluster of three', () => {
  let cluster: Cluster;
  let journal: Journal;
  let raw: NatsConnection;
  let jsm: JetStreamManager;
  beforeAll(async () => {
    cluster = await startCluster();
    const nats = { url: cluster.url, user: 'operator', password: 'operator' };
    journal = await openJournal({ nats, name: 'waybill-spec', clock: systemClock, log });
    await journal.provision({ replicas: 3 });
    raw = await connect({
      servers: cluster.url.split(','),
      user: 'operator',
      pass: 'operator',
      maxReconnectAttempts: -1,
      reconnectTimeWait: 100,
    });
    jsm = await jetstreamManager(raw, { checkAPI: false });
  });
  afterAll(async () => {
    await journal?.close();
    await raw?.close();
    await cluster?.stop();
  });

  it('is held by one process at a time when holders freeze and the leader is killed', {
    timeout: 60_000,
  }, async () => {
    const name = freshName();
    const nats = { url: cluster.url, user: 'operator', password: 'operator' };
    const candidates = [1, 2, 3].map(() => startCandidate({ nats, name, ttlMs: 2_000 }));
    const told: (number | undefined)[] = [];
    const reader = await journal.watchLeases({
      prefix: name,
      onChange: (_, held) => void told.push(held?.epoch),
      onFailure: (error) => expect.unreachable(error.message),
    });
    const heldBeyond = (epoch: number, not?: unknown) =>
      eventually(() => candidates.find((each) => each !== not && (each.epoch() ?? 0) > epoch), {
        withinMs: 15_000,
        everyMs: 2,
      });
    try {
      const first = await heldBeyond(0);
      first.freeze();
      const second = await heldBeyond(first.epoch() ?? 0, first);
      first.thaw();
      const leader = async (): Promise<string> =>
        (await jsm.streams.info('KV_WB_LEASES')).cluster?.leader ?? '';
      const killed = await leader();
      await cluster.kill(killed);
      await eventually(async () => !['', killed].includes(await leader()), { withinMs: 20_000 });
      // An election that is over before half the TTL leaves the lease where it is; else whoever is first has it.
      const counts = new Map(candidates.map((each) => [each, each.samples.length]));
      const held = await eventually(
        () => candidates.find((each) => each.samples.length > (counts.get(each) ?? 0) + 2_000),
        { withinMs: 20_000 },
      );
      expect(held.epoch()).toBeGreaterThanOrEqual(second.samples.at(-1)?.epoch ?? 0);
      await eventually(() => told.at(-1) === held.epoch());
    } finally {
      await Promise.all(candidates.map((each) => each.kill()));
      await reader.stop();
    }
    const samples = candidates.flatMap((each) => each.samples);
    expect(overlaps(samples)).toEqual([]);
    const epochs = told.filter((epoch) => epoch !== undefined);
    expect(epochs).toEqual([...epochs].sort((a, b) => a - b));
  });
});
