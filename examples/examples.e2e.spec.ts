/** Every example does what its README says: against a Waybill of its own, with the commands that a reader would type. */
import { type ChildProcess, spawn } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { eventually } from '@waybill/process/testing';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { z } from 'zod';
import { type Home, openHome } from '../tests/e2e/waybill.fixture.ts';

const Credentials = z.looseObject({ url: z.string(), agentToken: z.string() });
const RunView = z.looseObject({
  state: z.string(),
  costUsd: z.number(),
  usage: z.record(z.string(), z.number()),
  artifacts: z.array(z.looseObject({ name: z.string(), uri: z.string() })),
  jobs: z.array(z.looseObject({ name: z.string(), state: z.string() })),
});
const Approvals = z.looseObject({
  items: z.array(z.looseObject({ id: z.string(), runId: z.string(), reason: z.string() })),
});

const Events = z.looseObject({ items: z.array(z.looseObject({ type: z.string() })) });

const example = (path: string): string => fileURLToPath(new URL(path, import.meta.url));

let home: Home;
const agents: ChildProcess[] = [];

beforeAll(async () => {
  home = await openHome();
  await home.up('--runner');
}, 90_000);
afterAll(async () => {
  for (const agent of agents) agent.kill('SIGKILL');
  await home.close();
});

async function startAgent(main: string): Promise<void> {
  const text = await readFile(join(home.folder, 'credentials.json'), 'utf8');
  const { url, agentToken } = Credentials.parse(JSON.parse(text));
  const child = spawn(process.execPath, [main], {
    env: {
      PATH: process.env['PATH'] ?? '',
      WAYBILL_URL: `${url.replace(/^http/, 'ws')}/ws`,
      WAYBILL_AGENT_TOKEN: agentToken,
    },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  agents.push(child);
  let said = '';
  child.stdout?.setEncoding('utf8').on('data', (more: string) => (said += more));
  await eventually(() => said.includes('registered'), { withinMs: 20_000 });
}

async function created(file: string): Promise<string> {
  const { code, stdout, stderr } = await home.run(['runs', 'create', '-f', file]);
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  return stdout.trim();
}

const readRun = (runId: string) => home.json(RunView, 'runs', 'get', runId);
const ended = (runId: string) =>
  eventually(
    async () => {
      const run = await readRun(runId);
      return ['success', 'failed', 'cancelled'].includes(run.state) ? run : undefined;
    },
    { withinMs: 60_000, everyMs: 300, what: 'the end of the run' },
  );
const logOf = async (runId: string): Promise<string> => (await home.run(['logs', runId])).stdout;

it('shell: two flavours are built, and a third job reads what they have left', {
  timeout: 90_000,
}, async () => {
  const runId = await created(example('shell/run.json'));
  const run = await ended(runId);
  expect(run.state).toBe('success');
  expect(run.jobs.map(({ name }) => name)).toEqual(['build (debug)', 'build (release)', 'report']);
  const log = await logOf(runId);
  expect(log).toContain('building shop as debug');
  expect(log).toContain('"bytes":"23"');
});

it('a Node function: what it returns are the outputs, and what it emits is stored', {
  timeout: 90_000,
}, async () => {
  await startAgent(example('node-function/agent.mjs'));
  const runId = await created(example('node-function/run.json'));
  expect((await ended(runId)).state).toBe('success');
  expect(await logOf(runId)).toContain('greeting Ada');
  const { items } = await home.json(Events, 'events', 'ls', runId);
  expect(items.map(({ type }) => type)).toContain('event.emitted');
  expect(JSON.stringify(items)).toContain('"sum":6');
});

it('an AI session: its usage is summed, its artifact kept, and it waits for a person', {
  timeout: 120_000,
}, async () => {
  await startAgent(example('ai-session/agent.mjs'));
  const file = join(home.folder, 'session.json');
  const begun = async (...command: readonly string[]): Promise<string> => {
    const job = { name: 'triage', runsOn: ['ai-session'], config: { command } };
    await writeFile(file, JSON.stringify({ jobs: [job] }));
    return created(file);
  };
  // One that cannot begin, or is killed, fails alone.
  for (const command of [['there-is-no-such-program'], ['sh', '-c', 'kill -9 $$']])
    expect((await ended(await begun(...command))).state).toBe('failed');
  const runId = await begun('sh', example('ai-session/session.sh'));
  const [approval] = await eventually(
    async () => {
      const { items } = await home.json(Approvals, 'approvals', 'ls');
      return items.length > 0 ? items : undefined;
    },
    { withinMs: 30_000, everyMs: 300, what: 'the question' },
  );
  expect(approval).toMatchObject({ runId, reason: 'refund 12 EUR for order 12345' });
  const decide = ['approvals', 'decide', approval?.id ?? '', 'approve'];
  expect((await home.run(decide)).code).not.toBe(0);
  expect((await home.run([...decide, '--user', 'ada'])).code).toBe(0);
  const run = await ended(runId);
  expect(run).toMatchObject({
    state: 'success',
    costUsd: 0.0123,
    usage: { modelCalls: 1, toolCalls: 1, inputTokens: 1_200, outputTokens: 340 },
    artifacts: [{ name: 'draft-reply.md', uri: `artifact://exec/${runId}/draft-reply.md` }],
  });
  expect(await logOf(runId)).toContain('refunded');
  const out = join(home.folder, 'reply.md');
  const got = await home.run(['artifacts', 'get', runId, 'draft-reply.md', '--out', out]);
  expect(got.code).toBe(0);
  expect(await readFile(out, 'utf8')).toContain('your refund is on its way');
});
