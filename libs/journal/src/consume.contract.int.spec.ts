import { eventually } from '@waybill/process/testing';
import type { StoredMessage } from '@waybill/protocol';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ConsumeOptions } from './consume.ts';
import {
  freshRun,
  type RunDrafts,
  seqsOf,
  startServer,
  stored,
  storeMany,
  type TestServer,
} from './journal.fixture.ts';
import type { Journal } from './journal.ts';

let serial = 0;

/** A consumer with a durable of its own that keeps the batches it was given. */
async function gather(journal: Journal, run: RunDrafts, o: Partial<ConsumeOptions> = {}) {
  const batches: (readonly StoredMessage[])[] = [];
  const failures: Error[] = [];
  const durable = o.durable ?? `gather-${serial++}`;
  const reader = await journal.consume({
    stream: 'WB_RUNS',
    durable,
    filters: [run.filter],
    from: undefined,
    batchMax: 100,
    onBatch: async (messages) => void batches.push(messages),
    onFailure: (error) => void failures.push(error),
    ...o,
  });
  return { reader, batches, failures, durable };
}

describe('consume', () => {
  let server: TestServer;
  beforeAll(async () => {
    server = await startServer();
  });
  afterAll(() => server?.stop());
  const floorOf = async (durable: string): Promise<number> =>
    (await server.jsm.consumers.info('WB_RUNS', durable)).ack_floor.stream_seq;

  it('gives everything in order in batches of at most the size asked for', async () => {
    const { journal } = server;
    const run = freshRun();
    const seqs = await storeMany(journal, run, 1_234);
    const { reader, batches } = await gather(journal, run, { batchMax: 500, lingerMs: 50 });
    await reader.caughtUp;
    expect(seqsOf(batches.flat())).toEqual([...seqs].sort((a, b) => a - b));
    expect(Math.max(...batches.map((batch) => batch.length))).toBe(500);
    await reader.stop();
  });

  it('waits for more messages of a batch as long as it may linger, and no longer', async () => {
    const { journal } = server;
    const run = freshRun();
    const { reader, batches } = await gather(journal, run, { lingerMs: 300 });
    for (let n = 0; n < 5; n++) await stored(journal.append(run.draft('job.status', { n })));
    await eventually(() => batches.length > 0);
    expect(batches.map((batch) => batch.length)).toEqual([5]);
    await reader.stop();
  });

  it('refuses batches of more than 500', async () => {
    await expect(gather(server.journal, freshRun(), { batchMax: 501 })).rejects.toThrow('1 to 500');
  });

  it('acknowledges a batch only after it was handled, and once', async () => {
    const { journal } = server;
    const run = freshRun();
    const gate = Promise.withResolvers<void>();
    const handled: number[] = [];
    const { reader, durable } = await gather(journal, run, {
      onBatch: async (messages) => {
        await gate.promise;
        handled.push(...seqsOf(messages));
      },
    });
    const seqs = await storeMany(journal, run, 10);
    await eventually(() => reader.lag() === 10);
    expect(await floorOf(durable)).toBe(0);
    gate.resolve();
    await eventually(async () => (await floorOf(durable)) === Math.max(...seqs));
    expect(reader.position()?.seq).toBe(Math.max(...seqs));
    expect(handled).toHaveLength(10);
    await reader.stop();
  });

  it('gives a batch again to its successor when it died before the acknowledgement', async () => {
    const { journal } = server;
    const run = freshRun();
    const seqs = await storeMany(journal, run, 10);
    const mortal = await server.another();
    const never = Promise.withResolvers<void>();
    let got = 0;
    const { durable } = await gather(mortal, run, {
      onBatch: (messages) => {
        got += messages.length;
        return never.promise;
      },
    });
    await eventually(() => got > 0);
    const successor = await gather(journal, run, { durable });
    await successor.reader.caughtUp;
    expect(seqsOf(successor.batches.flat())).toEqual([...seqs].sort((a, b) => a - b));
    await successor.reader.stop();
    never.resolve();
  });

  it("moves the durable to the caller's checkpoint, forwards and back", async () => {
    const { journal } = server;
    const run = freshRun();
    await storeMany(journal, run, 30);
    const first = await gather(journal, run);
    await first.reader.caughtUp;
    await first.reader.stop();
    const { durable } = first;
    const all = await journal.load('WB_RUNS', run.filter);
    const { identity } = await journal.info('WB_RUNS');
    const at = (index: number) => ({
      identity,
      seq: all[index]?.seq ?? 0,
      id: all[index]?.header('ce-id') ?? '',
    });
    for (const index of [9, 19, 4]) {
      const again = await gather(journal, run, { durable, from: at(index) });
      await again.reader.caughtUp;
      expect(seqsOf(again.batches.flat())).toEqual(seqsOf(all.slice(index + 1)));
      await again.reader.stop();
    }
  });

  it('goes on where the durable stands when that is the checkpoint, without giving anything twice', async () => {
    const { journal } = server;
    const run = freshRun();
    await storeMany(journal, run, 10);
    const first = await gather(journal, run);
    await first.reader.caughtUp;
    await eventually(async () => (await floorOf(first.durable)) === first.reader.seq());
    await first.reader.stop();
    const seq = await stored(journal.append(run.draft('job.ack')));
    const next = await gather(journal, run, {
      durable: first.durable,
      from: first.reader.position(),
    });
    await next.reader.caughtUp;
    expect(seqsOf(next.batches.flat())).toEqual([seq]);
    await next.reader.stop();
  });

  it('gives a batch that failed again whole and in order, and nothing else before it', async () => {
    const { journal } = server;
    const run = freshRun();
    const seqs = [...(await storeMany(journal, run, 300))].sort((a, b) => a - b);
    const tries: (readonly number[])[] = [];
    const done: number[] = [];
    const { reader, failures, durable } = await gather(journal, run, {
      batchMax: 50,
      lingerMs: 20,
      onBatch: async (messages) => {
        tries.push(seqsOf(messages));
        if (tries.length === 3 || tries.length === 4) throw new Error('the database is away');
        done.push(...seqsOf(messages));
      },
    });
    await reader.caughtUp;
    expect(tries[3]).toEqual(tries[2]);
    expect(tries[4]).toEqual(tries[2]);
    expect(done).toEqual(seqs);
    expect(failures).toEqual([]);
    await eventually(async () => (await floorOf(durable)) === seqs.at(-1));
    await reader.stop();
  });

  it('gives every message once and in order across restarts of the server', async () => {
    const { journal, nats } = server;
    const run = freshRun();
    let slow = Promise.resolve();
    const seen: number[] = [];
    const { reader, durable } = await gather(journal, run, {
      batchMax: 7,
      onBatch: async (messages) => {
        await slow;
        seen.push(...seqsOf(messages));
      },
    });
    const seqs: number[] = [];
    for (let round = 0; round < 3; round++) {
      seqs.push(...(await storeMany(journal, run, 100)));
      const gate = Promise.withResolvers<void>();
      slow = gate.promise;
      seqs.push(...(await storeMany(journal, run, 100)));
      await nats.kill();
      gate.resolve();
      await server.revive();
      await eventually(() => seen.length === seqs.length, { withinMs: 10_000 });
    }
    expect(seen).toEqual([...seqs].sort((a, b) => a - b));
    await stored(journal.append(run.draft('job.ack')));
    await eventually(async () => (await floorOf(durable)) === reader.seq() && reader.lag() === 0);
    await reader.stop();
  });

  it('gives everything to each of two that ask for one durable at once', async () => {
    const { journal } = server;
    const run = freshRun();
    const seqs = [...(await storeMany(journal, run, 2_000))].sort((a, b) => a - b);
    const durable = 'shared';
    const other = await server.another();
    const [one, two] = await Promise.all([
      gather(journal, run, { durable }),
      gather(other, run, { durable }),
    ]);
    for (const { batches } of [one, two]) {
      await eventually(() => batches.flat().length >= seqs.length, { withinMs: 15_000 });
      expect(seqsOf(batches.flat())).toEqual(seqs);
    }
    const late = await stored(journal.append(run.draft('job.ack')));
    await eventually(() => one.reader.seq() === late && two.reader.seq() === late);
    await Promise.all([one.reader.stop(), two.reader.stop()]);
  });
});
