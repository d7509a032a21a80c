import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import {
  type ScriptedOptions,
  type ScriptedOrchestrator,
  scriptedOrchestrator,
} from '@waybill/agent';
import { eventually } from '@waybill/process/testing';
import { expect, it, onTestFinished } from 'vitest';

const main = fileURLToPath(new URL('agent.mjs', import.meta.url));

function scratch(): string {
  const folder = mkdtempSync(path.join(tmpdir(), 'plain-agent-test-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  return folder;
}

function agentFor(server: ScriptedOrchestrator, env: Readonly<Record<string, string>> = {}) {
  const child: ChildProcess = spawn(process.execPath, [main], {
    env: {
      PATH: process.env['PATH'] ?? '',
      WAYBILL_URL: server.url,
      AGENT_ID: 'plain-1',
      LABELS: 'linux,plain',
      ...env,
    },
    stdio: ['ignore', 'ignore', 'ignore'],
  });
  const exit = once(child, 'exit').then(([code]): unknown => code);
  onTestFinished(() => void child.kill('SIGKILL'));
  return { child, exit };
}

async function serverWith(o: ScriptedOptions = {}): Promise<ScriptedOrchestrator> {
  const server = await scriptedOrchestrator(o);
  onTestFinished(async () => {
    await server.stop();
    expect(server.invalid, 'every frame of the agent is valid').toEqual([]);
  });
  return server;
}

const dispatchOf = (jobId: string, ...runs: readonly string[]) =>
  ({
    type: 'job.dispatch',
    messageId: 'd1',
    runId: 'run-1',
    jobId,
    repoUrl: '',
    ref: '',
    sha: '',
    lockFileUrl: '',
    jobConfig: { env: { WHO: 'job' }, steps: runs.map((run, at) => ({ name: `s${at}`, run })) },
    timestamp: 1,
    secrets: { KEY: 'value' },
  }) as const;

it('the plain agent signs in, runs a job for real and reports it', async () => {
  const server = await serverWith({ token: 'kat_1' });
  agentFor(server, { WAYBILL_AGENT_TOKEN: 'kat_1' });
  await server.next('config.ack');
  expect(server.of('agent.register')[0]).toMatchObject({
    agentId: 'plain-1',
    labels: ['linux', 'plain'],
  });
  server.send(dispatchOf('j1', 'echo "$WHO $KEY"', 'echo oops >&2; exit 3', 'echo never'));
  await server.next('job.status', ({ state }) => state === 'failed');
  const told = server.frames.map(({ message }) => message).filter((m) => 'jobId' in m);
  expect(told).toMatchObject([
    { type: 'job.ack', runId: 'run-1', jobId: 'j1' },
    { type: 'job.status', state: 'running' },
    { type: 'step.status', stepIndex: 0, stepName: 's0', state: 'running' },
    { type: 'log.chunk', stepIndex: 0, lines: ['job value'] },
    { type: 'step.status', stepIndex: 0, state: 'success', data: { exitCode: 0 } },
    { type: 'step.status', stepIndex: 1, state: 'running' },
    { type: 'log.chunk', stepIndex: 1, lines: ['oops'] },
    { type: 'step.status', stepIndex: 1, state: 'failed', data: { exitCode: 3 } },
    { type: 'job.status', state: 'failed' },
  ]);
});

it('the plain agent takes one job at a time and cancels it', async () => {
  const server = await serverWith();
  agentFor(server);
  await server.next('config.ack');
  server.send(dispatchOf('j1', 'echo ready; sleep 1000 & wait', 'echo never'));
  await server.next('log.chunk');
  server.send(dispatchOf('j2', 'true'));
  expect(await server.next('job.reject')).toMatchObject({ jobId: 'j2', reason: 'busy' });
  server.send({
    type: 'job.cancel',
    messageId: 'c1',
    runId: 'run-1',
    jobId: 'j1',
    reason: 'enough',
  });
  await server.next('job.status', ({ state }) => state === 'cancelled');
  server.send(dispatchOf('j3', 'true'));
  await server.next('job.status', ({ jobId, state }) => jobId === 'j3' && state === 'success');
});

it('the plain agent works on while it is away, and tells the rest when it is back', async () => {
  const server = await serverWith();
  agentFor(server);
  await server.next('config.ack');
  const [go, done] = ['go', 'done'].map((name) => path.join(scratch(), name)) as [string, string];
  server.send(
    dispatchOf('j1', `until [ -e ${go} ]; do sleep 0.02; done; echo later; echo $PWD > ${done}`),
  );
  await server.next('step.status');
  server.close(4031);
  const register = await server.next('agent.register', undefined, { nth: 2 });
  expect(register.inFlightJobs).toEqual([{ jobId: 'j1', runId: 'run-1' }]);
  await server.next('config.ack', undefined, { nth: 2 });
  await server.shut();
  writeFileSync(go, '');
  const folder = await eventually(() => existsSync(done) && readFileSync(done, 'utf8').trim());
  await eventually(() => !existsSync(folder), { what: 'the end of the job' });
  await server.open();
  const again = await server.next('agent.register', undefined, { nth: 3 });
  expect(again.inFlightJobs).toEqual([{ jobId: 'j1', runId: 'run-1' }]);
  await server.next('job.status', ({ state }) => state === 'success');
  expect(server.of('log.chunk').flatMap(({ lines }) => lines)).toEqual(['later']);
});

it('the plain agent gives up when it is refused', async () => {
  const server = await serverWith({ token: 'kat_1' });
  const { exit } = agentFor(server, { WAYBILL_AGENT_TOKEN: 'kat_wrong' });
  expect(await exit).toBe(1);
  const other = await serverWith();
  const agent = agentFor(other);
  await other.next('config.ack');
  other.close(4010, 'revoked');
  expect(await agent.exit).toBe(1);
});
