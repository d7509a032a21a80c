/** The upstream feed over real sockets: who may have it, what comes first, and what becomes of who does not read. */
import type { Broadcaster } from '@waybill/journal';
import { eventually } from '@waybill/process/testing';
import { allSubjects, subjects } from '@waybill/protocol';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { completedBody, createdBody, newRunId, runWriter } from './run-log.fixture.ts';
import { API_KEY, answered, ORG, type RunningApi, startApi } from './running-api.fixture.ts';
import { type Dashboard, type DashboardOptions, dashboard } from './upstream-client.fixture.ts';

const PATH = `/v1/orgs/${ORG}/upstream`;
const clients = 3;
let api: RunningApi;
let projector: Broadcaster;
const open = new Set<Dashboard>();
beforeAll(async () => {
  api = await startApi({
    limits: {
      upstreamClients: clients,
      upstreamPingMs: 1_000,
      upstreamUnsentBytes: 64 * 1024,
      upstreamStallMs: 1_000,
    },
  });
  projector = api.journal.broadcaster({ onGap: () => undefined });
});
afterEach(async () => {
  for (const each of open) each.ws.terminate();
  await Promise.all([...open].map(({ closed }) => closed));
  open.clear();
});
afterAll(() => api.stop());

const connect = (o: DashboardOptions = { apiKey: API_KEY }, path = PATH): Dashboard => {
  const one = dashboard(api.url, path, o);
  open.add(one);
  return one;
};
const step = (runId: string, seq: number, stepName = 's') => ({
  type: 'step.status.forward' as const,
  messageId: `${runId}:${seq}:0`,
  runId,
  jobId: `${runId}-0`,
  jobName: 'build',
  stepIndex: 0,
  stepName,
  state: 'running' as const,
  timestamp: 1,
});
/** As the projector does. */
const tell = (runId: string, seq: number, stepName?: string, org = ORG): void =>
  projector.publish({
    subject: subjects.upstream(org, runId, 'step.status.forward'),
    headers: { 'wb-seq': String(seq) },
    body: JSON.stringify(step(runId, seq, stepName)),
  });

/** What the projector would have written of a run, as far as the feed asks for it. */
async function projected(runId: string, state: string, completedAt: number | null, seq: number) {
  const at = completedAt === null ? null : new Date(completedAt).toISOString();
  const { db } = api.readModel;
  await db
    .insertInto('runs')
    .values({
      org: ORG,
      run_id: runId,
      state,
      trigger: '{}',
      trigger_id: runId.slice(0, 26),
      trigger_source: 'github',
      trigger_kind: 'webhook',
      trigger_event: 'push',
      workflow: 'ci',
      repo_url: '',
      ref: '',
      sha: '',
      created_at: new Date(0).toISOString(),
      completed_at: at,
      cost_usd: 0,
      usage: '{}',
      trust: 'trusted',
      chain_depth: 0,
      log_bytes: 0,
      anomalies: 0,
      first_seq: seq,
      seq,
    })
    .execute();
  const checkpoint = { stream: 'WB_RUNS', identity: 'x', seq, event_id: 'x' };
  await db
    .insertInto('checkpoints')
    .values(checkpoint)
    .onConflict((on) => on.column('stream').doUpdateSet({ seq }))
    .execute();
}

