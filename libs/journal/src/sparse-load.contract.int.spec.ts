import { systemClock } from '@waybill/process';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Connection, openConnection } from './connection.ts';
import { type DirectReads, openDirectReads } from './direct-read.ts';
import {
  freshRun,
  log,
  type RunDrafts,
  seqsOf,
  startServer,
  stored,
  type TestServer,
} from './journal.fixture.ts';
import { loadSparse } from './sparse-load.ts';

describe('a sparse load', () => {
  let server: TestServer;
  let connection: Connection;
  let direct: DirectReads;
  beforeAll(async () => {
    server = await startServer();
    const { url, user, password } = server.nats;
    const nats = { url, user, password };
    connection = await openConnection({ nats, name: 'spec', clock: systemClock, log });
    direct = openDirectReads(connection);
  });
  afterAll(async () => {
    direct?.close();
    await connection?.close();
    await server?.stop();
  });

  /** The sequences of what was appended: `!` is a decision, the rest are facts. */
  const write = async (run: RunDrafts, ...types: readonly string[]): Promise<readonly number[]> => {
    const seqs: number[] = [];
    for (const type of types) {
      const draft = run.draft(type.replace('!', ''));
      const expected = { filter: run.filter, lastSeq: seqs.at(-1) ?? 0 };
      seqs.push(
        await stored(server.journal.append(draft, type.endsWith('!') ? expected : undefined)),
      );
      await stored(server.journal.append(freshRun().draft('run.created')));
    }
    return seqs;
  };
  const found = async (run: RunDrafts, wantedSeq = 0): Promise<readonly number[] | undefined> => {
    const wanted = { stream: 'WB_RUNS', filter: run.filter, wantedSeq } as const;
    const all = await loadSparse(connection, direct, wanted);
    return all === undefined ? undefined : seqsOf(all);
  };

  it('finds every event under a subject of its own, and older ones by what decisions expected', async () => {
    const run = freshRun();
    expect(await found(run)).toEqual([]);
    const seqs = await write(run, 'run.created!', 'job.queued!', 'job.queued!', 'job.offered!');
    expect(await found(run)).toEqual(seqs);
    expect(await found(run, seqs.at(-1))).toEqual(seqs);
    const again = freshRun();
    const twice = ['job.offered!', 'job.expired!', 'job.offered!', 'job.ack', 'job.status'];
    const later = await write(again, 'run.created!', 'job.queued!', ...twice);
    expect(await found(again)).toEqual(later);
  });

  it('admits that it has not found all where facts hide what was before, or more must be there', async () => {
    const hidden = freshRun();
    await write(hidden, 'run.created!', 'job.offered!', 'job.reject', 'job.offered!');
    expect(await found(hidden)).toBeUndefined();
    const run = freshRun();
    const seqs = await write(run, 'run.created!', 'job.status', 'job.status', 'job.status');
    expect(await found(run)).toBeUndefined();
    const single = freshRun();
    const [seq = 0] = await write(single, 'run.created!');
    expect(await found(single, seq + 1)).toBeUndefined();
    for (const o of [{}, { leader: true }, { fromSeq: seqs[1] }, { upToSeq: seqs[2] }]) {
      const plain = await server.journal.load('WB_RUNS', run.filter, o);
      expect(await server.journal.load('WB_RUNS', run.filter, { ...o, sparse: true })).toHaveLength(
        plain.length,
      );
    }
  });

  it('gives a part of a run as the plain one does', async () => {
    const run = freshRun();
    const seqs = await write(run, 'run.created!', 'job.queued!', 'job.offered!', 'job.ack');
    const load = async (o: object) =>
      seqsOf(await server.journal.load('WB_RUNS', run.filter, { ...o, sparse: true }));
    expect(await load({ fromSeq: seqs[1] })).toEqual(seqs.slice(1));
    expect(await load({ upToSeq: seqs[2] })).toEqual(seqs.slice(0, 3));
    expect(await load({ minSeq: seqs[3], upToSeq: seqs[2] })).toEqual(seqs.slice(0, 3));
  });

  it('never gives a run with a gap while others append to it', async () => {
    const types = ['run.created!', 'job.queued!', 'job.offered!', 'job.expired!', 'job.offered!'];
    let complete = 0;
    const race = async (run: RunDrafts): Promise<void> => {
      const done = new AbortController();
      const writing = write(run, ...types, 'job.ack', 'job.status', 'job.status').finally(() =>
        done.abort(),
      );
      const seen: (readonly number[])[] = [];
      while (!done.signal.aborted) seen.push((await found(run)) ?? []);
      const written = await writing;
      for (const all of seen) expect(all).toEqual(written.slice(0, all.length));
      complete += seen.filter((all) => all.length > 1).length;
    };
    for (let round = 0; round < 20; round++) await race(freshRun());
    expect(complete).toBeGreaterThan(10);
  });
});
