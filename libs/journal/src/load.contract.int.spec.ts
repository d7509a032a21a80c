import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  bodyOf,
  freshRun,
  seqsOf,
  startServer,
  stored,
  storeMany,
  type TestServer,
} from './journal.fixture.ts';

describe('load', () => {
  let server: TestServer;
  beforeAll(async () => {
    server = await startServer();
  });
  afterAll(() => server?.stop());

  it('gives all of one run in order, however long, and nothing of another', async () => {
    const { journal } = server;
    const [one, other] = [freshRun(), freshRun()];
    const [seqs] = await Promise.all([
      storeMany(journal, one, 2_345),
      storeMany(journal, other, 300),
    ]);
    const messages = await journal.load('WB_RUNS', one.filter);
    expect(seqsOf(messages)).toEqual([...seqs].sort((a, b) => a - b));
    expect(messages.every(({ subject }) => subject.includes(one.runId))).toBe(true);
    expect(await journal.load('WB_RUNS', one.filter, { leader: true })).toHaveLength(2_345);
  });

  it('gives nothing for a run that does not exist', async () => {
    expect(await server.journal.load('WB_RUNS', freshRun().filter)).toEqual([]);
    expect(await server.journal.load('WB_RUNS', freshRun().filter, { leader: true })).toEqual([]);
  });

  it('stops at a sequence, for how the run stood then', async () => {
    const { journal } = server;
    const run = freshRun();
    await storeMany(journal, run, 1_500);
    const seqs = seqsOf(await journal.load('WB_RUNS', run.filter));
    for (const upToSeq of [seqs[0], seqs[700], seqs[1_200], seqs.at(-1)]) {
      const part = await journal.load('WB_RUNS', run.filter, { upToSeq: upToSeq ?? 0 });
      expect(seqsOf(part)).toEqual(seqs.filter((seq) => seq <= (upToSeq ?? 0)));
    }
  });

  it('contains what the caller knows to exist, also right after it was stored', async () => {
    const { journal } = server;
    const run = freshRun();
    for (let n = 0; n < 50; n++) {
      const minSeq = await stored(journal.append(run.draft('job.status', { n })));
      expect((await journal.load('WB_RUNS', run.filter, { minSeq })).at(-1)?.seq).toBe(minSeq);
    }
  });

  it('asks the leader when an answer lacks what must be there, and believes it', async () => {
    const run = freshRun();
    const seq = await stored(server.journal.append(run.draft('run.created')));
    const messages = await server.journal.load('WB_RUNS', run.filter, { minSeq: seq + 1_000_000 });
    expect(seqsOf(messages)).toEqual([seq]);
  });

  it('gives the last message of a subject and of a wildcard, from any replica and from the leader', async () => {
    const { journal } = server;
    const run = freshRun();
    const ack = run.draft('job.ack', { n: 1 });
    await stored(journal.append(ack));
    const end = await stored(journal.append(run.draft('job.status', { n: 2 })));
    for (const leader of [true, false]) {
      expect((await journal.last('WB_RUNS', run.filter, { leader }))?.seq).toBe(end);
      const last = await journal.last('WB_RUNS', ack.subject, { leader });
      expect(last && bodyOf(last)).toEqual({ n: 1 });
      expect(last?.header('ce-id')).toBe(ack.meta.id);
      expect(await journal.last('WB_RUNS', freshRun().filter, { leader })).toBeUndefined();
      expect(await journal.get('WB_RUNS', end + 1_000_000, { leader })).toBeUndefined();
    }
  });

  it('gives what somebody put into the log by hand, without headers and not JSON', async () => {
    const { journal, raw } = server;
    const run = freshRun();
    const { subject } = run.draft('job.ack');
    await raw.request(subject, 'not json');
    for (const leader of [true, false]) {
      const [poison] = await journal.load('WB_RUNS', run.filter, { leader });
      expect(poison?.header('ce-id')).toBeUndefined();
      expect(new TextDecoder().decode(poison?.body)).toBe('not json');
    }
    expect(
      (await journal.last('WB_RUNS', subject, { leader: true }))?.header('ce-id'),
    ).toBeUndefined();
  });

  it('says what the stream is and what time it is there', async () => {
    const { journal } = server;
    const seq = await stored(journal.append(freshRun().draft('job.ack')));
    const info = await journal.info('WB_RUNS');
    expect(info).toMatchObject({
      firstSeq: 1,
      lastSeq: seq,
      messages: seq,
      maxBytes: -1,
      replicas: 1,
    });
    expect(info.created).toBeLessThan(info.at);
    const later = await journal.serverTime('WB_RUNS');
    expect(later).toBeGreaterThanOrEqual(info.at);
    expect(journal.maxPayload).toBe(32 * 1024 * 1024);
  });
});

describe('replay', () => {
  let server: TestServer;
  beforeAll(async () => {
    server = await startServer();
  });
  afterAll(() => server?.stop());

  it('gives what exists at the time of the call, once and in order, and ends', async () => {
    const { journal } = server;
    const [run, other] = [freshRun(), freshRun()];
    await Promise.all([storeMany(journal, run, 1_200), storeMany(journal, other, 100)]);
    const seqs = seqsOf(await journal.load('WB_RUNS', run.filter));
    for (const batchMax of [1, 7, 1_000]) {
      const seen: number[] = [];
      const done = await journal.replay({
        stream: 'WB_RUNS',
        filter: run.filter,
        batchMax,
        onBatch: async (messages) => {
          expect(messages.length).toBeLessThanOrEqual(batchMax);
          if (seen.length === 0) await storeMany(journal, freshRun(), 5);
          seen.push(...seqsOf(messages));
        },
      });
      expect(seen).toEqual(seqs);
      expect(done).toEqual({ count: 1_200, lastSeq: seqs.at(-1) });
    }
  });

  it('gives a part of the log', async () => {
    const { journal } = server;
    const run = freshRun();
    await storeMany(journal, run, 100);
    const seqs = seqsOf(await journal.load('WB_RUNS', run.filter));
    const seen: number[] = [];
    const done = await journal.replay({
      stream: 'WB_RUNS',
      filter: run.filter,
      fromSeq: seqs[10] ?? 0,
      toSeq: seqs[20] ?? 0,
      batchMax: 4,
      onBatch: (messages) => void seen.push(...seqsOf(messages)),
    });
    expect(seen).toEqual(seqs.slice(10, 21));
    expect(done).toEqual({ count: 11, lastSeq: seqs[20] });
  });

  it('ends at once where nothing lies', async () => {
    const onBatch = (): never => {
      throw new Error('unexpected');
    };
    const empty = { stream: 'WB_GATES', filter: 'wb.v1.gate.>', batchMax: 10, onBatch } as const;
    expect(await server.journal.replay(empty)).toEqual({ count: 0, lastSeq: 0 });
    const nobody = { ...empty, stream: 'WB_RUNS', filter: freshRun().filter } as const;
    expect(await server.journal.replay(nobody)).toEqual({ count: 0, lastSeq: 0 });
  });

  it('ends with the failure of a batch', async () => {
    const run = freshRun();
    await storeMany(server.journal, run, 20);
    const replaying = server.journal.replay({
      stream: 'WB_RUNS',
      filter: run.filter,
      batchMax: 5,
      onBatch: () => Promise.reject(new Error('no rows')),
    });
    await expect(replaying).rejects.toThrow('no rows');
  });
});