describe('the upstream feed', () => {
  it('is for bearers of the API key, in their own organisation, over a WebSocket', async () => {
    for (const [o, path, code] of [
      [{}, PATH, 401],
      [{ apiKey: 'wbk_wrong' }, PATH, 401],
      [{ query: `?access_token=${API_KEY}` }, PATH, 401],
      [{ apiKey: API_KEY }, '/v1/orgs/other/upstream', 404],
    ] as const)
      expect(await connect(o, path).closed).toMatchObject({ code });
    const plain = await api.call(PATH);
    expect(plain.status).toBe(426);
    expect(await answered(plain)).toMatchObject({ code: 'upgrade-required' });
  });

  it('begins with all runs as they stand, and goes on behind them', async () => {
    const now = await api.journal.serverTime('WB_RUNS');
    const running = newRunId('running');
    const ended = newRunId('ended');
    const gone = newRunId('gone');
    const first = runWriter(api.journal, running);
    await first.write('run.created', createdBody(running));
    for (const [runId, completedAt] of [
      [ended, now - 1_000],
      [gone, now - 3_600_000],
    ] as const) {
      const { write, jobId } = runWriter(api.journal, runId);
      await write('run.created', createdBody(runId));
      await write('cancel.requested', { by: 'ada' }, { fact: true });
      const body = { ...completedBody(jobId), state: 'cancelled', completedAt };
      await projected(runId, 'cancelled', completedAt, await write('run.completed', body));
    }
    await projected(running, 'pending', null, first.seqs[0] ?? 0);
    // Is in the tables up to here, whatever lies behind.
    const seq = Number(
      (await api.readModel.db.selectFrom('checkpoints').select('seq').executeTakeFirst())?.seq,
    );
    await first.write('job.offered', { jobId: first.jobId });
    const one = connect();
    await one.until(1);
    expect(one.replays()).toHaveLength(1);
    expect(one.replays()[0]?.runs).toMatchObject([
      { runId: running, status: 'pending', jobs: [{ jobName: 'build', status: 'queued' }] },
      { runId: ended, status: 'cancelled', completedAt: now - 1_000 },
    ]);
    tell(running, seq);
    tell(running, seq + 1);
    tell(running, seq + 2, 'é');
    tell(running, seq + 3, 'x', 'other');
    const heard = await one.until(3);
    expect(heard.slice(1)).toEqual([step(running, seq + 1), step(running, seq + 2, 'é')]);
  });

  it('tells all runs again where something may have been missed', async () => {
    const one = connect();
    await one.until(1);
    projector.publish({ subject: allSubjects.upstreamBegun, body: '' });
    await one.until(2);
    expect(one.replays()).toHaveLength(2);
    tell(newRunId('x'), 1_000_000);
    expect((await one.until(3))[2]?.type).toBe('step.status.forward');
  });

  it('loses nothing that is told while the runs are read', async () => {
    const all = Array.from({ length: clients }, () => connect());
    let seq = 2_000_000;
    const isDone = (): boolean => all.every(({ heard }) => heard.length > 0);
    await eventually(() => {
      tell(newRunId('x'), ++seq);
      if (seq % 7 === 0) projector.publish({ subject: allSubjects.upstreamBegun, body: '' });
      return isDone();
    });
    tell(newRunId('x'), ++seq);
    const last = seq;
    for (const { heard } of all) {
      expect(heard[0]?.type).toBe('state.replay');
      await eventually(() => heard.some((each) => each.messageId.endsWith(`:${last}:0`)));
      const told = heard
        .filter((each) => each.type === 'step.status.forward')
        .map(({ messageId }) => Number(messageId.split(':')[1]));
      const from = told[0] ?? 0;
      expect(told).toEqual(Array.from({ length: last - from + 1 }, (_, at) => from + at));
    }
  });

  it('has a bounded number of readers', async () => {
    const all = Array.from({ length: clients }, () => connect());
    await Promise.all(all.map((each) => each.until(1)));
    expect(await connect().closed).toMatchObject({ code: 503 });
    all[0]?.ws.close();
    await all[0]?.closed;
    await eventually(async () => {
      const again = connect();
      const opened = await Promise.race([again.closed, again.until(1).then(() => 'open')]);
      return opened === 'open';
    });
  });

  it('closes who does not read with 1013, and ends who does not answer pings', async () => {
    const slow = connect();
    await slow.until(1);
    slow.ws.pause();
    const filler = 'z'.repeat(1_000);
    let seq = 3_000_000;
    await eventually(
      () => {
        for (let at = 0; at < 200; at++) tell(newRunId('x'), ++seq, filler);
        return api.logged().includes('it takes nothing');
      },
      { withinMs: 20_000 },
    );
    slow.ws.resume();
    expect(await slow.closed).toMatchObject({ code: 1013 });
    const deaf = connect({ apiKey: API_KEY, autoPong: false });
    expect(await deaf.closed).toMatchObject({ code: 1006 });
  });

  it('sends its readers away when the service stops', async () => {
    const one = connect();
    await one.until(1);
    await api.stopApi();
    expect(await one.closed).toMatchObject({ code: 1001 });
  });
});
