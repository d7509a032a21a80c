import { newId } from '@waybill/process';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { bodyOf, freshRun, startServer, stored, type TestServer } from './journal.fixture.ts';

describe('append', () => {
  let server: TestServer;
  beforeAll(async () => {
    server = await startServer();
  });
  afterAll(() => server?.stop());

  it('stores a fact with its headers, its body as it came and the server time', async () => {
    const { journal } = server;
    const run = freshRun();
    const draft = run.draft('job.ack', { ok: 'ja ✓' }, { attempt: 2, requestId: 'né\n' });
    const seq = await stored(journal.append(draft));
    const found = await journal.get('WB_RUNS', seq);
    expect(found).toMatchObject({ stream: 'WB_RUNS', seq, subject: draft.subject });
    expect(found?.header('ce-id')).toBe(draft.meta.id);
    expect(found?.header('Nats-Msg-Id')).toBe(draft.meta.id);
    expect(found?.header('wb-attempt')).toBe('2');
    expect(found?.header('wb-request-id')).toBe('n%C3%A9%0A');
    expect(found?.header('no-such')).toBeUndefined();
    expect(found && bodyOf(found)).toEqual({ ok: 'ja ✓' });
    const now = await journal.serverTime('WB_RUNS');
    expect(found?.at).toBeLessThanOrEqual(now);
    expect(found?.at).toBeGreaterThan(now - 60_000);
  });

  it('keeps raw bytes as they are', async () => {
    const run = freshRun();
    const body = Uint8Array.of(0, 255, 13, 10, 128);
    const seq = await stored(server.journal.append({ ...run.draft('job.log'), body }));
    for (const leader of [true, false]) {
      const found = await server.journal.get('WB_RUNS', seq, { leader });
      expect([...(found?.body ?? [])]).toEqual([...body]);
    }
  });

  it('stores a decision when its expectation holds, over all subjects of the run', async () => {
    const { journal } = server;
    const run = freshRun();
    const first = await stored(
      journal.append(run.draft('run.created'), { filter: run.filter, lastSeq: 0 }),
    );
    const second = await stored(
      journal.append(run.draft('job.queued'), { filter: run.filter, lastSeq: first }),
    );
    expect(second).toBeGreaterThan(first);
  });

  it("answers a stale expectation with the run's real last sequence", async () => {
    const { journal } = server;
    const run = freshRun();
    await stored(journal.append(run.draft('run.created'), { filter: run.filter, lastSeq: 0 }));
    const fact = await stored(journal.append(run.draft('job.ack')));
    const late = await journal.append(run.draft('job.expired'), {
      filter: run.filter,
      lastSeq: fact - 1,
    });
    expect(late).toEqual({ outcome: 'conflict', lastSeq: fact });
  });

  it('answers an expectation beyond the end of the log with the real end', async () => {
    const { journal } = server;
    const run = freshRun();
    const only = await stored(journal.append(run.draft('run.created')));
    const ahead = await journal.append(run.draft('job.queued'), {
      filter: run.filter,
      lastSeq: only + 50,
    });
    expect(ahead).toEqual({ outcome: 'conflict', lastSeq: only });
  });

  it('recognises the retry of a landed decision although the server answers a wrong sequence', async () => {
    const { journal } = server;
    const run = freshRun();
    const draft = run.draft('run.created');
    const expected = { filter: run.filter, lastSeq: 0 };
    const seq = await stored(journal.append(draft, expected));
    await stored(journal.append(run.draft('job.ack')));
    expect(await journal.append(draft, expected)).toEqual({
      outcome: 'stored',
      seq,
      duplicate: true,
    });
  });

  it('recognises the repeat of a fact', async () => {
    const { journal } = server;
    const draft = freshRun().draft('job.ack');
    const seq = await stored(journal.append(draft));
    expect(await journal.append(draft)).toEqual({ outcome: 'stored', seq, duplicate: true });
  });

  it('does not take another event under the same id for its own', async () => {
    const { journal } = server;
    const run = freshRun();
    const id = newId();
    const seq = await stored(journal.append(run.draft('job.ack', { n: 1 }, { id })));
    const otherBody = await journal.append(run.draft('job.ack', { n: 2 }, { id }));
    expect(otherBody).toEqual({ outcome: 'conflict', lastSeq: seq });
    const otherSubject = await journal.append(run.draft('job.status', { n: 1 }, { id }));
    expect(otherSubject).toEqual({ outcome: 'conflict', lastSeq: seq });
  });

  it('calls a decision with a used id and another body a conflict, though its expectation holds', async () => {
    const { journal } = server;
    const run = freshRun();
    const id = newId();
    const elsewhere = await stored(journal.append(freshRun().draft('job.ack', { n: 1 }, { id })));
    const seq = await stored(journal.append(run.draft('run.created')));
    const mine = await journal.append(run.draft('job.queued', { n: 1 }, { id }), {
      filter: run.filter,
      lastSeq: seq,
    });
    expect(mine).toEqual({ outcome: 'conflict', lastSeq: seq });
    expect(elsewhere).toBeLessThan(seq);
  });

  it('stores exactly one of 16 racers with the same expectation', async () => {
    const { journal } = server;
    const rivals = [journal, ...(await Promise.all([1, 2, 3].map(() => server.another())))];
    for (let round = 0; round < 20; round++) {
      const run = freshRun();
      const expected = { filter: run.filter, lastSeq: 0 };
      const outcomes = await Promise.all(
        Array.from({ length: 16 }, (_, n) =>
          (rivals[n % rivals.length] ?? journal).append(run.draft('run.created', { n }), expected),
        ),
      );
      const winners = outcomes.filter(({ outcome }) => outcome === 'stored');
      const losers = outcomes.filter(({ outcome }) => outcome === 'conflict');
      expect([winners.length, losers.length]).toEqual([1, 15]);
      const [winner] = winners;
      const seq = winner?.outcome === 'stored' ? winner.seq : -1;
      expect(losers.every((loser) => loser.outcome === 'conflict' && loser.lastSeq === seq)).toBe(
        true,
      );
      expect(await journal.load('WB_RUNS', run.filter)).toHaveLength(1);
    }
  });

  it('stores what is the same event of 16 racers once, and all of them succeed', async () => {
    const { journal } = server;
    const run = freshRun();
    const draft = run.draft('run.created');
    const expected = { filter: run.filter, lastSeq: 0 };
    const outcomes = await Promise.all(
      Array.from({ length: 16 }, () => journal.append(draft, expected)),
    );
    expect(new Set(outcomes.map(({ outcome }) => outcome))).toEqual(new Set(['stored']));
    expect(await journal.load('WB_RUNS', run.filter)).toHaveLength(1);
  });

  it('takes more appends at once than may be in flight', async () => {
    const { journal } = server;
    const run = freshRun();
    const seqs = await Promise.all(
      Array.from({ length: 3_000 }, (_, n) =>
        stored(journal.append(run.draft('job.status', { n }))),
      ),
    );
    expect(new Set(seqs).size).toBe(3_000);
    expect(await journal.load('WB_RUNS', run.filter)).toHaveLength(3_000);
  });
});
