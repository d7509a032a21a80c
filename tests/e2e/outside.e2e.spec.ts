import { spawn } from 'node:child_process';
import { createHmac } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { eventually } from '@waybill/process/testing';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { z } from 'zod';
import { type Home, openHome } from './waybill.fixture.ts';

// Its types claim a default export; at run time the list is the module.
const definitions = createRequire(import.meta.url)(
  '@octokit/webhooks-examples',
) as readonly Readonly<{ name: string; examples: readonly unknown[] }>[];
const payloads = definitions.flatMap(({ name, examples }) =>
  examples.map((example, index) => ({
    name,
    id: `${name}-${index}`,
    body: JSON.stringify(example),
  })),
);

const Credentials = z.object({
  url: z.string(),
  apiKey: z.string(),
  agentToken: z.string(),
  webhookSecret: z.string(),
});
const Answer = z.object({
  triggerId: z.string(),
  requestId: z.string(),
  duplicate: z.boolean(),
  decision: z.string().nullable(),
  runs: z.array(z.object({ rule: z.string().nullable(), runId: z.string() })),
});
const agent = fileURLToPath(new URL('../../examples/plain-agent/agent.mjs', import.meta.url));
const rule = {
  apiVersion: 'waybill/v1',
  kind: 'Rule',
  metadata: { name: 'pushes' },
  spec: {
    on: { source: 'github', event: 'push' },
    repo: '',
    jobs: [{ name: 'never', runsOn: ['nobody'], steps: [{ run: 'true' }] }],
  },
};

describe('what comes from outside', { timeout: 120_000 }, () => {
  let home: Home;
  let known: z.infer<typeof Credentials>;

  beforeAll(async () => {
    home = await openHome();
    await home.up();
    known = Credentials.parse(
      JSON.parse(readFileSync(join(home.folder, 'credentials.json'), 'utf8')),
    );
  }, 90_000);
  afterAll(() => home.close(), 60_000);

  const api = (path: string, method: string, body: object): Promise<Response> =>
    fetch(`${known.url}/v1/orgs/main${path}`, {
      method,
      headers: { authorization: `Bearer ${known.apiKey}`, 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });

  const deliver = async ({ name, id, body }: (typeof payloads)[number]) => {
    const signature = createHmac('sha256', known.webhookSecret).update(body).digest('hex');
    const answer = await fetch(`${known.url}/hooks/main/github`, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        'x-github-event': name,
        'x-github-delivery': id,
        'x-hub-signature-256': `sha256=${signature}`,
      },
      body,
    });
    expect(answer.status, id).toBe(202);
    return Answer.parse(await answer.json());
  };

  it('every real GitHub payload is accepted and decided, and a repeat answers with the original', async () => {
    expect((await api('/rules/pushes', 'PUT', rule)).status).toBe(201);
    expect(payloads).toHaveLength(329);
    for (const payload of payloads) {
      const first = await deliver(payload);
      const again = await eventually(
        async () => {
          const repeat = await deliver(payload);
          return repeat.decision === null ? undefined : repeat;
        },
        { what: `the decision about ${payload.id}` },
      );
      const { triggerId, requestId } = first;
      expect(first.duplicate).toBe(false);
      expect(again).toMatchObject({ triggerId, requestId, duplicate: true });
      // A push that deletes its branch has nothing to run on.
      const starts = again.decision === 'run' ? [{ rule: 'pushes', runId: `${triggerId}-0` }] : [];
      expect(again.runs).toEqual(starts);
      if (payload.name !== 'push') expect(again.decision).toBe('no_rule');
    }
  });

  it('an agent that knows only the published protocol runs a real job', async () => {
    const child = spawn(process.execPath, [agent], {
      env: {
        PATH: process.env['PATH'] ?? '',
        WAYBILL_URL: `${known.url.replace('http', 'ws')}/ws`,
        WAYBILL_AGENT_TOKEN: known.agentToken,
        AGENT_ID: 'plain',
        LABELS: 'plain',
      },
      stdio: 'ignore',
    });
    onTestFinished(() => void child.kill('SIGKILL'));
    const asked = await api('/runs', 'POST', {
      jobs: [
        {
          name: 'one',
          runsOn: ['plain'],
          steps: [{ name: 'says', run: 'echo "$WORD"', env: { WORD: 'said-by-the-plain-agent' } }],
        },
        { name: 'two', runsOn: ['plain'], needs: ['one'], steps: [{ run: 'exit 3' }] },
      ],
    });
    const { runId } = z.looseObject({ runId: z.string() }).parse(await asked.json());
    const Run = z.looseObject({
      state: z.string(),
      record: z.unknown(),
      jobs: z.array(z.unknown()),
    });
    const run = await eventually(
      async () => {
        const found = await home.json(Run, 'runs', 'get', runId);
        return found.record === null ? undefined : found;
      },
      { what: 'the sealed record', withinMs: 30_000 },
    );
    expect(run).toMatchObject({
      state: 'failed',
      anomalies: 0,
      jobs: [
        { name: 'one', state: 'success', agentId: 'plain' },
        { name: 'two', state: 'failed', steps: [{ exitCode: 3 }] },
      ],
    });
    expect((await home.run(['logs', runId])).stdout).toContain('said-by-the-plain-agent');
  });
});
