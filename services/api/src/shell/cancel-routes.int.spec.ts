import {
  foldRun,
  type RunEvent,
  readAgentMessage,
  readRunMessage,
  subjects,
} from '@waybill/protocol';
import type { Row } from '@waybill/readmodel';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createdBody, newRunId, offeredBody, runWriter, writeWholeRun } from './run-log.fixture.ts';
import { answered, ORG, type RunningApi, startApi } from './running-api.fixture.ts';

let api: RunningApi;
beforeAll(async () => {
  api = await startApi({ limits: { bulkRuns: 2 } });
}, 60_000);
afterAll(() => api.stop());

const at = '2026-01-02T03:04:05.678Z';

async function openRun(name: string, state: 'queued' | 'offered' = 'queued'): Promise<string> {
  const runId = newRunId(name);
  const { write, seqs } = runWriter(api.journal, runId);
  await write('run.created', createdBody(runId));
  if (state === 'offered') await write('job.offered', offeredBody(runId, seqs.at(-1) ?? 0));
  return runId;
}

async function eventsOf(runId: string): Promise<readonly RunEvent[]> {
  const messages = await api.journal.load('WB_RUNS', subjects.runFilter(ORG, runId));
  return messages.flatMap((message) => readRunMessage(message) ?? []);
}

/** The row that the projector would write. */
async function inReadModel(runId: string, firstSeq: number): Promise<void> {
  const row: Row<'runs'> = {
    org: ORG,
    run_id: runId,
    state: 'pending',
    trigger: {},
    trigger_id: runId.slice(0, 26),
    trigger_source: 'bulk',
    trigger_kind: 'webhook',
    trigger_event: 'push',
    rule_name: null,
    rule_generation: null,
    workflow: 'ci',
    repo_url: '',
    ref: '',
    sha: '',
    request_id: null,
    created_at: at,
    started_at: null,
    completed_at: null,
    duration_ms: null,
    cost_usd: 0,
    usage: {},
    repository: null,
    trust: 'trusted',
    chain_depth: 0,
    upstream: null,
    late_usage: null,
    log_bytes: 0,
    cancel: null,
    anomalies: 0,
    first_seq: firstSeq,
    seq: firstSeq,
  };
  const values = { ...row, trigger: JSON.stringify({}), usage: JSON.stringify({}) };
  await api.readModel.db.insertInto('runs').values(values).execute();
}

describe('a cancel', () => {
  it('of a run that nobody has taken up ends its jobs at once', async () => {
    const runId = await openRun('c1');
    const answer = await api.post(`/runs/${runId}/cancel`, { reason: 'no longer needed' });
    expect(answer.status).toBe(202);
    expect(await answer.json()).toMatchObject({
      runId,
      state: 'cancelling',
      jobs: [{ name: 'build', state: 'cancelled' }],
    });
    const view = await (await api.call(`/v1/orgs/${ORG}/runs/${runId}`)).json();
    expect(view).toMatchObject({
      cancel: { by: 'api-key', reason: 'no longer needed', force: false },
    });
  });

  it('of an offered job is asked for, and left to those who have it', async () => {
    const runId = await openRun('c2', 'offered');
    const answer = await api.post(`/runs/${runId}/cancel`, {});
    expect(await answer.json()).toMatchObject({ jobs: [{ state: 'offered' }] });
    expect(foldRun(await eventsOf(runId)).jobs[0]?.cancel).toMatchObject({ by: 'api-key' });
  });

  it('takes an empty body, and an Idempotency-Key for which it is one cancel', async () => {
    const runId = await openRun('c3');
    const key = { 'idempotency-key': 'stop 3' };
    const path = `/v1/orgs/${ORG}/runs/${runId}/cancel`;
    const first = await api.call(path, { method: 'POST', headers: key });
    const again = await api.call(path, { method: 'POST', headers: key });
    expect([first.status, again.status]).toEqual([202, 202]);
    expect(await again.json()).toEqual(await first.json());
    const other = await api.post(`/runs/${runId}/cancel`, { force: true }, key);
    expect([other.status, (await answered(other)).code]).toEqual([422, 'key-reused']);
    expect((await eventsOf(runId)).filter(({ type }) => type === 'cancel.requested')).toHaveLength(
      1,
    );
  });

  it('of a run that has ended, of none, or with mistakes is refused', async () => {
    const ended = await writeWholeRun(api.journal, 'c4');
    const over = await api.post(`/runs/${ended.runId}/cancel`, {});
    expect([over.status, (await answered(over)).code]).toEqual([409, 'run-ended']);
    const none = await api.post(`/runs/${newRunId('c-none')}/cancel`, {});
    expect(none.status).toBe(404);
    const runId = await openRun('c5');
    const odd = await answered(api.post(`/runs/${runId}/cancel`, { fast: true }));
    expect(odd.errors).toEqual([{ path: 'fast', message: 'is not known here' }]);
    const foreign = await answered(
      api.post(`/runs/${runId}/cancel`, { jobIds: [`${newRunId('other')}-0`] }),
    );
    expect(foreign.errors[0]?.path).toBe('jobIds');
    expect((await eventsOf(runId)).map(({ type }) => type)).toEqual(['run.created']);
  });
});

