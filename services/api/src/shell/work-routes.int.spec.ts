import { type Objects, openObjects } from '@waybill/objects';
import { agentDraft, artifactObject, bundleObject, provenanceObject } from '@waybill/protocol';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createdBody, newRunId, offeredBody, runWriter } from './run-log.fixture.ts';
import { ORG, type RunningApi, startApi } from './running-api.fixture.ts';

let api: RunningApi;
let objects: Objects;
beforeAll(async () => {
  api = await startApi({ limits: { agentLogsMs: 2_000 } });
  const { journal, ring, host, url } = api;
  objects = await openObjects({ journal, ring, publicUrl: url, settings: {}, ...host });
}, 60_000);
afterAll(async () => {
  await objects?.close();
  await api.stop();
});

const get = (path: string) => api.call(`/v1/orgs/${ORG}${path}`, { redirect: 'manual' });
const json = async (path: string): Promise<unknown> => (await get(path)).json();
const bytes = async function* (text: string) {
  yield new TextEncoder().encode(text);
};
const digest = 'ab'.repeat(32);

/** A run whose job has used something, with the rows that a projector would have made of what it left behind. */
async function working(name: string): Promise<string> {
  const runId = newRunId(name);
  const { write, seqs, jobId } = runWriter(api.journal, runId);
  await write('run.created', createdBody(runId));
  await write('job.offered', offeredBody(runId, seqs.at(-1) ?? 0));
  const entries = [{ kind: 'model_call', costUsd: '0.5', 'gen_ai.usage.input_tokens': 3 }];
  await write('usage.reported', { messageId: 'u1', entries }, { fact: true });
  const of = { org: ORG, runId, jobId, attempt: 1 };
  const stored = await objects.write(artifactObject(of, 'out/a b.txt'), bytes('hello'), {});
  await objects.write(provenanceObject(of, digest), bytes('{}'), {});
  const place = { org: ORG, run_id: runId, job_id: jobId, attempt: 1, agent_id: 'a' };
  const { db } = api.readModel;
  const row = { ...place, uri: 'x', sha256: stored.sha256, size_bytes: 5 };
  const created_at = '2026-01-01T00:00:00Z';
  // A later one of the same name takes its place.
  for (const seq of [3, 4])
    await db
      .insertInto('artifacts')
      .values({ ...row, seq, name: 'out/a b.txt', created_at, attempt: seq === 4 ? 1 : 9 })
      .execute();
  const about = { subject_name: 'a b.txt', subject_digest: digest, media_type: 'application/json' };
  await db
    .insertInto('attestations')
    .values({ ...place, ...about, seq: 5, sha256: stored.sha256, size_bytes: 2, created_at })
    .execute();
  for (const index of [0, 1, 2])
    await db
      .insertInto('usage_entries')
      .values({
        ...place,
        seq: 3,
        index,
        report_id: 'u1',
        kind: 'model_call',
        late: false,
        reported_at: created_at,
      })
      .execute();
  return runId;
}

describe('what agents have left behind', () => {
  it('is listed by its newest of each name, and given at an address that works once', async () => {
    const runId = await working('w1');
    expect(await json(`/runs/${runId}/artifacts`)).toMatchObject({
      items: [{ name: 'out/a b.txt', attempt: 1, seq: 4, sizeBytes: 5 }],
      next: null,
    });
    const sent = await get(`/runs/${runId}/artifacts/out/a%20b.txt`);
    expect(sent.status).toBe(302);
    const location = sent.headers.get('location') ?? '';
    const given = await fetch(location);
    expect(await given.text()).toBe('hello');
    expect(given.headers.get('content-disposition')).toContain('a%20b.txt');
    expect((await fetch(location)).status).toBe(409);
    expect(api.logged()).not.toContain(location.split('/').at(-1));
    expect((await get(`/runs/${runId}/artifacts/nothing`)).status).toBe(404);
    expect((await get(`/runs/${newRunId('never')}/artifacts`)).status).toBe(404);
  });

  it('is attested, and found by the digest of what is attested', async () => {
    const runId = await working('w2');
    const found = await json(`/provenance/${digest}`);
    expect(found).toMatchObject({ items: [{ subjectDigest: digest }, {}] });
    expect(JSON.stringify(found)).toContain(runId);
    const sent = await get(`/provenance/${digest}/content`);
    expect(sent.status).toBe(302);
    expect(await (await fetch(sent.headers.get('location') ?? '')).text()).toBe('{}');
    for (const nothing of ['cd'.repeat(32), 'NOT-HEX', `${digest}/else`])
      expect((await get(`/provenance/${nothing}`)).status).toBe(404);
  });
});

