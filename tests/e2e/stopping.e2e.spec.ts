import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { eventually } from '@waybill/process/testing';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { type Home, openHome, type Staying, waitingRun } from './waybill.fixture.ts';

const Created = z.looseObject({ runId: z.string() });
const Run = z.looseObject({
  state: z.string(),
  record: z.looseObject({ sha256: z.string() }).nullable(),
  anomalies: z.number(),
  jobs: z.array(
    z.looseObject({
      state: z.string(),
      failure: z.string().nullable(),
      attempts: z.array(z.looseObject({ resolution: z.string().nullable() })),
      steps: z.array(z.looseObject({ name: z.string(), state: z.string() })),
    }),
  ),
});
const Events = z.looseObject({
  items: z.array(z.looseObject({ id: z.string(), seq: z.number(), type: z.string() })),
});

const bounds = { withinMs: 30_000, everyMs: 250 } as const;

describe('what happens to a run on an agent when Waybill goes away', () => {
  let home: Home;
  let go: string;

  beforeEach(async () => {
    home = await openHome();
    go = join(home.folder, 'go');
  });
  afterEach(async () => {
    writeFileSync(go, '');
    await home.close();
  });

  const startRunner = async (): Promise<Staying> => {
    const runner = home.stay(['runner', '--id', 'r1']);
    await runner.says('registered');
    return runner;
  };
  const startWaitingRun = async (): Promise<string> => {
    const request = join(home.folder, 'request.json');
    writeFileSync(request, waitingRun(go));
    const { runId } = await home.json(Created, 'runs', 'create', '-f', request);
    await reaches(
      runId,
      (run) =>
        run.jobs[0]?.steps.some(({ name, state }) => name === 'waits' && state === 'running') ===
        true,
    );
    return runId;
  };
  const get = (runId: string): Promise<z.infer<typeof Run>> => home.json(Run, 'runs', 'get', runId);
  const reaches = (
    runId: string,
    is: (run: z.infer<typeof Run>) => boolean,
  ): Promise<z.infer<typeof Run>> =>
    eventually(
      async () => {
        const run = await get(runId);
        return is(run) && run;
      },
      { ...bounds, what: `run ${runId}` },
    );
  const isSealed = ({ record }: z.infer<typeof Run>): boolean => record !== null;

  const expectCleanLog = async (runId: string): Promise<void> => {
    const { items } = await home.json(Events, 'events', 'ls', runId);
    expect(new Set(items.map(({ id }) => id)).size).toBe(items.length);
    const once = items.filter(({ type }) =>
      ['run.created', 'job.queued', 'job.offered', 'job.ack', 'run.completed'].includes(type),
    );
    expect(new Set(once.map(({ type }) => type)).size).toBe(once.length);
    expect(await home.run(['projections', 'verify'])).toMatchObject({ code: 0 });
    expect(await home.run(['projections', 'rebuild'])).toMatchObject({ code: 0 });
    expect(await home.run(['projections', 'verify'])).toMatchObject({ code: 0 });
  };

  it('goes on after a kill -9 if its runner lives, and every event is there once', {
    timeout: 120_000,
  }, async () => {
    const first = await home.up();
    const runner = await startRunner();
    const runId = await startWaitingRun();
    first.kill('SIGKILL');
    await first.ended;
    await home.up();
    await eventually(() => runner.stdout().split('"msg":"registered"').length > 2, {
      ...bounds,
      what: 'the runner is back',
    });
    writeFileSync(go, '');
    const run = await reaches(runId, isSealed);
    expect(run).toMatchObject({
      state: 'success',
      jobs: [{ state: 'success', attempts: [{ resolution: 'accepted' }] }],
    });
    await expectCleanLog(runId);
  });

  it('fails with agent_lost after a kill -9 of both, once its agent is back without it', {
    timeout: 120_000,
  }, async () => {
    const first = await home.up();
    const runner = await startRunner();
    const runId = await startWaitingRun();
    first.kill('SIGKILL');
    runner.kill('SIGKILL');
    await Promise.all([first.ended, runner.ended]);
    await home.up();
    await startRunner();
    const run = await reaches(runId, isSealed);
    expect(run).toMatchObject({
      state: 'failed',
      jobs: [{ state: 'failed', failure: 'agent_lost' }],
    });
    await expectCleanLog(runId);
  });

  it('ends with a kill -9 if its runner was one of our own, and the next start finds it lost', {
    timeout: 120_000,
  }, async () => {
    const first = await home.up('--runner');
    const runId = await startWaitingRun();
    const own = Number(/"pid":(\d+),"msg":"the runner has been started"/.exec(first.stdout())?.[1]);
    first.kill('SIGKILL');
    await first.ended;
    await eventually(() => !isAlive(own), { ...bounds, what: 'the runner ended with its parent' });
    await home.up('--runner');
    const run = await reaches(runId, isSealed);
    expect(run).toMatchObject({
      state: 'failed',
      jobs: [{ state: 'failed', failure: 'agent_lost' }],
    });
    await expectCleanLog(runId);
  });

  it('is not abandoned by SIGTERM: everything drains within 10 s, and the job is adopted after the next start', {
    timeout: 120_000,
  }, async () => {
    const first = await home.up();
    const runner = await startRunner();
    const runId = await startWaitingRun();
    const askedMs = performance.now();
    first.kill('SIGTERM');
    expect(await first.ended).toMatchObject({ code: 0 });
    expect(performance.now() - askedMs).toBeLessThan(10_000);
    // It ends while nobody is there to hear of it.
    writeFileSync(go, '');
    await home.up();
    const run = await reaches(runId, isSealed);
    expect(run).toMatchObject({
      state: 'success',
      jobs: [{ state: 'success', attempts: [{ resolution: 'accepted' }] }],
    });
    expect(runner.stdout().split('"msg":"registered"').length).toBe(3);
    await expectCleanLog(runId);
  });
});

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
