import { systemClock } from '@waybill/process';
import { decidedDraft, readTriggerMessage, subjects } from '@waybill/protocol';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { limits } from '../domain/limits.ts';
import {
  completedBody,
  createdBody,
  newRunId,
  offeredBody,
  runWriter,
  type WrittenRun,
  writeWholeRun,
} from './run-log.fixture.ts';
import { type Answered, answered, ORG, type RunningApi, startApi } from './running-api.fixture.ts';

let api: RunningApi;
let whole: WrittenRun;
beforeAll(async () => {
  api = await startApi({ limits: { minSeqMs: 700 } });
  whole = await writeWholeRun(api.journal, 'whole');
});
afterAll(() => api.stop());

const callAll = (paths: readonly string[]) => Promise.all(paths.map((path) => api.call(path)));
const get = (path: string) => api.call(`/v1/orgs/${ORG}${path}`);
const json = (path: string) => answered(get(path));

describe('a run', () => {
  it('reads as the fold of its events', async () => {
    const view = await json(`/runs/${whole.runId}`);
    expect(view).toMatchObject({
      runId: whole.runId,
      state: 'success',
      durationMs: 1,
      anomalies: 0,
      record: null,
      seq: whole.seqs.at(-1),
    });
    expect(view.jobs).toMatchObject([
      { name: 'build', state: 'success', attempts: [{ attempt: 1, resolution: 'accepted' }] },
    ]);
  });

  it('reads as it stood at a sequence', async () => {
    const states: unknown[] = [];
    for (const seq of whole.seqs)
      states.push((await json(`/runs/${whole.runId}?atSeq=${seq}`)).jobs[0]?.state);
    expect(states).toEqual(['queued', 'offered', 'running', 'running', 'success', 'success']);
    expect(await json(`/runs/${whole.runId}?atSeq=${whole.seqs[3]}`)).toMatchObject({
      state: 'running',
      completedAt: null,
    });
  });

  it('reads as it stood at an instant, in either notation', async () => {
    const { items } = await json(`/runs/${whole.runId}/events`);
    const end = items.at(-1)?.at ?? '';
    expect(await json(`/runs/${whole.runId}?at=${end}`)).toMatchObject({ state: 'success' });
    expect(await json(`/runs/${whole.runId}?at=${Date.parse(end)}`)).toMatchObject({
      state: 'success',
    });
    expect((await get(`/runs/${whole.runId}?at=2001-01-01T00:00:00Z`)).status).toBe(404);
  });

  it('waits for a sequence that is coming, and says so when it does not come', async () => {
    const runId = newRunId('awaited');
    const { write } = runWriter(api.journal, runId);
    const seq = await write('run.created', createdBody(runId));
    const reading = json(`/runs/${runId}?minSeq=${seq + 1}`);
    const next = await write('job.offered', offeredBody(runId, seq));
    expect(next).toBe(seq + 1);
    expect(await reading).toMatchObject({ seq: next, jobs: [{ state: 'offered' }] });
    const began = systemClock.monotonicMs();
    const never = await get(`/runs/${runId}?minSeq=${next + 1_000}`);
    expect(never.status).toBe(503);
    expect(await answered(never)).toMatchObject({ code: 'sequence-not-reached' });
    expect(systemClock.monotonicMs() - began).toBeLessThan(5_000);
  });

  it('of a decided trigger is pending before its first event; one that the decision does not name is not found', async () => {
    const { triggerId } = await answered(
      api.post('/triggers', { source: 'cron', type: 't', data: {} }),
    );
    expect(await json(`/runs/${triggerId}-0`)).toMatchObject({ state: 'pending' });
    const message = await api.journal.last(
      'WB_TRIGGERS',
      subjects.trigger(ORG, 'cron', triggerId, 'received'),
    );
    const received = message === undefined ? undefined : readTriggerMessage(message);
    if (received?.type !== 'trigger.received') throw new Error('not stored');
    const rule = { name: 'ci', generation: 1, seq: 1 };
    await api.journal.append(
      decidedDraft(received, {
        triggerId,
        decision: 'run',
        receivedSeq: received.seq,
        runs: [{ rule, runId: `${triggerId}-1` }],
      }),
    );
    expect(await json(`/runs/${triggerId}-1`)).toMatchObject({
      state: 'pending',
      trigger: { triggerId, source: 'cron' },
    });
    expect((await get(`/runs/${triggerId}-0`)).status).toBe(404);
    expect(await json(`/triggers/${triggerId}`)).toMatchObject({
      decision: 'run',
      runs: [{ runId: `${triggerId}-1` }],
    });
  });

  it('that is unknown, malformed or of another org answers alike', async () => {
    const foreign = whole.runId.replace('-0', '-1');
    const random = newRunId('never');
    const paths = [
      `/v1/orgs/${ORG}/runs/${random}`,
      `/v1/orgs/${ORG}/runs/${foreign}`,
      `/v1/orgs/other/runs/${whole.runId}`,
      `/v1/orgs/${ORG}/runs/..%2f`,
      `/v1/orgs/${ORG}/runs/x`,
    ];
    for (const suffix of ['', '/events', '/logs']) {
      const answers = await callAll(paths.map((path) => path + suffix));
      const bodies = await Promise.all(answers.map(answered));
      expect(answers.map((answer) => answer.status)).toEqual(paths.map(() => 404));
      const [first, ...others] = bodies.map(({ requestId, ...body }) => ({
        ...body,
        isNamed: requestId.length > 0,
      }));
      expect(others).toEqual(others.map(() => first));
    }
  });
});