describe('a cancel of many', () => {
  it('is counted as a preview, and done in pages without meeting a run twice', async () => {
    const runs = await Promise.all(['b1', 'b2', 'b3'].map((name) => openRun(name)));
    for (const [index, runId] of runs.entries()) await inReadModel(runId, 1_000 + index);
    const filter = { source: 'bulk' };
    const preview = await api.post('/runs/cancel', { filter, preview: true });
    expect(await preview.json()).toEqual({ preview: true, matched: 3, runIds: runs });
    expect(foldRun(await eventsOf(runs[0] ?? '')).cancel).toBeNull();
    const first = await answered(api.post('/runs/cancel', { filter }));
    expect(first).toMatchObject({ matched: 3, requested: 2, already: 0, failed: 0 });
    const second = await answered(api.post('/runs/cancel', { filter, cursor: first.next }));
    expect(second).toMatchObject({ matched: 1, requested: 1, next: null });
    const again = await answered(api.post('/runs/cancel', { filter }));
    expect(again).toMatchObject({ requested: 0, already: 2 });
    for (const runId of runs)
      expect(foldRun(await eventsOf(runId)).jobs[0]?.state).toBe('cancelled');
  });

  it('needs a condition', async () => {
    const answer = await answered(api.post('/runs/cancel', { filter: {} }));
    expect(answer.errors[0]).toMatchObject({ path: 'filter' });
  });
});

describe('the settings of an org', () => {
  const path = `/v1/orgs/${ORG}/settings`;
  const patch = (body: unknown) =>
    api.call(path, {
      method: 'PATCH',
      body: JSON.stringify(body),
      headers: { 'content-type': 'application/json' },
    });

  it('begin with defaults, change by generation, and go back', async () => {
    const before = await (await api.call(path)).json();
    expect(before).toMatchObject({ generation: 0, settings: { dispatchAckTimeoutMs: null } });
    expect(await (await patch({ dispatchAckTimeoutMs: 1_000 })).json()).toMatchObject({
      generation: 1,
      settings: { dispatchAckTimeoutMs: 1_000 },
    });
    expect(await (await patch({ dispatchAckTimeoutMs: 1_000 })).json()).toMatchObject({
      generation: 1,
    });
    expect(await (await patch({ dispatchAckTimeoutMs: null })).json()).toMatchObject({
      generation: 2,
      settings: { dispatchAckTimeoutMs: null },
    });
  });

  it('keep teams by name, each as it was said last', async () => {
    const settingsOf = async (body: unknown): Promise<unknown> => {
      const answer = (await (await patch(body)).json()) as { settings: unknown }; // as it answers
      return answer.settings;
    };
    const teams = { ops: ['ada', 'bob'], dev: ['carl'] };
    expect(await settingsOf({ teams, approvalTimeoutMs: 60_000 })).toMatchObject({
      teams,
      approvalTimeoutMs: 60_000,
    });
    expect(await settingsOf({ teams: { ops: ['ada'], dev: null } })).toMatchObject({
      teams: { ops: ['ada'] },
      approvalTimeoutMs: 60_000,
    });
    expect(await settingsOf({ teams: null, approvalTimeoutMs: null })).toMatchObject({
      teams: {},
      approvalTimeoutMs: null,
    });
    const many = Object.fromEntries(Array.from({ length: 257 }, (_, at) => [`t${at}`, ['ada']]));
    const refused = await patch({ teams: many });
    expect([refused.status, await refused.json()]).toMatchObject([
      400,
      { errors: [{ path: 'teams', message: 'an org has at most 256 teams' }] },
    ]);
  });

  it('take no time under a second', async () => {
    const answer = await patch({ dispatchAckTimeoutMs: 999 });
    expect([answer.status, (await answered(answer)).errors]).toEqual([
      400,
      [{ path: 'dispatchAckTimeoutMs', message: 'must be 1000 ms or more' }],
    ]);
  });
});

