import { fileURLToPath } from 'node:url';
import { systemClock } from '@waybill/process';
import { expect, it } from 'vitest';
import { type AgentKitOptions, checkAgent } from './agent/agent-kit.ts';
import { kitJobNames, readKitJobs } from './agent/kit-job.ts';
import type { CheckResult } from './check.ts';

const nodeAgent = new URL('node-agent.fixture.ts', import.meta.url);
const plainAgent = new URL('../../../examples/plain-agent/agent.mjs', import.meta.url);
const runner = new URL('../../../apps/runner/src/main.ts', import.meta.url);
const bound = { timeout: 400_000 };

async function tried(script: URL, o: Partial<AgentKitOptions>) {
  const { results, capabilities } = await checkAgent({
    url: 'ws://127.0.0.1:0/ws',
    clock: systemClock,
    profile: 'seed',
    exec: {
      command: `${process.execPath} ${fileURLToPath(script)}`,
      env: { PATH: process.env['PATH'], HOME: process.env['HOME'] },
    },
    ...o,
  });
  const named = (state: CheckResult['state']): readonly string[] =>
    results.filter((result) => result.state === state).map(({ name }) => name);
  const failed = results.filter(({ state }) => state === 'fail');
  expect(failed, JSON.stringify(failed, null, 2)).toEqual([]);
  return { named, seen: new Map(capabilities.map(({ name, seen }) => [name, seen])) };
}

const nodeJobs = readKitJobs(
  Object.fromEntries(
    kitJobNames
      .filter((name) => name !== 'hooked')
      .map((name) => [
        name,
        {
          jobConfig: { kit: name, env: { KIT_ENV: 'given' } },
          dispatch: { secrets: { KIT_SECRET: 'kit-secret-value-0123456789' } },
        },
      ]),
  ),
);

it.concurrent('the plain agent passes the kit of the published protocol', bound, async () => {
  const { named, seen } = await tried(plainAgent, {});
  expect(named('pass').length).toBeGreaterThan(40);
  expect(named('skipped')).toContain('draining');
  expect(seen.get('extensions')).toBe('none');
});

it.concurrent('the runner passes the kit with the extensions', bound, async () => {
  const { named, seen } = await tried(runner, { profile: 'waybill' });
  expect(named('pass')).toEqual(
    expect.arrayContaining(['granted-awaited', 'lease-lost', 'terminal-kept', 'emit-refused']),
  );
  expect(seen.get('step_type')).toContain('hook:');
});

it.concurrent('an agent of the SDK with a Node function passes it too', bound, async () => {
  const { named, seen } = await tried(nodeAgent, {
    profile: 'waybill',
    jobs: nodeJobs,
  });
  const slow = [
    'heartbeat',
    'register-fallback',
    'job-heartbeat',
    'emit-unanswered',
    'heartbeat-while-away',
  ];
  expect(named('skipped').toSorted()).toEqual([...slow, 'hooks'].toSorted());
  expect(seen.get('provenance')).toBe('yes');
});

it.concurrent('an agent of the SDK passes the kit of the published protocol', bound, async () => {
  await tried(nodeAgent, { jobs: nodeJobs });
});
