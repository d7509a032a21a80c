/** What agents store beside the log and report of their work, through the whole of Waybill: sockets, store, log, rows, api, command. */
import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Agent, createAgent, type JobHandle } from '@waybill/agent';
import { createLogger, systemClock } from '@waybill/process';
import { eventually } from '@waybill/process/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { type Home, openHome } from './waybill.fixture.ts';

const Credentials = z.object({ url: z.string(), apiKey: z.string(), agentToken: z.string() });
const Items = z.looseObject({ items: z.array(z.looseObject({})) });
const Run = z.looseObject({
  state: z.string(),
  costUsd: z.number(),
  usage: z.record(z.string(), z.number()),
  artifacts: z.array(z.looseObject({ name: z.string(), uri: z.string() })),
  anomalies: z.number(),
});
const bytes = new TextEncoder().encode('what was built\n');
const digest = createHash('sha256').update(bytes).digest('hex');

describe('what agents store and report', { timeout: 120_000 }, () => {
  let home: Home;
  let known: z.infer<typeof Credentials>;
  let agent: Agent | undefined;
  const folder = mkdtempSync(join(realpathSync(tmpdir()), 'waybill-e2e-out-'));

  beforeAll(async () => {
    home = await openHome();
    await home.up('--runner');
    const file = readFileSync(join(home.folder, 'credentials.json'), 'utf8');
    known = Credentials.parse(JSON.parse(file));
    const options = {
      url: `${known.url.replace('http', 'ws')}/ws`,
      token: known.agentToken,
      agentId: 'sdk',
      labels: ['sdk', 'taint:sdk'],
      hostFacts: { platform: 'linux', arch: 'x64', hostname: 'here', cpuCount: 2 },
      clock: systemClock,
      log: createLogger({ name: 'sdk', level: 'silent' }),
    };
    agent = createAgent(options, work);
    agent.start();
    await agent.registered;
  }, 90_000);
  afterAll(async () => {
    await agent?.stop();
    await home.close();
    rmSync(folder, { recursive: true, force: true });
  }, 60_000);

  async function work(job: JobHandle) {
    job.usage([{ kind: 'model_call', costUsd: '0.125', 'gen_ai.usage.input_tokens': 100 }]);
    await job.artifact('out/thing.txt', { bytes }, { mediaType: 'text/plain' });
    const statement = { subject: [{ name: 'thing.txt', digest: { sha256: digest } }] };
    const about = { subjectName: 'thing.txt', subjectDigest: digest };
    await job.provenance(
      { ...about, mediaType: 'application/vnd.in-toto+json' },
      { bytes: new TextEncoder().encode(JSON.stringify(statement)) },
    );
    return { state: 'success' } as const;
  }

  const api = async (path: string, body?: object): Promise<unknown> => {
    const answer = await fetch(`${known.url}/v1/orgs/main${path}`, {
      method: body === undefined ? 'GET' : 'POST',
      headers: { authorization: `Bearer ${known.apiKey}`, 'content-type': 'application/json' },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    expect(answer.ok, `${path}: ${answer.status}`).toBe(true);
    return answer.json();
  };
  const started = async (request: object): Promise<string> =>
    z.looseObject({ runId: z.string() }).parse(await api('/runs', request)).runId;
  const ended = (runId: string) =>
    eventually(
      async () => {
        const run = Run.parse(await api(`/runs/${runId}`));
        return ['success', 'failed', 'cancelled'].includes(run.state) ? run : undefined;
      },
      { what: `the end of ${runId}`, withinMs: 60_000 },
    );

  const build = {
    name: 'build',
    cache: [{ key: 'deps-1', restoreKeys: ['deps-'], path: 'deps' }],
    steps: [
      {
        run: 'if [ -f deps/x ]; then echo "here is $(cat deps/x)"; else echo "here is nothing"; fi',
      },
      {
        run: 'mkdir -p deps && echo "$WAYBILL_TEST_NAME" > deps/x',
        env: { WAYBILL_TEST_NAME: 'saved' },
      },
    ],
  };
  const built = async (more: object = {}): Promise<string> => {
    const runId = await started({ jobs: [build], ...more });
    expect(await ended(runId)).toMatchObject({ state: 'success', anomalies: 0 });
    const { stdout } = await home.run(['logs', runId]);
    return /here is (\w+)/.exec(stdout)?.[1] ?? stdout;
  };

  it('a cached build twice in a row restores what it saved, and a fork’s run neither sees nor changes it', async () => {
    expect(await built()).toBe('nothing');
    expect(await built()).toBe('saved');
    expect(await built({ trust: 'fork' })).toBe('nothing');
    expect(await built()).toBe('saved');
  });

  it('an artifact, its attestation and what it cost are found again by api and command', async () => {
    const runId = await started({ jobs: [{ name: 'make', runsOn: ['sdk'], config: {} }] });
    const run = await ended(runId);
    expect(run).toMatchObject({ state: 'success', costUsd: 0.125, usage: { inputTokens: 100 } });
    const uri = `artifact://exec/${runId}/out/thing.txt`;
    expect(run.artifacts).toMatchObject([{ name: 'out/thing.txt', uri, sha256: digest }]);

    const artifacts = await eventually(
      async () => {
        const { items } = Items.parse(await api(`/runs/${runId}/artifacts`));
        return items.length === 0 ? undefined : items;
      },
      { what: 'the artifact among the rows' },
    );
    expect(artifacts).toMatchObject([{ name: 'out/thing.txt', sizeBytes: bytes.length }]);
    const got = join(folder, 'thing.txt');
    expect(
      await home.run(['artifacts', 'get', runId, 'out/thing.txt', '--out', got]),
    ).toMatchObject({
      code: 0,
    });
    expect(readFileSync(got)).toEqual(Buffer.from(bytes));
    expect((await home.run(['artifacts', 'ls', runId])).stdout).toContain('out/thing.txt');

    const attested = await home.json(Items, 'provenance', 'get', `sha256:${digest}`);
    expect(attested.items).toMatchObject([
      { subjectName: 'thing.txt', runId, subjectDigest: digest },
    ]);
    const statement = join(folder, 'statement.json');
    await home.run(['provenance', 'get', digest, '--out', statement]);
    expect(JSON.parse(readFileSync(statement, 'utf8'))).toMatchObject({
      subject: [{ digest: { sha256: digest } }],
    });

    const usage = Items.extend({ costUsd: z.number() }).parse(await api(`/runs/${runId}/usage`));
    expect(usage).toMatchObject({
      costUsd: 0.125,
      items: [
        { kind: 'model_call', costUsd: 0.125, inputTokens: 100, agentId: 'sdk', late: false },
      ],
    });
  });

  it('an agent tells of its host, and gives its own logs', async () => {
    const { stdout } = await home.run(['agents', 'get', 'sdk']);
    expect(stdout).toContain('here linux x64');
    const zip = join(folder, 'logs.zip');
    const { code, stderr } = await home.run(['agents', 'logs', 'sdk', '--out', zip]);
    expect({ code, stderr }).toMatchObject({ code: 0 });
    expect(readFileSync(zip).subarray(0, 2).toString()).toBe('PK');
    const nobody = await home.run(['agents', 'logs', 'nobody']);
    expect(nobody.code).toBe(1);
    expect(nobody.stderr).toContain('nothing here');
  });
});
