import { foldRun, type RunEvent, readRunMessage, subjects } from '@waybill/protocol';
import type { Row } from '@waybill/readmodel';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createdBody, newRunId, offeredBody, runWriter } from './run-log.fixture.ts';
import { ORG, type RunningApi, startApi } from './running-api.fixture.ts';

let api: RunningApi;
beforeAll(async () => {
  api = await startApi();
  const teams = { ops: ['bob', 'carl'] };
  const change = { method: 'PATCH', body: JSON.stringify({ teams }) };
  const headers = { 'content-type': 'application/json' };
  expect((await api.call(`/v1/orgs/${ORG}/settings`, { ...change, headers })).status).toBe(200);
}, 60_000);
afterAll(() => api.stop());

const both = [{ user: 'ada' }, { team: 'ops' }];

/** A run whose step waits for approval; gives its id. */
async function asking(name: string, clauses: readonly object[] = both): Promise<Asking> {
  const runId = newRunId(name);
  const { write, seqs } = runWriter(api.journal, runId);
  await write('run.created', createdBody(runId));
  await write('job.offered', offeredBody(runId, seqs.at(-1) ?? 0));
  const frame = { messageId: 'm1', stepIndex: 0, stepName: 'deploy', clauses, reason: 'live' };
  await write('approval.requested', frame, { fact: true });
  return { runId, id: `${runId}-0-p1`, write };
}
type Asking = Readonly<{ runId: string; id: string; write: ReturnType<typeof runWriter>['write'] }>;

const decide = (id: string, decision: string, user?: string, more: object = {}) =>
  api.post(
    `/approvals/${id}/decision`,
    { decision, ...more },
    user === undefined ? {} : { 'waybill-user': user },
  );

async function eventsOf(runId: string): Promise<readonly RunEvent[]> {
  const messages = await api.journal.load('WB_RUNS', subjects.runFilter(ORG, runId));
  return messages.flatMap((message) => readRunMessage(message) ?? []);
}

describe('a decision about an approval', () => {
  it('is a fact of whom the caller names, with the teams that the org has set', async () => {
    const { runId, id } = await asking('a1');
    const answer = await decide(id, 'approve', 'bob', { reason: 'it is time' });
    expect(answer.status).toBe(200);
    expect(await answer.json()).toMatchObject({
      id,
      runId,
      jobId: `${runId}-0`,
      state: 'open',
      clauses: both,
      votes: [{ by: 'bob', teams: ['ops'], decision: 'approve', reason: 'it is time' }],
    });
    expect((await decide(id, 'approve', 'ada')).status).toBe(200);
    const run = foldRun(await eventsOf(runId));
    expect(run.anomalies).toBe(0);
    expect(run.jobs[0]?.approvals[0]?.votes.map(({ by }) => by)).toEqual(['bob', 'ada']);
  });

  it('that is repeated is stored once, and answered alike, also once it is settled', async () => {
    const { runId, id, write } = await asking('a2');
    const first = await (await decide(id, 'reject', 'ada')).json();
    expect(await (await decide(id, 'reject', 'ada')).json()).toEqual(first);
    const resolved = { jobId: `${runId}-0`, attempt: 1, approvalId: id, outcome: 'rejected' };
    await write('approval.resolved', resolved);
    const again = await decide(id, 'reject', 'ada');
    expect([again.status, await again.json()]).toMatchObject([200, { outcome: 'rejected' }]);
    const types = (await eventsOf(runId)).map(({ type }) => type);
    expect(types.filter((type) => type === 'approval.answered')).toHaveLength(1);
    const late = await decide(id, 'approve', 'bob');
    expect([late.status, await late.json()]).toMatchObject([
      409,
      { code: 'approval-settled', detail: expect.stringContaining('rejected') as unknown },
    ]);
  });

  it('is refused of somebody who is not asked, and nothing of it is stored', async () => {
    const { runId, id } = await asking('a3');
    const before = (await eventsOf(runId)).length;
    for (const user of ['eve', undefined]) {
      const answer = await decide(id, 'reject', user);
      expect([answer.status, await answer.json()]).toMatchObject([
        403,
        { code: 'not-an-approver', detail: 'It takes ada and a member of ops.' },
      ]);
    }
    expect((await eventsOf(runId)).length).toBe(before);
    const open = await asking('a4', []);
    expect(await (await decide(open.id, 'approve')).json()).toMatchObject({
      votes: [{ by: 'api-key' }],
    });
  });

  it('is not found for what nobody asked, and refused with mistakes in it', async () => {
    const { runId, id } = await asking('a5');
    for (const other of [`${runId}-0-p2`, `${runId}-9-p1`, `${newRunId('none')}-0-p1`, 'x'])
      expect((await decide(other, 'approve')).status).toBe(404);
    expect((await decide(id, 'perhaps', 'ada')).status).toBe(400);
    const named = await decide(id, 'approve', 'a b');
    expect([named.status, await named.json()]).toMatchObject([400, { code: 'header-invalid' }]);
  });
});

describe('the list of approvals', () => {
  const row = (n: number, more: Partial<Row<'approvals'>> = {}): Row<'approvals'> => ({
    org: ORG,
    id: `listed-${n}`,
    run_id: 'r',
    job_id: 'j',
    attempt: 1,
    step_index: 0,
    step_name: 'deploy',
    reason: 'live',
    clauses: JSON.stringify(both),
    votes: JSON.stringify([]),
    state: 'open',
    requested_at: `2026-01-02T03:04:0${Math.floor(n / 2)}.000Z`,
    expires_at: '2026-01-03T03:04:05.000Z',
    resolved_at: null,
    outcome: null,
    seq: n,
    ...more,
  });
  const list = async (query: string) => {
    const answer = await api.call(`/v1/orgs/${ORG}/approvals?${query}`);
    const body: unknown = await answer.json();
    return { status: answer.status, body } as {
      status: number;
      body: { items: { id: string }[]; next: string | null };
    }; // as the list answers
  };

  it('comes newest first, in pages that skip nothing, and by state', async () => {
    const settled = { state: 'approved', outcome: 'approved' };
    const rows = [1, 2, 3, 4, 5].map((n) => row(n, n === 3 ? settled : {}));
    await api.readModel.db.insertInto('approvals').values(rows).execute();
    const first = await list('limit=2');
    expect(first.body.items.map(({ id }) => id)).toEqual(['listed-5', 'listed-4']);
    const second = await list(`limit=2&cursor=${first.body.next}`);
    expect(second.body.items.map(({ id }) => id)).toEqual(['listed-3', 'listed-2']);
    const third = await list(`limit=2&cursor=${second.body.next}`);
    expect([third.body.items.map(({ id }) => id), third.body.next]).toEqual([['listed-1'], null]);
    expect((await list('state=approved')).body.items).toMatchObject([
      { id: 'listed-3', jobName: null, clauses: both, votes: [], outcome: 'approved' },
    ]);
    expect((await list('state=maybe')).status).toBe(400);
    expect((await list('cursor=nonsense')).status).toBe(400);
  });
});
