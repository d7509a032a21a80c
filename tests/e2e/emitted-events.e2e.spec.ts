/** Events that agents emit over real sockets, the rules that hear them, and the runs that come of it. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { eventually } from '@waybill/process/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { type ScriptedAgent, scriptedAgent } from './scripted-agent.fixture.ts';
import { type Home, openHome } from './waybill.fixture.ts';

const Credentials = z.object({ url: z.string(), apiKey: z.string(), agentToken: z.string() });
const Trigger = z.looseObject({
  decision: z.string().nullable(),
  runs: z.array(
    z.looseObject({ runId: z.string(), rule: z.looseObject({ name: z.string() }).nullable() }),
  ),
});
const Run = z.looseObject({
  state: z.string(),
  trust: z.string().nullable(),
  chainDepth: z.number(),
  upstream: z.looseObject({ runId: z.string(), jobId: z.string() }).nullable(),
  repository: z.string().nullable(),
  jobs: z.array(z.looseObject({ name: z.string(), state: z.string() })),
});
const SHOP = 'https://git.example.net/acme/shop.git';
const DOCS = 'https://git.example.net/acme/docs.git';

describe('emitted events', { timeout: 120_000 }, () => {
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
  const rule = (name: string, spec: object): Promise<unknown> =>
    api(`/rules/${name}`, 'PUT', {
      apiVersion: 'waybill/v1',
      kind: 'Rule',
      metadata: { name },
      spec,
    });
  const job = (config: object, name = 'one') => ({ name, runsOn: ['scripted'], config });
  const start = async (emits: readonly object[], more: object = {}): Promise<string> => {
    const jobs = [job({ emits })];
    const asked = await api('/runs', 'POST', { jobs, ...more });
    return z.looseObject({ runId: z.string() }).parse(asked).runId;
  };
  const receiptOf = (runId: string) =>
    eventually(() => agent.receipts.find((each) => each.runId === runId), {
      what: 'a receipt',
      withinMs: 20_000,
    });
  const decided = async (triggerId: string) => {
    const trigger = await eventually(
      async () => {
        const found = Trigger.parse(await api(`/triggers/${triggerId}`));
        return found.decision === null ? undefined : found;
      },
      { what: 'the decision' },
    );
    return trigger.runs.map((run) => ({ rule: run.rule?.name, runId: run.runId }));
  };
  /** The rules that heard what a run emitted. */
  const heardBy = async (emit: object, more: object): Promise<readonly (string | undefined)[]> => {
    const { deliveryId = '' } = await receiptOf(await start([emit], more));
    return (await decided(deliveryId)).map((each) => each.rule);
  };

  it('start rules of their own repository, and of others only where these trust it', async () => {
    const jobs = [
      job({ version: '${{ event.payload.version }}' }, 'v${{ event.payload.version }}'),
    ];
    const on = { source: 'upstream', event: 'released' };
    await rule('own', { on, repo: SHOP, jobs });
    await rule('docs-blind', { on, repo: DOCS, jobs });
    await rule('docs-trusting', {
      on: { ...on, repos: ['git.example.net/acme/shop'] },
      repo: DOCS,
      jobs,
    });
    await rule('docs-other', {
      on: { ...on, repos: ['git.example.net/acme/x*'] },
      repo: DOCS,
      jobs,
    });
    const released = { eventName: 'released', payload: { version: '1.2' } };

    const runId = await start([released], { repoUrl: SHOP, ref: 'main' });
    const { deliveryId = '' } = await receiptOf(runId);
    const started = await decided(deliveryId);
    expect(started.map((each) => each.rule)).toEqual(['docs-trusting', 'own']);
    const run = await eventually(
      async () => {
        const found = Run.parse(await api(`/runs/${started[0]?.runId}`));
        return found.state === 'success' ? found : undefined;
      },
      { what: 'the end of the run', withinMs: 20_000 },
    );
    expect(run).toMatchObject({
      trust: 'trusted',
      chainDepth: 1,
      upstream: { runId, jobId: `${runId}-0` },
      repository: 'https://git.example.net/acme/docs',
      jobs: [{ name: 'v1.2' }],
    });

    const target = (...repos: readonly string[]) => ({ ...released, target: { repos } });
    expect(await heardBy(target('acme/docs'), { repoUrl: SHOP })).toEqual(['docs-trusting']);
    expect(await heardBy(target('acme/shop'), { repoUrl: SHOP })).toEqual(['own']);
    expect(await heardBy(target('acme/none'), { repoUrl: SHOP })).toEqual([]);
    expect(await heardBy(released, { repoUrl: DOCS })).toEqual(['docs-blind']);
    expect(await heardBy(released, {})).toEqual([]);

    const fork = await start([released], { repoUrl: SHOP, trust: 'fork' });
    const { deliveryId: emitted = '' } = await receiptOf(fork);
    const [only, ...none] = await decided(emitted);
    expect(none).toEqual([]);
    expect(only?.rule).toBe('own');
    expect(Run.parse(await api(`/runs/${only?.runId}`)).trust).toBe('fork');
    const text = (await home.run(['runs', 'get', only?.runId ?? ''])).stdout;
    expect(text).toContain(`upstream  job ${fork}-0, at depth 1`);
    expect(text).toContain('trust     fork');
  });

  it('end a chain of rules that start each other at depth 10', async () => {
    for (const [name, next] of [
      ['ping', 'pong'],
      ['pong', 'ping'],
    ] as const) {
      const emits = [{ eventName: next, payload: { after: '${{ event.name }}' } }];
      await rule(name, { on: { source: 'upstream', event: name }, jobs: [job({ emits })] });
    }
    const before = agent.receipts.length;
    await start([{ eventName: 'ping', payload: {} }]);
    const refused = await eventually(
      () => agent.receipts.slice(before).find((each) => each.error !== undefined),
      { what: 'the end of the chain', withinMs: 60_000 },
    );
    expect(refused.error).toContain('10 at most');
    expect(agent.receipts.slice(before)).toHaveLength(11);
    expect(Run.parse(await api(`/runs/${refused.runId}`))).toMatchObject({ chainDepth: 10 });
  });
});
