/**
 * What every agent of the published protocol does, told once for all that are examples here: each is started as a process of its
 * own and spoken to by a scripted orchestrator, which finds every invalid frame.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import {
  type ScriptedOptions,
  type ScriptedOrchestrator,
  scriptedOrchestrator,
} from '@waybill/agent';
import { eventually } from '@waybill/process/testing';
import { beforeEach, expect, it, onTestFinished } from 'vitest';

type ExampleAgent = Readonly<{
  name: string;
  program: string;
  main: string;
  /** Why it cannot run on this machine. */
  missing?: string | undefined;
}>;

function scratch(): string {
  const folder = mkdtempSync(path.join(tmpdir(), 'example-agent-test-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  return folder;
}

function started(
  { program, main }: ExampleAgent,
  server: ScriptedOrchestrator,
  env: Readonly<Record<string, string>> = {},
) {
  const child: ChildProcess = spawn(program, [main], {
    env: {
      PATH: process.env['PATH'] ?? '',
      WAYBILL_URL: server.url,
      AGENT_ID: 'example-1',
      LABELS: 'linux,example',
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

export function agentContract(agent: ExampleAgent): void {
  beforeEach((context) => {
    if (agent.missing !== undefined) context.skip(agent.missing);
  });

  it(`${agent.name} signs in, runs a job for real and reports it`, async () => {
    const server = await serverWith({ token: 'kat_1' });
    started(agent, server, { WAYBILL_AGENT_TOKEN: 'kat_1' });
    await server.next('config.ack');
    expect(server.of('agent.register')[0]).toMatchObject({
      agentId: 'example-1',
      labels: ['linux', 'example'],
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

  it(`${agent.name} takes one job at a time and cancels it`, async () => {
    const server = await serverWith();
    started(agent, server);
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

  it(`${agent.name} works on while it is away, and tells the rest when it is back`, async () => {
    const server = await serverWith();
    started(agent, server);
    await server.next('config.ack');
    const folder = scratch();
    const [go, done] = [path.join(folder, 'go'), path.join(folder, 'done')];
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
    const work = await eventually(() => existsSync(done) && readFileSync(done, 'utf8').trim());
    await eventually(() => !existsSync(work), { what: 'the end of the job' });
    await server.open();
    const again = await server.next('agent.register', undefined, { nth: 3 });
    expect(again.inFlightJobs).toEqual([{ jobId: 'j1', runId: 'run-1' }]);
    await server.next('job.status', ({ state }) => state === 'success');
    expect(server.of('log.chunk').flatMap(({ lines }) => lines)).toEqual(['later']);
  });

  it(`${agent.name} gives up when it is refused`, async () => {
    const server = await serverWith({ token: 'kat_1' });
    const { exit } = started(agent, server, { WAYBILL_AGENT_TOKEN: 'kat_wrong' });
    expect(await exit).toBe(1);
    const other = await serverWith();
    const revoked = started(agent, other);
    await other.next('config.ack');
    other.close(4010, 'revoked');
    expect(await revoked.exit).toBe(1);
  });
}
