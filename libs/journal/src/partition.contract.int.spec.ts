import { eventually } from '@waybill/process/testing';
import { shardOf } from '@waybill/protocol';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { freshRun, seqsOf, startServer, stored, type TestServer } from './journal.fixture.ts';

const shards = Array.from({ length: 256 }, (_, n) => n.toString(16).padStart(2, '0'));
const filtersOf = (part: readonly string[]): readonly string[] =>
  part.map((shard) => `wb.v1.run.${shard}.>`);
const evenShards = shards.filter((_, n) => n % 2 === 0);
const oddShards = shards.filter((_, n) => n % 2 === 1);
const fail = (error: Error): never => {
  throw error;
};

describe('a partition', () => {
  let server: TestServer;
  let written: readonly (readonly [seq: number, shard: string])[];
  const append = async (org: string): Promise<readonly [number, string]> => [
    await stored(server.journal.append(freshRun(org).draft('run.created'))),
    shardOf(org),
  ];
  const appendAll = (prefix: string) =>
    Promise.all(Array.from({ length: 1_000 }, (_, n) => append(`${prefix}${n}`)));
  beforeAll(async () => {
    server = await startServer();
    written = await appendAll('org');
  });
  afterAll(() => server?.stop());

  const expected = (part: readonly string[]): readonly number[] =>
    written
      .filter(([, shard]) => part.includes(shard))
      .map(([seq]) => seq)
      .sort((a, b) => a - b);

  it('of 128 shards is read by as many filters: all of its own, nothing else, across a restart', async () => {
    const { journal, nats } = server;
    const seen: number[] = [];
    const reader = await journal.read({
      stream: 'WB_RUNS',
      filters: filtersOf(evenShards),
      from: undefined,
      onMessage: ({ seq }) => void seen.push(seq),
      onFailure: fail,
    });
    await reader.caughtUp;
    expect(seen).toEqual(expected(evenShards));
    await nats.kill();
    await server.revive();
    written = [...written, ...(await appendAll('later'))];
    await eventually(() => seen.length >= expected(evenShards).length, { withinMs: 15_000 });
    expect(seen).toEqual(expected(evenShards));
    await reader.stop();
  });

  it('and the other 128 make up the whole, as all 256 filters do', async () => {
    const { journal } = server;
    for (const part of [oddShards, shards]) {
      const seen: number[] = [];
      const reader = await journal.read({
        stream: 'WB_RUNS',
        filters: filtersOf(part),
        from: undefined,
        onMessage: ({ seq }) => void seen.push(seq),
        onFailure: fail,
      });
      await reader.caughtUp;
      expect(seen).toEqual(expected(part));
      await reader.stop();
    }
    expect(expected(evenShards).length + expected(oddShards).length).toBe(written.length);
  });

  it('of 128 shards is consumed under one durable, which stays as it is', async () => {
    const { journal, jsm } = server;
    for (let round = 0; round < 2; round++) {
      const seen: number[] = [];
      const reader = await journal.consume({
        stream: 'WB_RUNS',
        durable: 'partition',
        filters: filtersOf(round === 0 ? evenShards : evenShards.toReversed()),
        from: undefined,
        batchMax: 100,
        onBatch: async (messages) => void seen.push(...seqsOf(messages)),
        onFailure: fail,
      });
      await reader.caughtUp;
      expect(seen).toEqual(expected(evenShards));
      await reader.stop();
    }
    const { config } = await jsm.consumers.info('WB_RUNS', 'partition');
    expect(config.filter_subjects).toHaveLength(128);
  });
});