describe('an agent', () => {
  const register = async (agentId: string, state: string): Promise<void> => {
    const session = 1;
    await api.readModel.db
      .insertInto('agents')
      .values({
        org: ORG,
        agent_token: agentId,
        agent_id: agentId,
        labels: JSON.stringify(['linux']),
        max_concurrency: 1,
        session,
        state,
        gateway: 'g/1',
        host: JSON.stringify({}),
        last_status: null,
        last_status_at: null,
        scaler_managed: false,
        draining_since: null,
        draining_by: null,
        violations: 0,
        last_violation: null,
        last_violation_at: null,
        connected_at: at,
        disconnected_at: null,
        code: null,
        seq: session,
      })
      .execute();
  };

  it('is drained by a word in the log, and undrained', async () => {
    await register('agent.with.dots', 'online');
    const path = `/v1/orgs/${ORG}/agents/agent.with.dots/drain`;
    expect(await (await api.call(path, { method: 'PUT' })).json()).toMatchObject({
      agentId: 'agent.with.dots',
      draining: true,
      activeJobs: 0,
    });
    const subject = subjects.agent(ORG, 'agent.with.dots', 'draining');
    const last = await api.journal.last('WB_AGENTS', subject, { leader: true });
    expect(last && readAgentMessage(last)).toMatchObject({
      type: 'draining',
      body: { draining: true, by: 'api-key' },
    });
    expect((await api.call(path, { method: 'DELETE' })).status).toBe(200);
    const nobody = await api.call(`/v1/orgs/${ORG}/agents/nobody/drain`, { method: 'PUT' });
    expect(nobody.status).toBe(404);
  });

  it('is named where a job waits for it', async () => {
    const runId = await openRun('w1');
    const blocked = async (): Promise<unknown> => {
      const view: unknown = await (await api.call(`/v1/orgs/${ORG}/runs/${runId}`)).json();
      return view;
    };
    expect(await blocked()).toMatchObject({ jobs: [{ blockedBy: [{ kind: 'agent' }] }] });
    const set = (change: Partial<Row<'agents'>>) =>
      api.readModel.db.updateTable('agents').set(change).execute();
    // It says more than we gave it: it has work of somebody else.
    await set({ last_status: JSON.stringify({ activeJobs: 1 }), last_status_at: at });
    expect(await blocked()).toMatchObject({
      jobs: [{ blockedBy: [{ kind: 'busy', detail: 'every agent is busy: agent.with.dots' }] }],
    });
    await set({ state: 'offline' });
    expect(await blocked()).toMatchObject({ jobs: [{ blockedBy: [{ kind: 'no_agent' }] }] });
  });

  it('holds its job back for a while when it rejects it, and so do jobs that are needed', async () => {
    const runId = newRunId('w2');
    const { write, seqs } = runWriter(api.journal, runId);
    const made = createdBody(runId);
    const [first] = made.jobs;
    const needs = [{ job: 'build', on: ['success'] }];
    const second = { ...first, jobId: `${runId}-1`, name: 'ship', needs };
    await write('run.created', { ...made, jobs: [first, second] });
    for (let attempt = 1; attempt <= 4; attempt++) {
      await write('job.offered', { ...offeredBody(runId, seqs.at(-1) ?? 0), attempt });
      await write('job.reject', { reason: 'busy' }, { fact: true, attempt });
    }
    const view: unknown = await (await api.call(`/v1/orgs/${ORG}/runs/${runId}`)).json();
    expect(view).toMatchObject({
      jobs: [
        {
          name: 'build',
          blockedBy: [
            { kind: 'backoff', detail: 'its last offer was rejected' },
            { kind: 'no_agent' },
          ],
        },
        { name: 'ship', blockedBy: [{ kind: 'needs', detail: 'waits for build', until: null }] },
      ],
    });
  });
});
