import { type JetStreamManager, jetstreamManager } from '@nats-io/jetstream';
import { connect, headers, type NatsConnection } from '@nats-io/transport-node';
import { systemClock } from '@waybill/process';
import { eventually } from '@waybill/process/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Cluster, startCluster } from './cluster.fixture.ts';
import { freshRun, log, seqsOf, stored } from './journal.fixture.ts';
import { type Journal, openJournal } from './journal.ts';

describe('on a cluster of three', () => {
  let cluster: Cluster;
  let journal: Journal;
  let raw: NatsConnection;
  let jsm: JetStreamManager;
  const openAs = (user: string): Promise<Journal> => {
    const nats = { url: cluster.url, user, password: user };
    return openJournal({ nats, name: 'waybill-spec', clock: systemClock, log });
  };
  beforeAll(async () => {
    cluster = await startCluster();
    journal = await openAs('operator');
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

  it('has three replicas of every stream, and provisioning again changes nothing', async () => {
    expect(await journal.info('WB_RUNS')).toMatchObject({ replicas: 3 });
    const actions = (await journal.provision()).map(({ action }) => action);
    expect(new Set(actions)).toEqual(new Set(['unchanged']));
  });

  it('recognises the retry of a landed decision, which is a duplicate here', async () => {
    const run = freshRun();
    const draft = run.draft('run.created');
    const seq = await stored(journal.append(draft, { filter: run.filter, lastSeq: 0 }));
    await stored(journal.append(run.draft('job.ack')));
    const h = headers();
    h.set('Nats-Msg-Id', draft.meta.id);
    h.set('Nats-Expected-Last-Subject-Sequence', '0');
    h.set('Nats-Expected-Last-Subject-Sequence-Subject', run.filter);
    const answer = await raw.request(draft.subject, draft.body, { headers: h, timeout: 2_000 });
    expect(answer.json()).toMatchObject({ seq, duplicate: true });
    const again = await journal.append(draft, { filter: run.filter, lastSeq: 0 });
    expect(again).toEqual({ outcome: 'stored', seq, duplicate: true });
  });

  it('stores exactly one of 16 racers, and every loser learns the real last sequence', async () => {
    const race = async (): Promise<void> => {
      const run = freshRun();
      const expected = { filter: run.filter, lastSeq: 0 };
      const drafts = Array.from({ length: 16 }, (_, n) => run.draft('run.created', { n }));
      const outcomes = await Promise.all(drafts.map((draft) => journal.append(draft, expected)));
      const [only, ...more] = seqsOf(await journal.load('WB_RUNS', run.filter, { leader: true }));
      expect(more).toEqual([]);
      expect(outcomes.filter(({ outcome }) => outcome === 'stored')).toEqual([
        { outcome: 'stored', seq: only, duplicate: false },
      ]);
      const losers = outcomes.filter(({ outcome }) => outcome !== 'stored');
      const conflict = { outcome: 'conflict', lastSeq: only };
      expect(losers).toEqual(Array.from({ length: 15 }, () => conflict));
    };
    for (let round = 0; round < 30; round++) await race();
  });

  it('refuses at once what the user may not publish', async () => {
    const limited = await openAs('limited');
    const appended = await limited.append(freshRun('forbidden').draft('job.ack'));
    expect(appended).toMatchObject({ outcome: 'refused', code: 'not-permitted' });
    await stored(limited.append(freshRun('allowed').draft('job.ack')));
    await limited.close();
  });

  it('loses and doubles nothing when the leader is killed under load', async () => {
    const chains = Array.from({ length: 8 }, () => freshRun('killed'));
    const seen: number[] = [];
    const failures: Error[] = [];
    const reader = await journal.read({
      stream: 'WB_RUNS',
      filters: ['wb.v1.run.*.killed.>'],
      from: undefined,
      onMessage: ({ seq }) => void seen.push(seq),
      onFailure: (error) => void failures.push(error),
    });
    const enough = new AbortController();
    const append = async (chain: (typeof chains)[number]): Promise<readonly number[]> => {
      const seqs: number[] = [];
      while (!enough.signal.aborted) {
        const expected = { filter: chain.filter, lastSeq: seqs.at(-1) ?? 0 };
        const draft = chain.draft('job.queued', { n: seqs.length });
        seqs.push(await stored(journal.append(draft, expected, { deadlineMs: 25_000 })));
      }
      return seqs;
    };
    const work = Promise.all(chains.map(append));
    await eventually(() => seen.length > 100);
    const leader = (await jsm.streams.info('WB_RUNS')).cluster?.leader ?? '';
    await cluster.kill(leader);
    const before = seen.length;
    await eventually(() => seen.length > before + 200, { withinMs: 25_000 });
    enough.abort();
    const written = await work;
    const all = written.flat().sort((a, b) => a - b);
    await eventually(() => seen.length >= all.length, { withinMs: 10_000 });
    expect(seen).toEqual(all);
    expect(failures).toEqual([]);
    for (const [index, chain] of chains.entries()) {
      const options = { leader: true, minSeq: written[index]?.at(-1) ?? 0 };
      expect(seqsOf(await journal.load('WB_RUNS', chain.filter, options))).toEqual(written[index]);
    }
    await reader.stop();
  });
});