describe('events', () => {
  it('come in log order, in pages that neither skip nor repeat', async () => {
    const all = await json(`/runs/${whole.runId}/events`);
    expect(all.next).toBeNull();
    expect(all.items.map((item) => item.type)).toEqual([
      'run.created',
      'job.offered',
      'job.ack',
      'job.status',
      'job.status',
      'run.completed',
    ]);
    expect(all.items.map((item) => item.seq)).toEqual(whole.seqs);
    expect(all.items[2]).toMatchObject({
      jobId: whole.jobId,
      attempt: 1,
      agentId: 'agent-1',
      data: { type: 'job.ack' },
    });
    const paged: unknown[] = [];
    let next: string | null = '';
    do {
      const page: Answered = await json(
        `/runs/${whole.runId}/events?limit=3${next === '' ? '' : `&cursor=${next}`}`,
      );
      paged.push(...page.items);
      next = page.next;
    } while (next !== null);
    expect(paged).toEqual(all.items);
  });

  it('show what is sealed only as such, and what cannot be read as unreadable', async () => {
    const runId = newRunId('sealed');
    const { write } = runWriter(api.journal, runId);
    await write('run.created', createdBody(runId, { $sealed: 'v1.k.abc.def' }));
    await api.journal.append({
      stream: 'WB_RUNS',
      subject: subjects.run(ORG, runId, 'job.ack'),
      type: 'job.ack',
      meta: { id: 'poison', source: 'x', runId },
      body: 'not json {',
    });
    const { items } = await json(`/runs/${runId}/events`);
    expect(items[0]?.data['secrets']).toBe('[sealed]');
    expect(items[1]).toMatchObject({ type: 'unreadable', data: { code: 'not-json' } });
    expect(await json(`/runs/${runId}`)).toMatchObject({ anomalies: 1 });
  });

  it('take page sizes to the limit and cursors of their own only', async () => {
    expect((await get(`/runs/${whole.runId}/events?limit=${limits.pageSize}`)).status).toBe(200);
    for (const query of [
      `limit=${limits.pageSize + 1}`,
      'limit=0',
      'limit=x',
      'cursor=zzz',
      'cursor=',
    ]) {
      const answer = await get(`/runs/${whole.runId}/events?${query}`);
      expect(answer.status, query).toBe(400);
      expect((await answered(answer)).errors).toHaveLength(1);
    }
    for (const query of ['atSeq=-1', 'at=yesterday', 'minSeq=1e3'])
      expect((await get(`/runs/${whole.runId}?${query}`)).status, query).toBe(400);
  });
});

it('logs come as chunks in log order, in pages', async () => {
  const { items, next } = await json(`/runs/${whole.runId}/logs`);
  expect(items).toMatchObject([
    { jobId: whole.jobId, attempt: 1, stepIndex: 0, lines: ['hello', 'wörld'] },
    { jobId: whole.jobId, attempt: 1, stepIndex: 0, lines: ['done'] },
  ]);
  expect(next).toBeNull();
  const first = await json(`/runs/${whole.runId}/logs?limit=1`);
  expect(first.items).toEqual([items[0]]);
  expect(await json(`/runs/${whole.runId}/logs?cursor=${first.next}`)).toEqual({
    items: [items[1]],
    next: null,
  });
});