describe('what a run has used', () => {
  it('is the sum from the log, with its entries in pages', async () => {
    const runId = await working('w3');
    const first = await json(`/runs/${runId}/usage?limit=2`);
    expect(first).toMatchObject({
      runId,
      costUsd: 0.5,
      usage: { modelCalls: 1, inputTokens: 3 },
      late: { costUsd: 0 },
      total: { costUsd: 0.5 },
      jobs: [{ name: 'build', costUsd: 0.5 }],
      items: [{ index: 0 }, { index: 1 }],
    });
    const { next } = first as { next: string };
    expect(await json(`/runs/${runId}/usage?limit=2&cursor=${next}`)).toMatchObject({
      items: [{ index: 2 }],
      next: null,
    });
    expect((await get(`/runs/${runId}/usage?cursor=xyz`)).status).toBe(400);
    expect((await get(`/runs/${newRunId('never')}/usage`)).status).toBe(404);
  });
});

describe('an agent’s own logs', () => {
  const known = async (agentId: string, state: string): Promise<void> => {
    await api.readModel.db
      .insertInto('agents')
      .values({
        org: ORG,
        agent_token: agentId,
        agent_id: agentId,
        labels: '[]',
        max_concurrency: 1,
        session: 1,
        state,
        gateway: 'g',
        host: '{"platform":"linux"}',
        scaler_managed: false,
        violations: 0,
        connected_at: '2026-01-01T00:00:00Z',
        seq: 1,
      })
      .execute();
  };
  const ask = (agentId: string, body: object = {}) => api.post(`/agents/${agentId}/logs`, body);
  const asked = (agentId: string) =>
    api.journal.last('WB_AGENTS', `wb.v1.agent.*.${ORG}.${agentId}.logs_requested`, {
      leader: true,
    });
  const requestOf = async (agentId: string): Promise<string> => {
    for (;;) {
      const message = await asked(agentId);
      if (message === undefined) await api.host.clock.sleep(20);
      else
        return (JSON.parse(Buffer.from(message.body).toString()) as { requestId: string })
          .requestId;
    }
  };
  const told = (agentId: string, type: 'logs_collected' | 'logs_failed', body: object) =>
    api.journal.append(
      agentDraft({
        org: ORG,
        agentId,
        type,
        id: type + agentId,
        gateway: 'g',
        body: JSON.stringify(body),
      }),
    );

  it('come as one archive, once its gateway has them', async () => {
    await known('here', 'online');
    const answer = ask('here', { hours: 1, maxBytes: 10 });
    const requestId = await requestOf('here');
    const entry = await objects.write(bundleObject(ORG, 'here', requestId), bytes('PK'), {});
    const { key, sizeBytes, sha256 } = entry;
    await told('here', 'logs_collected', { requestId, key, sizeBytes, sha256 });
    const given = await answer;
    expect(given.headers.get('content-type')).toBe('application/zip');
    expect(await given.text()).toBe('PK');
    expect(await json('/agents/here')).toMatchObject({ host: { platform: 'linux' } });
  });

  it('do not come from an agent that is away, says no, or says nothing', async () => {
    expect((await ask('nobody')).status).toBe(404);
    await known('away', 'offline');
    expect(await (await ask('away')).json()).toMatchObject({ code: 'agent-away', status: 409 });
    await known('full', 'online');
    const answer = ask('full');
    const message = 'the agent says: no disk';
    await told('full', 'logs_failed', { requestId: await requestOf('full'), message });
    const failed = { code: 'agent-logs-failed', detail: `${message}.` };
    expect(await (await answer).json()).toMatchObject(failed);
    await known('silent', 'online');
    expect(await (await ask('silent')).json()).toMatchObject({ code: 'agent-logs-failed' });
    expect((await ask('silent', { hours: -1 })).status).toBe(400);
  });
});
