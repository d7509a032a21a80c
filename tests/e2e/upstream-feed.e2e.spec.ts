/** The upstream feed of a whole Waybill: every field of every message, and no gap under load, whoever comes when. */
import { createHmac, randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { eventually } from '@waybill/process/testing';
import { jobWords, wire } from '@waybill/protocol';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { z } from 'zod';
import { type ScriptedAgent, scriptedAgent } from './scripted-agent.fixture.ts';
import { type Home, openHome } from './waybill.fixture.ts';

const Credentials = z.object({
  url: z.string(),
  apiKey: z.string(),
  agentToken: z.string(),
  webhookSecret: z.string(),
});
const Run = z.looseObject({
  runId: z.string(),
  state: z.string(),
  jobs: z.array(z.looseObject({ jobId: z.string(), state: z.string() })),
});
type Reader = Readonly<{
  heard: readonly wire.UpstreamMessage[];
  /** Of runs and jobs, by id: what somebody knows who has only heard this. */
  knows(): ReadonlyMap<string, string>;
  close(): void;
}>;

/** A reader of the feed that keeps what it hears. */
async function reader(url: string, apiKey: string): Promise<Reader> {
  const ws = new WebSocket(`${url.replace('http', 'ws')}/v1/orgs/main/upstream`, {
    headers: { authorization: `Bearer ${apiKey}` },
  });
  const heard: wire.UpstreamMessage[] = [];
  ws.on('message', (data: Buffer) => {
    const frame = wire.parseUpstreamFrame(data);
    if (frame.ok) heard.push(frame.message);
    else throw new Error(JSON.stringify(frame));
  });
  await eventually(() => heard.length > 0, { what: 'the replay' });
  return { heard, knows: () => knowledge(heard), close: () => ws.terminate() };
}

function knowledge(heard: readonly wire.UpstreamMessage[]): ReadonlyMap<string, string> {
  const known = new Map<string, string>();
  for (const message of heard) {
    if (message.type === 'execution.status') known.set(message.runId, message.status);
    if (message.type === 'job.status.forward') known.set(message.jobId, message.status);
    if (message.type !== 'state.replay') continue;
    for (const run of message.runs) {
      known.set(run.runId, run.status);
      for (const job of run.jobs) known.set(job.jobId, job.status);
    }
  }
  return known;
}

const wordOf = (state: string): string =>
  Object.entries(jobWords).find(([name]) => name === state)?.[1].wire ?? state;

describe('the upstream feed', { timeout: 120_000 }, () => {
  let home: Home;
  let known: z.infer<typeof Credentials>;
  let agent: ScriptedAgent;

  beforeAll(async () => {
    home = await openHome();
    await home.up();
    const file = readFileSync(join(home.folder, 'credentials.json'), 'utf8');
    known = Credentials.parse(JSON.parse(file));
    const { url, agentToken: token } = known;
    agent = await scriptedAgent({ url, token, agentId: 'scripted' });
  }, 90_000);
  afterAll(async () => {
    await agent?.close();
    await home.close();
  }, 60_000);

  const api = async (path: string, method = 'GET', body?: object): Promise<unknown> => {
    const answer = await fetch(`${known.url}/v1/orgs/main${path}`, {
      method,
      headers: { authorization: `Bearer ${known.apiKey}`, 'content-type': 'application/json' },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    expect(answer.ok, `${method} ${path}: ${answer.status}`).toBe(true);
    return answer.json();
  };
  const start = async (request: object): Promise<string> =>
    z.looseObject({ runId: z.string() }).parse(await api('/runs', 'POST', request)).runId;
  const readRun = async (runId: string) => Run.parse(await api(`/runs/${runId}`));
  const isOver = ({ state }: z.infer<typeof Run>): boolean =>
    ['success', 'failed', 'cancelled'].includes(state);
  const ended = (runId: string) =>
    eventually(
      async () => {
        const run = await readRun(runId);
        return isOver(run) ? run : undefined;
      },
      { what: `the end of ${runId}`, withinMs: 30_000 },
    );
  const job = (name: string, config: object = {}) => ({ name, runsOn: ['scripted'], config });

  it('says every field of every message', async () => {
    const first = await reader(known.url, known.apiKey);
    expect(first.heard[0]).toMatchObject({ type: 'state.replay', runs: [] });
    const rule = (name: string, spec: object): Promise<unknown> =>
      api(`/rules/${name}`, 'PUT', {
        apiVersion: 'waybill/v1',
        kind: 'Rule',
        metadata: { name },
        spec,
      });
    const repo = 'https://git.example.net/acme/shop.git';
    const emits = [{ eventName: 'pushed', payload: {} }];
    await rule('pushes', {
      on: { source: 'github', event: 'push' },
      jobs: [{ ...job('build', { emits }), matrix: { region: ['eu'] } }],
    });
    await rule('pushed', {
      on: { source: 'upstream', event: 'pushed' },
      repo,
      jobs: [job('follow', { fails: 'it broke', secretsAccessed: ['TOKEN'] })],
    });
    const body = JSON.stringify({
      ref: 'refs/heads/main',
      after: 'a'.repeat(40),
      repository: { clone_url: repo, full_name: 'acme/shop' },
      head_commit: { id: 'a'.repeat(40), message: 'Sell more tea\n\nAnd coffee.' },
    });
    const signature = createHmac('sha256', known.webhookSecret).update(body).digest('hex');
    await fetch(`${known.url}/hooks/main/github`, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        'x-github-event': 'push',
        'x-github-delivery': randomUUID(),
        'x-hub-signature-256': `sha256=${signature}`,
      },
      body,
    });
    await ended(await start({ jobs: [job('asked', { fails: 'it broke too' })] }));
    const failures = (): number =>
      first.heard.filter((each) => each.type === 'execution.status' && each.status === 'failed')
        .length;
    await eventually(() => failures() === 2, { what: 'two failed runs', withinMs: 30_000 });
    // Who comes now still learns how they ended.
    const second = await reader(known.url, known.apiKey);
    expect(second.heard[0]).toMatchObject({ type: 'state.replay' });

    const all = [...first.heard, ...second.heard];
    const replayed = all.flatMap((each) => (each.type === 'state.replay' ? each.runs : []));
    const of = (type: string): readonly object[] => all.filter((each) => each.type === type);
    for (const [schema, said] of [
      [wire.ExecutionStatus, of('execution.status')],
      [wire.JobStatusForward, of('job.status.forward')],
      [wire.StepStatusForward, of('step.status.forward')],
      [wire.StateReplay, of('state.replay')],
      [wire.RunSnapshot, replayed],
      [wire.JobSnapshot, replayed.flatMap(({ jobs }) => jobs)],
    ] as const)
      for (const field of Object.keys(schema.shape)) {
        const filled = said.filter((each) => (Reflect.get(each, field) ?? null) !== null);
        expect(filled.length, `${schema.meta()?.title}: ${field}`).toBeGreaterThan(0);
      }
    const follow = all.findLast(
      (each) => each.type === 'execution.status' && each.workflowName === 'pushed',
    );
    expect(follow).toMatchObject({
      status: 'failed',
      repoIdentifier: 'acme/shop',
      triggerEvent: 'pushed',
      failureReason: 'follow: it broke',
    });
    first.close();
    second.close();
  });

  it('has no gap under load, for who was there and for who came in the middle', async () => {
    const crew = await Promise.all(
      Array.from({ length: 3 }, (_, at) =>
        scriptedAgent({ url: known.url, token: known.agentToken, agentId: `crew-${at}` }),
      ),
    );
    const readers = [await reader(known.url, known.apiKey)];
    const runIds: string[] = [];
    for (let at = 0; at < 60; at++) {
      const fails = at % 5 === 0 ? { fails: 'as it should' } : {};
      const jobs = [job('a', fails), { ...job('b'), needs: ['a'] }];
      runIds.push(await start({ jobs }));
      if (at % 6 === 0) readers.push(await reader(known.url, known.apiKey));
    }
    const runs = await Promise.all(runIds.map(ended));
    readers.push(await reader(known.url, known.apiKey));
    expect(readers.length).toBeGreaterThan(10);
    for (const [index, one] of readers.entries()) {
      const isTold = (): boolean =>
        runs.every(({ runId, state }) => one.knows().get(runId) === state);
      await eventually(isTold, { what: `reader ${index} knowing the end of all runs` });
      for (const run of runs)
        for (const { jobId, state } of run.jobs)
          expect(one.knows().get(jobId), `${jobId} of reader ${index}`).toBe(wordOf(state));
      // From its replay on, each message once.
      const ids = one.heard.map((each) => each.messageId);
      expect(new Set(ids).size).toBe(ids.length);
      one.close();
    }
    await Promise.all(crew.map((each) => each.close()));
  });
});
