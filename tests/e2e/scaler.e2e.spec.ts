/** A scaler as a person meets it: nobody is there, jobs wait, runners come for them and go again. */
import { mkdirSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { eventually } from '@waybill/process/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { type Home, openHome, type Staying } from './waybill.fixture.ts';

const Agents = z.looseObject({
  items: z.array(
    z.looseObject({ agentId: z.string(), state: z.string(), scalerManaged: z.boolean() }),
  ),
});
const Run = z.looseObject({
  state: z.string(),
  jobs: z.array(
    z.looseObject({
      state: z.string(),
      attempts: z.array(z.looseObject({ agentId: z.string(), resolution: z.string().nullable() })),
    }),
  ),
});
const Created = z.looseObject({ runId: z.string() });

const pools = `
pools:
  - name: work
    labels: [work]
    max: 3
    idleTimeout: 2s
  - name: kept
    labels: [kept]
    min: 1
    max: 2
    idleTimeout: 2s
`;

describe('waybill up --scaler', () => {
  let home: Home;
  let waybill: Staying;

  beforeAll(async () => {
    home = await openHome();
    mkdirSync(home.folder, { mode: 0o700 });
    const file = join(home.folder, 'pools.yaml');
    await writeFile(file, pools);
    waybill = home.stay(['up', '--scaler'], { WAYBILL_SCALER_POOLS: file });
    await waybill.says('Waybill is up', 60_000);
  }, 90_000);
  afterAll(() => home.close());

  const agents = async (pool: string, state?: string) => {
    const { items } = await home.json(Agents, 'agents', 'ls');
    return items.filter(
      (each) =>
        each.agentId.startsWith(`${pool}-`) && (state === undefined || each.state === state),
    );
  };
  const create = async (jobs: readonly object[]): Promise<string> => {
    const file = join(home.folder, 'request.json');
    await writeFile(file, JSON.stringify({ jobs }));
    return (await home.json(Created, 'runs', 'create', '-f', file)).runId;
  };
  const done = (runId: string) =>
    eventually(
      async () => {
        const run = await home.json(Run, 'runs', 'get', runId);
        return run.state === 'success' && run;
      },
      { withinMs: 60_000, everyMs: 200, what: 'the run has succeeded' },
    );

  it('runs ten jobs on three agents that it starts, and lets them go', {
    timeout: 120_000,
  }, async () => {
    const [standing] = await eventually(
      async () => {
        const found = await agents('kept', 'online');
        return found.length > 0 && found;
      },
      { withinMs: 30_000, everyMs: 200, what: 'the least of a pool is there' },
    );
    expect(await agents('work')).toEqual([]);

    const effects = join(home.folder, 'effects');
    const runId = await create(
      Array.from({ length: 10 }, (_, index) => ({
        name: `job-${index}`,
        runsOn: ['work'],
        steps: [{ name: 'work', run: `echo ${index} >> "$EFFECTS"`, env: { EFFECTS: effects } }],
      })),
    );
    const run = await done(runId);
    const attempts = run.jobs.flatMap((job) => job.attempts);
    expect(attempts).toHaveLength(10);
    expect(attempts.every(({ resolution }) => resolution === 'accepted')).toBe(true);
    const written = (await readFile(effects, 'utf8')).trim().split('\n');
    expect(written.toSorted()).toEqual(Array.from({ length: 10 }, (_, index) => String(index)));

    const made = await agents('work');
    expect(made).toHaveLength(3);
    expect(made.every(({ scalerManaged }) => scalerManaged)).toBe(true);
    const { stdout } = await home.run(['agents', 'ls']);
    expect(stdout).toMatch(/kept-\S+ +online, by a scaler/);
    await eventually(async () => (await agents('work', 'online')).length === 0, {
      withinMs: 30_000,
      everyMs: 300,
      what: 'agents without work have gone',
    });
    expect(await agents('kept')).toMatchObject([{ agentId: standing?.agentId, state: 'online' }]);
  });

  it('ends its agents with itself, in order', { timeout: 60_000 }, async () => {
    waybill.kill('SIGTERM');
    expect(await waybill.ended).toMatchObject({ code: 0 });
    expect(waybill.stdout()).toContain('"msg":"an agent has ended"');
    expect(waybill.stdout()).not.toContain('did not end in time');
  });
});
