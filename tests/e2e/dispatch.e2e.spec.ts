/** Dispatch as a person meets it: through the command line, with real servers, services and a real runner. */
import { existsSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { eventually } from '@waybill/process/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { z } from 'zod';
import { type Home, openHome } from './waybill.fixture.ts';

const Run = z.looseObject({
  runId: z.string(),
  state: z.string(),
  jobs: z.array(
    z.looseObject({
      jobId: z.string(),
      name: z.string(),
      state: z.string(),
      failure: z.string().nullable(),
      blockedBy: z.array(z.looseObject({ kind: z.string(), detail: z.string() })),
      attempts: z.array(
        z.looseObject({
          reason: z.string(),
          resolution: z.string().nullable(),
          cause: z.string().nullable(),
          outcome: z.string().nullable(),
          offeredAt: z.string(),
          resolvedAt: z.string().nullable(),
        }),
      ),
      steps: z.array(z.looseObject({ state: z.string() })),
    }),
  ),
});
type Run = z.infer<typeof Run>;
const Created = z.looseObject({ runId: z.string() });

describe('dispatch from the command line', () => {
  let home: Home;
  let files = 0;

  beforeAll(async () => {
    home = await openHome();
    await home.up('--runner');
  }, 90_000);
  afterAll(() => home.close());

  const create = async (request: unknown): Promise<string> => {
    files += 1;
    const file = join(home.folder, `request-${files}.json`);
    await writeFile(file, JSON.stringify(request));
    return (await home.json(Created, 'runs', 'create', '-f', file)).runId;
  };
  const get = (runId: string): Promise<Run> => home.json(Run, 'runs', 'get', runId);
  const until = (runId: string, is: (run: Run) => boolean, withinMs = 30_000): Promise<Run> =>
    eventually(
      async () => {
        const run = await get(runId);
        return is(run) ? run : undefined;
      },
      { withinMs, what: 'the run' },
    );
  const done = (runId: string, withinMs?: number): Promise<Run> =>
    until(runId, ({ state }) => ['success', 'failed', 'cancelled'].includes(state), withinMs);

  it('gives an agent the time to answer that its org has set', { timeout: 60_000 }, async () => {
    const set = await home.run(['orgs', 'set', '--dispatch-ack-timeout', '1s']);
    expect(set.stdout).toMatch(/dispatch ack timeout +1\.0+ s/);
    const short = await home.run(['orgs', 'set', '--dispatch-ack-timeout', '500ms']);
    expect(short.code).toBe(2);
    expect(short.stderr).toContain('must be 1000 ms or more');
    const mute = await muteAgent(home);
    const runId = await create({
      jobs: [{ name: 'unheard', runsOn: ['mute'], steps: [{ run: 'true' }] }],
      attemptsMax: 1,
    });
    const run = await done(runId);
    const [job] = run.jobs;
    expect(job).toMatchObject({ state: 'failed', failure: 'offers_exhausted' });
    const [attempt] = job?.attempts ?? [];
    expect(attempt).toMatchObject({ resolution: 'expired', cause: 'ack_timeout', outcome: null });
    const took = Date.parse(attempt?.resolvedAt ?? '') - Date.parse(attempt?.offeredAt ?? '');
    expect(took).toBeGreaterThan(1_000);
    expect(took).toBeLessThan(5_000);
    expect(await mute.closed).toBe(4031);
    await home.run(['orgs', 'set', '--dispatch-ack-timeout', 'default']);
  });

  it('cancels a running job gracefully, and closes its steps', { timeout: 60_000 }, async () => {
    const runId = await create({
      jobs: [
        {
          name: 'long',
          steps: [{ run: "trap 'echo bye; exit 0' TERM; while :; do sleep 0.05; done" }],
        },
        { name: 'after', needs: ['long'], steps: [{ run: 'true' }] },
      ],
    });
    await until(runId, ({ jobs }) => jobs[0]?.steps[0]?.state === 'running');
    const cancel = await home.run(['runs', 'cancel', runId, '--reason', 'not needed']);
    expect(cancel.stdout).toContain('after: cancelled');
    const run = await done(runId);
    expect(run).toMatchObject({
      state: 'cancelled',
      jobs: [
        { state: 'cancelled', steps: [{ state: 'cancelled' }] },
        { state: 'cancelled', attempts: [] },
      ],
    });
    expect((await home.run(['logs', runId])).stdout).toContain('bye');
    const again = await home.run(['runs', 'cancel', runId]);
    expect(again.code).toBe(1);
    expect(again.stderr).toContain('has ended');
  });

  it('does failed work again as often as its job says', { timeout: 60_000 }, async () => {
    const marker = join(home.folder, 'failed-once');
    const run = `if [ -e "$MARKER" ]; then echo twice; else echo x > "$MARKER"; exit 75; fi`;
    const runId = await create({
      jobs: [
        {
          name: 'flaky',
          retries: [{ exitCodes: [75], max: 2, backoffMs: 200 }],
          steps: [{ run, env: { MARKER: marker } }],
        },
      ],
    });
    const { state, jobs } = await done(runId);
    expect(state).toBe('success');
    expect(jobs[0]?.attempts).toMatchObject([
      { reason: 'initial', outcome: 'failed' },
      { reason: 'retry', outcome: 'success' },
    ]);
    expect(existsSync(marker)).toBe(true);
  });

  it('says that it drains an agent, and why the job waits', { timeout: 60_000 }, async () => {
    const Agents = z.looseObject({
      items: z.array(z.looseObject({ agentId: z.string(), state: z.string() })),
    });
    const { items } = await home.json(Agents, 'agents', 'ls');
    const runner = items.find(({ agentId, state }) => state === 'online' && agentId !== MUTE);
    const id = runner?.agentId ?? '';
    expect(await home.run(['agents', 'drain', id, '--wait'])).toMatchObject({ code: 0 });
    const runId = await create({ jobs: [{ name: 'waits', steps: [{ run: 'true' }] }] });
    const run = await until(runId, ({ jobs }) => jobs[0]?.blockedBy[0]?.kind === 'draining');
    expect(run.jobs[0]?.attempts).toEqual([]);
    const preview = await home.run(['runs', 'cancel', '--state', 'pending']);
    expect(preview.stdout).toContain('--yes does it');
    expect(await home.run(['agents', 'drain', id, '--off'])).toMatchObject({ code: 0 });
    expect((await done(runId)).state).toBe('success');
    expect(await home.run(['agents', 'drain', 'nobody'])).toMatchObject({ code: 1 });
  });

  it('stops the rest of a matrix when one of it fails', { timeout: 60_000 }, async () => {
    const runId = await create({
      jobs: [
        {
          name: 'test',
          matrix: { fails: [true, false], node: [22, 24] },
          steps: [{ run: 'exit 3' }],
        },
      ],
    });
    const { state, jobs } = await done(runId);
    expect(state).toBe('failed');
    expect(jobs.map(({ name }) => name)).toEqual([
      'test (true, 22)',
      'test (true, 24)',
      'test (false, 22)',
      'test (false, 24)',
    ]);
    expect(jobs.filter((job) => job.state === 'cancelled').length).toBeGreaterThan(0);
  });
});

const MUTE = 'mute-agent';

/** Registers and answers nothing. */
async function muteAgent(home: Home): Promise<Readonly<{ closed: Promise<number> }>> {
  const credentials = await readFile(join(home.folder, 'credentials.json'), 'utf8');
  const { agentToken } = z.looseObject({ agentToken: z.string() }).parse(JSON.parse(credentials));
  const socket = new WebSocket(`ws://127.0.0.1:${home.port}/ws`);
  const registered = Promise.withResolvers<void>();
  const closed = Promise.withResolvers<number>();
  socket.on('open', () =>
    socket.send(JSON.stringify({ type: 'auth.request', token: agentToken, protocolVersion: 1 })),
  );
  socket.on('message', (data: Buffer) => {
    const { type } = z.looseObject({ type: z.string() }).parse(JSON.parse(data.toString()));
    const register = { type: 'agent.register', messageId: 'r', agentId: MUTE, labels: ['mute'] };
    if (type === 'auth.success') socket.send(JSON.stringify(register));
    if (type === 'register.ack') registered.resolve();
  });
  socket.on('close', (code) => closed.resolve(code));
  await registered.promise;
  return { closed: closed.promise };
}
