/** For the specs: the runner as a process of its own, as `waybill up` or a service manager starts it. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import {
  type ScriptedOptions,
  type ScriptedOrchestrator,
  scriptedOrchestrator,
} from '@waybill/agent';
import type { wire } from '@waybill/protocol';
import { expect, onTestFinished } from 'vitest';
import { scratch } from './recorded-job.fixture.ts';

const main = fileURLToPath(new URL('main.ts', import.meta.url));

export type RunnerProcess = Readonly<{
  child: ChildProcess;
  pid: number;
  /** Where its folder is. */
  root: string;
  /** All that it has written. */
  output: () => string;
  exit: Promise<number | null>;
}>;

export type RunnerProcessOptions = Readonly<{
  env?: Readonly<Record<string, string>>;
  args?: readonly string[];
  root?: string;
  ipc?: boolean;
}>;

export function runnerProcess(url: string, o: RunnerProcessOptions = {}): RunnerProcess {
  const root = o.root ?? scratch();
  const child = spawn(process.execPath, [main, ...(o.args ?? [])], {
    env: {
      PATH: process.env['PATH'] ?? '',
      WAYBILL_URL: url,
      WAYBILL_AGENT_ID: 'runner-1',
      WAYBILL_RUNNER_DIR: root,
      ...o.env,
    },
    stdio: ['pipe', 'pipe', 'pipe', ...(o.ipc ? (['ipc'] as const) : [])],
  });
  const written: string[] = [];
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding('utf8').on('data', (text: string) => written.push(text));
  }
  child.stdin?.on('error', () => undefined);
  const exit = once(child, 'exit').then(([code]) => (typeof code === 'number' ? code : null));
  onTestFinished(() => void child.kill('SIGKILL'));
  if (child.pid === undefined) throw new Error('the runner could not be started');
  return { child, pid: child.pid, root, output: () => written.join(''), exit };
}

export async function startServer(o: ScriptedOptions = {}): Promise<ScriptedOrchestrator> {
  const server = await scriptedOrchestrator(o);
  onTestFinished(async () => {
    await server.stop();
    expect(server.invalid, 'every frame of the runner is valid').toEqual([]);
  });
  return server;
}

export const dispatchOf = (jobId: string, run: string, more: Partial<wire.JobDispatch> = {}) =>
  ({
    type: 'job.dispatch',
    messageId: `d-${jobId}`,
    runId: 'run-1',
    jobId,
    repoUrl: '',
    ref: '',
    sha: '',
    lockFileUrl: '',
    jobConfig: { name: 'job', workflowName: 'ci', steps: [{ name: 's', run }] },
    timestamp: 1,
    ...more,
  }) satisfies wire.OrchestratorMessage;