it('a page of a long log costs what it shows, and all of them together what there is', async () => {
  const runId = newRunId('long');
  const { write, log } = runWriter(api.journal, runId);
  await write('run.created', createdBody(runId));
  const count = 6_000;
  for (let done = 0; done < count; done += 500)
    await Promise.all(Array.from({ length: 500 }, (_, i) => log([`line ${done + i}`])));
  const sent = async (): Promise<number> => {
    const answer = await fetch(`${api.servers.nats.monitorUrl}/varz`);
    return ((await answer.json()) as Readonly<{ out_msgs: number }>).out_msgs;
  };
  const before = await sent();
  expect((await json(`/runs/${runId}/logs?limit=10`)).items).toHaveLength(10);
  expect((await sent()) - before).toBeLessThan(count / 2);
  const lines: unknown[] = [];
  let cursor: string | null = '';
  while (cursor !== null) {
    const page: Answered = await json(
      `/runs/${runId}/logs?limit=200${cursor === '' ? '' : `&cursor=${cursor}`}`,
    );
    lines.push(...page.items.flatMap((item) => ('lines' in item ? item.lines : [])));
    cursor = page.next;
  }
  expect(lines).toEqual(Array.from({ length: count }, (_, i) => `line ${i}`));
});

describe('lists from the read model', () => {
  it('page through runs and agents, and take only what they know', async () => {
    const { db } = api.readModel;
    const runs = ['one', 'two', 'three'].map((name, i) => ({
      org: ORG,
      run_id: newRunId(name),
      state: i === 1 ? 'running' : 'success',
      trigger: JSON.stringify({}),
      trigger_id: 't',
      trigger_source: 'github',
      trigger_kind: 'webhook',
      trigger_event: 'push',
      rule_name: null,
      rule_generation: null,
      workflow: name,
      repo_url: '',
      ref: '',
      sha: '',
      request_id: null,
      created_at: '2026-01-01T00:00:00Z',
      started_at: null,
      completed_at: null,
      duration_ms: null,
      cost_usd: 0,
      usage: JSON.stringify({}),
      trust: 'trusted',
      chain_depth: 0,
      log_bytes: 0,
      anomalies: 0,
      first_seq: 100 + i,
      seq: 200 + i,
    }));
    await db.insertInto('runs').values(runs).execute();
    const page = await json('/runs?limit=2');
    expect(page.items.map((run) => run.workflow)).toEqual(['three', 'two']);
    expect(
      (await json(`/runs?limit=2&cursor=${page.next}`)).items.map((run) => run.workflow),
    ).toEqual(['one']);
    expect((await json('/runs?state=running')).items).toHaveLength(1);
    expect((await get('/runs?state=lost')).status).toBe(400);
    expect((await get('/runs?cursor=bad')).status).toBe(400);
    expect(await json('/agents')).toEqual({ items: [], next: null });
    expect(await json('/triggers')).toEqual({ items: [], next: null });
    expect(await json('/rules')).toEqual({ items: [], next: null });
  });

  it('give a run its record once the projector has written it', async () => {
    const { runId, seqs } = await writeWholeRun(api.journal, 'recorded');
    const ref = { sha256: 'ab'.repeat(32), firstSeq: seqs[0] ?? 0, lastSeq: seqs.at(-1) ?? 0 };
    await api.readModel.db
      .insertInto('run_records')
      .values({
        org: ORG,
        run_id: runId,
        record_version: 1,
        state: 'success',
        created_at: '2026-01-01T00:00:00Z',
        started_at: null,
        completed_at: '2026-01-01T00:00:00Z',
        duration_ms: 1,
        cost_usd: 0,
        workflow: 'ci',
        trigger_source: 'github',
        first_seq: ref.firstSeq,
        last_seq: ref.lastSeq,
        sha256: ref.sha256,
        previous_sha256: null,
        body: Buffer.from('{}'),
      })
      .execute();
    expect((await json(`/runs/${runId}`)).record).toEqual(ref);
    expect((await json(`/runs/${runId}?atSeq=${seqs[3]}`)).record).toBeNull();
  });
});

it('an event of a newer build stops the api by name instead of being misjudged', async () => {
  const other = await startApi({ servers: api.servers, ring: api.ring });
  const runId = newRunId('newer');
  const { write } = runWriter(other.journal, runId);
  await write('run.created', createdBody(runId));
  await other.journal.append({
    stream: 'WB_RUNS',
    subject: subjects.run(ORG, runId, 'job.queued'),
    type: 'job.queued',
    meta: { id: 'newer', source: 'x', runId },
    extra: { 'wb-version': '2' },
    body: JSON.stringify(completedBody('x')),
  });
  expect((await other.call(`/v1/orgs/${ORG}/runs/${runId}`)).status).toBe(503);
  const ready = await other.call('/readyz');
  expect(ready.status).toBe(503);
  expect(JSON.stringify(await answered(ready))).toMatch(/WB_RUNS \d+: schema version 2/);
  await other.stop();
});
