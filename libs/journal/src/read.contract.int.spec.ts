import { eventually } from '@waybill/process/testing';
import type { StoredMessage } from '@waybill/protocol';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  freshRun,
  seqsOf,
  startServer,
  stored,
  storeMany,
  type TestServer,
} from './journal.fixture.ts';
import type { Journal } from './journal.ts';
import { positionOf } from './position.ts';
import type { ReadOptions } from './read.ts';

const fail = (error: Error): never => {
  throw error;
};

/** A reader of everything that ever arrived. */
async function follow(journal: Journal, o: Partial<ReadOptions> & Pick<ReadOptions, 'filters'>) {
  const seen: StoredMessage[] = [];
  const failures: Error[] = [];
  const caughtUpAt: number[] = [];
  const reader = await journal.read({
    stream: 'WB_RUNS',
    from: undefined,
    onMessage: (message) => void seen.push(message),
    onCaughtUp: (seq) => void caughtUpAt.push(seq),
    onFailure: (error) => void failures.push(error),
    ...o,
  });
  return { reader, seen, failures, caughtUpAt };
}

describe('read', () => {
  let server: TestServer;
  beforeAll(async () => {
    server = await startServer();
  });
  afterAll(() => server?.stop());

  it('gives everything that matches once and in order, and says when it has caught up', async () => {
    const { journal } = server;
    const run = freshRun();
    await storeMany(journal, freshRun(), 50);
    const seqs = await storeMany(journal, run, 1_500);
    const { reader, seen, caughtUpAt } = await follow(journal, { filters: [run.filter] });
    await reader.caughtUp;
    expect(seqsOf(seen)).toEqual([...seqs].sort((a, b) => a - b));
    expect(caughtUpAt).toEqual([reader.seq()]);
    expect(reader.lag()).toBe(0);
    const late = await stored(journal.append(run.draft('job.ack')));
    await eventually(() => reader.seq() === late);
    await reader.stop();
  });

  it('has caught up at once where nothing lies', async () => {
    const { reader, seen } = await follow(server.journal, { filters: [freshRun().filter] });
    await reader.caughtUp;
    expect(seen).toEqual([]);
    expect(reader.position()).toBeUndefined();
    await reader.stop();
  });

  it('goes on after a checkpoint, and its own position is the next one', async () => {
    const { journal } = server;
    const run = freshRun();
    await storeMany(journal, run, 20);
    const { identity } = await journal.info('WB_RUNS');
    const all = await journal.load('WB_RUNS', run.filter);
    const tenth = all[9];
    if (tenth === undefined) throw new Error('too few');
    const first = await follow(journal, {
      filters: [run.filter],
      from: positionOf(identity, tenth),
    });
    await first.reader.caughtUp;
    expect(seqsOf(first.seen)).toEqual(seqsOf(all.slice(10)));
    const position = first.reader.position();
    await first.reader.stop();
    const seq = await stored(journal.append(run.draft('job.ack')));
    const second = await follow(journal, { filters: [run.filter], from: position });
    await second.reader.caughtUp;
    expect(seqsOf(second.seen)).toEqual([seq]);
    await second.reader.stop();
  });

  it('reads several filters in the order of the log, and headers alone when asked', async () => {
    const { journal } = server;
    const [one, other] = [freshRun(), freshRun()];
    const seqs = [];
    for (const run of [one, other, one])
      seqs.push(await stored(journal.append(run.draft('job.ack'))));
    const options = { filters: [one.filter, other.filter], headersOnly: true };
    const { reader, seen } = await follow(journal, options);
    await reader.caughtUp;
    expect(seqsOf(seen)).toEqual(seqs);
    expect(seen.map((message) => message.body.length)).toEqual([0, 0, 0]);
    expect(seen[0]?.header('ce-type')).toBe('job.ack');
    await reader.stop();
  });

  it('waits for the promise of a message before it gives the next', async () => {
    const { journal } = server;
    const run = freshRun();
    await storeMany(journal, run, 700);
    let running = 0;
    let most = 0;
    const seen: number[] = [];
    const { reader } = await follow(journal, {
      filters: [run.filter],
      onMessage: async (message) => {
        running += 1;
        most = Math.max(most, running);
        await Promise.resolve();
        seen.push(message.seq);
        running -= 1;
      },
    });
    await reader.caughtUp;
    expect(most).toBe(1);
    expect(seen).toHaveLength(700);
    expect(seen).toEqual([...seen].sort((a, b) => a - b));
    await reader.stop();
  });

  it('holds a bounded number of messages while a handler is slow', async () => {
    const { journal, jsm } = server;
    const run = freshRun();
    await storeMany(journal, run, 3_000);
    const gate = Promise.withResolvers<void>();
    let count = 0;
    const { reader } = await follow(journal, {
      filters: [run.filter],
      onMessage: () => {
        count += 1;
        return gate.promise;
      },
    });
    await eventually(() => count === 1);
    const delivered = async (): Promise<number> => {
      let most = 0;
      for await (const consumer of jsm.consumers.list('WB_RUNS')) {
        if (consumer.config.filter_subject === run.filter)
          most = Math.max(most, consumer.delivered.consumer_seq);
      }
      return most;
    };
    await eventually(async () => (await delivered()) >= 512);
    expect(await delivered()).toBeLessThanOrEqual(512);
    gate.resolve();
    await reader.caughtUp;
    expect(count).toBe(3_000);
    await reader.stop();
  });

  it('reads messages that are together greater than what may wait', async () => {
    const { journal } = server;
    const run = freshRun();
    const body = new Uint8Array(3 * 1024 * 1024);
    for (let n = 0; n < 25; n++) await stored(journal.append({ ...run.draft('job.log'), body }));
    const big = { ...run.draft('job.log'), body: new Uint8Array(journal.maxPayload - 2_000) };
    await stored(journal.append(big));
    const sizes: number[] = [];
    const { reader } = await follow(journal, {
      filters: [run.filter],
      onMessage: async (message) => {
        await Promise.resolve();
        sizes.push(message.body.length);
      },
    });
    await reader.caughtUp;
    expect(sizes).toEqual([...Array.from({ length: 25 }, () => body.length), big.body.length]);
    await reader.stop();
  });

  it('ends with the failure of a handler and skips nothing', async () => {
    const { journal } = server;
    const run = freshRun();
    await storeMany(journal, run, 10);
    const seen: number[] = [];
    const { reader, failures } = await follow(journal, {
      filters: [run.filter],
      onMessage: (message) => {
        if (seen.length === 3) throw new Error('cannot fold');
        seen.push(message.seq);
      },
    });
    await eventually(() => failures.length > 0);
    expect(failures[0]?.message).toBe('cannot fold');
    expect(seen).toHaveLength(3);
    expect(reader.seq()).toBe(seen.at(-1));
    await expect(reader.caughtUp).rejects.toThrow('cannot fold');
  });

  it('sees no gap and no double across restarts of the server and a vanished consumer', async () => {
    const { journal, nats, jsm } = server;
    const run = freshRun();
    const { reader, seen, failures } = await follow(journal, { filters: [run.filter] });
    let appended = 0;
    const enough = new AbortController();
    const writing = (async () => {
      while (!enough.signal.aborted) {
        await stored(journal.append(run.draft('job.status', { n: appended })));
        appended += 1;
      }
    })();
    const progress = async (): Promise<void> => {
      const target = seen.length + 50;
      await eventually(() => seen.length >= target, { withinMs: 15_000 });
    };
    await progress();
    await nats.kill();
    await server.revive();
    await progress();
    for await (const { name } of jsm.consumers.list('WB_RUNS'))
      await jsm.consumers.delete('WB_RUNS', name);
    await progress();
    await nats.kill();
    await server.revive();
    await progress();
    enough.abort();
    await writing;
    await eventually(() => seen.length >= appended);
    expect(seqsOf(seen)).toEqual(seqsOf(await journal.load('WB_RUNS', run.filter)));
    expect(failures).toEqual([]);
    await reader.stop();
  });

  it('leaves no consumer behind', async () => {
    const { jsm, journal } = server;
    const { reader } = await follow(journal, {
      filters: ['wb.v1.run.left.behind.>'],
      onFailure: fail,
    });
    await reader.stop();
    await eventually(async () => {
      for await (const consumer of jsm.consumers.list('WB_RUNS')) {
        if (consumer.config.filter_subject === 'wb.v1.run.left.behind.>') return false;
      }
      return true;
    });
  });
});
