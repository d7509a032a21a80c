import { execFile } from 'node:child_process';
import path from 'node:path';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';
import { z } from 'zod';

const Answer = z.object({
  sockets: z.object({
    memory: z.array(z.object({ holder: z.string(), agents: z.int() })),
    storm: z.looseObject({ agents: z.int(), jobs: z.int(), lost: z.int(), backMs: z.number() }),
    rounds: z.array(z.object({ company: z.string(), dispatches: z.int(), p99Ms: z.number() })),
  }),
});

it('the benchmark of sockets runs with few of them, and no job is lost while their gateway is away', async () => {
  const run = path.join(import.meta.dirname, '..', 'run.ts');
  const argv = [run, 'sockets', '--quick', '--json'];
  const { stdout } = await promisify(execFile)(process.execPath, argv, { timeout: 150_000 });
  const { memory, storm, rounds } = Answer.parse(JSON.parse(stdout)).sockets;
  expect(memory.map(({ holder, agents }) => [holder, agents])).toEqual([
    ['bare ws', 50],
    ['gateway', 50],
  ]);
  expect(storm).toMatchObject({ agents: 50, jobs: 10, lost: 0, anomalies: 0 });
  expect(storm.backMs).toBeLessThan(60_000);
  expect(rounds.map(({ company, dispatches }) => [company, dispatches])).toEqual([
    ['alone', 40],
    ['beside', 40],
  ]);
}, 160_000);
