import { spawn } from 'node:child_process';
import { statSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { eventually } from '@waybill/process/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { type Home, openHome } from './waybill.fixture.ts';

const Items = z.looseObject({ items: z.array(z.record(z.string(), z.unknown())) });
const examples = fileURLToPath(new URL('../../examples/rules/', import.meta.url));
const main = fileURLToPath(new URL('../../apps/cli/src/main.ts', import.meta.url));
const bounds = { withinMs: 30_000, everyMs: 200 } as const;

const containing = (text: string): unknown => expect.stringContaining(text);

describe('commands beside a running Waybill', { timeout: 60_000 }, () => {
  let home: Home;

  beforeAll(async () => {
    home = await openHome();
    await home.up('--runner');
  }, 90_000);
  afterAll(() => home.close(), 60_000);

  it('find it by credentials that only their owner can read', async () => {
    for (const name of ['credentials.json', 'keys.json', 'servers.json'])
      expect(statSync(join(home.folder, name)).mode & 0o777).toBe(0o600);
    expect(await home.run(['doctor'])).toMatchObject({ code: 0 });
    expect(await home.run(['runs', 'ls'], { WAYBILL_API_KEY: 'a-wrong-key' })).toMatchObject({
      code: 78,
    });
  });

  it('apply rules, trigger a run, and read it in every way', async () => {
    const applied = await home.run(['rules', 'apply', examples]);
    expect(applied).toMatchObject({
      code: 0,
      stdout: containing('rule ci: generation 1'),
    });
    const again = await home.run(['rules', 'apply', examples]);
    expect(again.stdout).toContain('rule ci: generation 1, unchanged');
    const rules = await home.json(Items, 'rules', 'ls');
    expect(rules.items.map((rule) => rule['name'])).toEqual(['ci', 'deploy', 'nightly']);

    const Triggered = z.looseObject({
      duplicate: z.boolean(),
      runs: z.array(z.looseObject({ runId: z.string() })),
    });
    const asking = [
      'trigger',
      '--source',
      'deploys',
      '--type',
      'requested',
      '--id',
      'd-1',
      '--data',
      '{"target":"prod"}',
    ];
    const first = await home.json(Triggered, ...asking);
    const repeat = await home.json(Triggered, ...asking);
    expect(repeat).toMatchObject({ duplicate: true, runs: first.runs });
    expect(await home.run([...asking.slice(0, -1), '{"target":"other"}'])).toMatchObject({
      code: 1,
    });

    const runId = first.runs[0]?.runId ?? '';
    const followed = await home.run(['logs', runId, '--follow']);
    expect(followed).toMatchObject({ code: 0 });
    expect(followed.stdout).toContain('plan for prod');
    expect((await home.run(['logs', runId])).stdout).toContain('report | report');

    const Run = z.looseObject({ state: z.string(), record: z.unknown(), seq: z.number() });
    await eventually(
      async () => (await home.json(Run, 'runs', 'get', runId)).record !== null,
      bounds,
    );
    const events = await home.json(Items, 'events', 'ls', runId);
    const firstSeq = String(events.items[0]?.['seq']);
    expect(await home.json(Run, 'runs', 'get', runId, '--at-seq', firstSeq)).toMatchObject({
      state: 'pending',
    });
    expect((await home.run(['runs', 'get', runId])).stdout).toContain('job apply: success');
    expect((await home.run(['runs', 'ls', '--state', 'success'])).stdout).toContain(runId);
    expect((await home.run(['events', 'ls', runId])).stdout).toContain('run.completed');
    expect((await home.run(['agents', 'ls'])).stdout).toContain('runner-local');
  });

  it('show every mistake of a rule file with its line, and apply what has none', async () => {
    const file = join(home.folder, 'rules.yaml');
    writeFileSync(
      file,
      `apiVersion: waybill/v1
kind: Rule
metadata: { name: good }
spec: { on: { source: x }, jobs: [{ name: a, steps: [{ run: 'true' }] }] }
---
apiVersion: waybill/v1
kind: Rule
metadata:
  name: bad
spec:
  on: { sauce: x }
  jobs:
    - name: a
      needs: [b]
      steps: [{ run: 'true' }]
`,
    );
    const { code, stdout, stderr } = await home.run(['rules', 'apply', file]);
    expect(code).toBe(1);
    expect(stdout).toBe('rule good: generation 1\n');
    expect(stderr).toContain(`${file}:11:9: spec.on.sauce: is not known here`);
    expect(stderr).toMatch(/rules\.yaml:13:\d+: .*needs "b"/);
  });

  it('tail events until Ctrl-C, which is 130, as lines of JSON', async () => {
    const tail = home.stay(['events', 'tail', '--json']);
    await eventually(async () => {
      await home.run(['trigger', '--source', 'clock', '--type', 'nightly']);
      return tail.stdout().includes('run.created');
    }, bounds);
    tail.kill('SIGINT');
    const { code, stdout } = await tail.ended;
    expect(code).toBe(130);
    for (const line of stdout.trimEnd().split('\n')) expect(JSON.parse(line)).toHaveProperty('seq');
  });

  it('end quietly when their reader has seen enough', async () => {
    const pipeline = `"$NODE" "$MAIN" events tail --json | head -n 1 >&2; echo "\${PIPESTATUS[0]}"`;
    const child = spawn('bash', ['-c', pipeline], {
      env: { ...process.env, WAYBILL_HOME: home.folder, NODE: process.execPath, MAIN: main },
    });
    let [out, err] = ['', ''];
    child.stdout.on('data', (text: Buffer) => (out += text.toString()));
    child.stderr.on('data', (text: Buffer) => (err += text.toString()));
    // Only who writes on learns that nobody reads any more.
    await eventually(async () => {
      await home.run(['trigger', '--source', 'clock', '--type', 'nightly']);
      return child.exitCode !== null;
    }, bounds);
    expect(out).toBe('0\n');
    expect(err.trim().split('\n')).toHaveLength(1);
  });

  it('let a second dispatcher, scheduler and projector work beside the first, alone in their processes', async () => {
    const alone = ['dispatcher', 'scheduler', 'projector'].map((name) =>
      home.stay([name], { LOG_LEVEL: 'debug' }),
    );
    for (const one of alone) await one.says('part started');
    const { code } = await home.run([
      'trigger',
      '--source',
      'clock',
      '--type',
      'nightly',
      '--id',
      'twice',
    ]);
    expect(code).toBe(0);
    for (const one of alone) {
      one.kill('SIGTERM');
      expect(await one.ended).toMatchObject({ code: 0 });
    }
    expect(await home.run(['projections', 'verify'])).toMatchObject({ code: 0 });
  });

  it('refuse a home that is in use, and a port that was asked for and is taken', async () => {
    expect(await home.run(['up'], { WAYBILL_PORT: '0' })).toMatchObject({
      code: 1,
      stderr: containing('in use'),
    });
    const other = await openHome();
    const server = createServer();
    const listening = Promise.withResolvers<void>();
    server.listen(other.port, '127.0.0.1', listening.resolve);
    await listening.promise;
    const refused = await other.run(['up']);
    server.close();
    expect(refused).toMatchObject({
      code: 78,
      stderr: containing(`port ${other.port}`),
    });
    await other.close();
  });
});
