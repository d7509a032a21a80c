import { mkdirSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { systemClock } from '@waybill/process';
import { eventually } from '@waybill/process/testing';
import { describe, expect, it, onTestFinished } from 'vitest';
import { agentUrl, Config } from './config.ts';
import { isRunning, scratch, silent } from './recorded-job.fixture.ts';
import { createRunner } from './runner.ts';
import { dispatchOf, runnerProcess, startServer } from './runner-process.fixture.ts';

const extensions = { fence: true, granted: true, heartbeatAck: true, terminalAck: true };
const waybill = { extensions, answers: { granted: true, heartbeat: true, terminal: true } };

/** A step with a child that ignores every polite signal; both pids end up in the file. */
const stubborn = (file: string): string =>
  `trap '' TERM HUP INT; sh -c 'trap "" TERM HUP INT; echo $PPID $$ > ${file}; while :; do sleep 1; done' & wait`;

const pidsIn = (file: string) => (): readonly number[] | false => {
  const pids = readFileSync(file, 'utf8').trim().split(' ').map(Number);
  return pids.length === 2 && pids;
};

const left = (root: string): readonly string[] =>
  readdirSync(root).filter((name) => !name.startsWith('outbox'));

describe('a runner', () => {
  it('runs what it is given and reports it, masked, to the end', async () => {
    const server = await startServer({ token: 'kat_1', ...waybill });
    const root = scratch();
    const runner = createRunner(
      Config.parse({
        WAYBILL_URL: server.url,
        WAYBILL_AGENT_TOKEN: 'kat_1',
        WAYBILL_AGENT_LABELS: 'linux, gpu,',
        WAYBILL_RUNNER_DIR: root,
        PATH: process.env['PATH'],
      }),
      { clock: systemClock, log: silent },
    );
    onTestFinished(() => runner.stop());
    await runner.start(new AbortController().signal, () => undefined);
    const register = await server.next('agent.register');
    expect(register).toMatchObject({ agentId: runner.agentId, maxConcurrency: 1 });
    expect(register.labels).toEqual(
      expect.arrayContaining(['linux', 'gpu', `os:${process.platform}`, `arch:${process.arch}`]),
    );
    await server.next('config.ack');
    server.send(
      dispatchOf('j1', 'echo hello; echo "$KEY"; echo v=1 > "$WAYBILL_OUTPUT"', {
        attempt: 1,
        fence: 12,
        secrets: { KEY: 'topsecret-key' },
      }),
    );
    const status = await server.next('job.status', ({ state }) => state === 'success');
    expect(status).toMatchObject({
      attempt: 1,
      fence: 12,
      data: { outputs: { s: { v: '1' } }, stepResults: [{ name: 's', status: 'success' }] },
    });
    expect(server.of('log.chunk').flatMap(({ lines }) => lines)).toEqual(['hello', '***']);
    expect(server.of('step.status').map(({ state }) => state)).toEqual(['running', 'success']);
    expect(server.of('step.status').at(-1)?.data).toMatchObject({ exitCode: 0, signal: null });
    const kinds = server.frames.map(({ message }) => message.type);
    expect(kinds.lastIndexOf('log.chunk')).toBeLessThan(kinds.lastIndexOf('job.status'));
    await runner.stop();
    expect(left(root)).toEqual([]);
  });

  it('that is killed leaves no process and no folder behind', async () => {
    const server = await startServer(waybill);
    const runner = runnerProcess(server.url);
    await server.next('config.ack');
    const file = path.join(scratch(), 'pids');
    server.send(dispatchOf('j1', stubborn(file), { attempt: 1, fence: 1 }));
    const pids = await eventually(pidsIn(file));
    expect(left(runner.root)).toHaveLength(1);
    expect(pids.every(isRunning)).toBe(true);
    runner.child.kill('SIGKILL');
    await eventually(() => !pids.some(isRunning), { what: 'the end of the steps' });
    await eventually(() => left(runner.root).length === 0, { what: 'the end of the folder' });
  });

  it('that is frozen works no longer than its lease: by then the job may be another agent’s', async () => {
    const server = await startServer({
      extensions,
      answers: { ...waybill.answers, granted: false },
    });
    const runner = runnerProcess(server.url);
    await server.next('config.ack');
    const file = path.join(scratch(), 'pids');
    const held = { attempt: 1, fence: 1 };
    server.send(dispatchOf('j1', stubborn(file), held));
    await server.next('job.ack');
    server.send({ type: 'job.granted', runId: 'run-1', jobId: 'j1', ...held, leaseMs: 4_000 });
    const pids = await eventually(pidsIn(file));
    runner.child.kill('SIGSTOP');
    await eventually(() => !pids.some(isRunning), {
      withinMs: 10_000,
      what: 'the end of the steps',
    });
    runner.child.kill('SIGCONT');
    expect(await server.next('job.status', ({ state }) => state === 'failed')).toMatchObject({
      data: { reason: 'lease_lost' },
    });
  });

  it('removes at its start what dead runners left, and nothing else', async () => {
    const server = await startServer();
    const root = scratch();
    // Nobody has been process 1 for as long as it is, and the second number says when it began.
    for (const folder of ['1-4294967295', '999999999-5', 'mine']) {
      mkdirSync(path.join(root, folder, 'work'), { recursive: true, mode: 0o500 });
    }
    const other = runnerProcess(server.url, { root });
    await server.next('config.ack');
    const runner = runnerProcess(server.url, { root, env: { WAYBILL_AGENT_ID: 'runner-2' } });
    await server.next('config.ack', undefined, { nth: 2 });
    const names = left(root).map((name) => name.split('-')[0]);
    expect(new Set(names)).toEqual(new Set([`${other.pid}`, `${runner.pid}`, 'mine']));
  });

  it('that is asked to stop finishes its job first', async () => {
    const server = await startServer(waybill);
    const runner = runnerProcess(server.url);
    await server.next('config.ack');
    const file = path.join(scratch(), 'go');
    server.send(
      dispatchOf('j1', `echo ready; until [ -e ${file} ]; do sleep 0.02; done`, { fence: 1 }),
    );
    await server.next('log.chunk', ({ lines }) => lines.includes('ready'));
    runner.child.kill('SIGTERM');
    server.send(dispatchOf('j2', 'true', { fence: 2 }));
    expect(await server.next('job.reject')).toMatchObject({ jobId: 'j2' });
    mkdirSync(file);
    await server.next('job.status', ({ state }) => state === 'success');
    expect(await runner.exit).toBe(0);
    expect(left(runner.root)).toEqual([]);
  });

  it('that has to stop ends its job within its bound and says so', async () => {
    const server = await startServer(waybill);
    const runner = runnerProcess(server.url, { env: { WAYBILL_RUNNER_DRAIN: '50ms' } });
    await server.next('config.ack');
    const file = path.join(scratch(), 'pids');
    server.send(dispatchOf('j1', stubborn(file), { fence: 1 }));
    const pids = await eventually(pidsIn(file));
    runner.child.kill('SIGTERM');
    const status = await server.next('job.status', ({ state }) => state === 'failed');
    expect(status.data).toMatchObject({ reason: 'agent_stopped' });
    expect(await runner.exit).toBe(0);
    await eventually(() => !pids.some(isRunning));
  });

  it('keeps a result that it could not deliver for its next start', async () => {
    const server = await startServer({ extensions: { ...extensions, granted: false } });
    const runner = runnerProcess(server.url);
    await server.next('config.ack');
    server.send(dispatchOf('j1', 'true', { attempt: 1, fence: 4 }));
    const first = await server.next('job.status', ({ state }) => state === 'success');
    runner.child.kill('SIGKILL');
    await runner.exit;
    runnerProcess(server.url, { root: runner.root });
    const register = await server.next('agent.register', undefined, { nth: 2 });
    expect(register.inFlightJobs).toEqual([{ jobId: 'j1', runId: 'run-1' }]);
    const again = await server.next('job.status', ({ state }) => state === 'success', { nth: 2 });
    expect(again).toEqual(first);
  });
});

describe('a runner that a scaler started', () => {
  const leaves = { WAYBILL_RUNNER_IDLE_TIMEOUT: '300ms', LOG_LEVEL: 'info' };

  it('ends with 0 when it has had nothing to do for long enough', async () => {
    const server = await startServer({ ...waybill, ack: { scalerManaged: true } });
    const runner = runnerProcess(server.url, { env: leaves });
    expect(await runner.exit).toBe(0);
    expect(server.connections).toBe(1);
  });

  it('waits for the job it was promised, runs it, and ends with 0 then', async () => {
    const server = await startServer({
      ...waybill,
      ack: { scalerManaged: true, pendingDispatch: true },
    });
    const runner = runnerProcess(server.url, { env: leaves });
    await server.next('config.ack');
    // Longer than it would wait for nothing.
    await server.next('agent.status', undefined, { withinMs: 900 }).catch(() => undefined);
    expect(runner.child.exitCode).toBeNull();
    server.send(dispatchOf('j1', 'echo hello', { attempt: 1, fence: 1 }));
    await server.next('job.status', ({ state }) => state === 'success');
    expect(await runner.exit).toBe(0);
  });

  it('whose promised job never comes ends with 0 too', async () => {
    const server = await startServer({
      ...waybill,
      ack: { scalerManaged: true, pendingDispatch: true },
    });
    const runner = runnerProcess(server.url, {
      env: { ...leaves, WAYBILL_RUNNER_PENDING_DISPATCH_TIMEOUT: '400ms' },
    });
    expect(await runner.exit).toBe(0);
    expect(runner.output()).toContain('no-dispatch');
  });

  it('sends its own log where that is wanted', async () => {
    const server = await startServer(waybill);
    runnerProcess(server.url, { env: { WAYBILL_RUNNER_SEND_LOG: 'true', LOG_LEVEL: 'info' } });
    await server.next('agent.log', ({ lines }) => lines.join().includes('"msg":"registered"'));
  });
});

describe('a step that needs approval', () => {
  it('waits over a reconnect, and runs once it is approved', async () => {
    const keeping = { ...extensions, agentWork: true, approvals: true };
    const server = await startServer({ ...waybill, extensions: keeping });
    const runner = runnerProcess(server.url);
    await server.next('config.ack');
    const steps = [{ name: 'deploy', run: 'echo deployed', requireApproval: { teams: ['ops'] } }];
    const jobConfig = { name: 'job', workflowName: 'ci', steps };
    server.send(dispatchOf('j1', '', { attempt: 1, fence: 1, jobConfig }));
    const asked = await server.next('step.approval-request');
    expect(asked).toMatchObject({ stepIndex: 0, clauses: [{ team: 'ops' }] });
    server.cut();
    const again = await server.next('step.approval-request', undefined, { nth: 2 });
    expect(again).toEqual(asked);
    server.send({
      type: 'step.approval-resolved',
      requestId: asked.messageId,
      runId: 'run-1',
      jobId: 'j1',
      stepIndex: 0,
      outcome: 'approved',
    });
    await server.next('job.status', ({ state }) => state === 'success');
    expect(server.of('log.chunk').flatMap(({ lines }) => lines)).toContain('deployed');
    expect(runner.child.exitCode).toBeNull();
  });
});

describe('the log of a step', () => {
  it('is whole at its cap, and cut with one line past it', async () => {
    const server = await startServer(waybill);
    runnerProcess(server.url);
    await server.next('config.ack');
    const linesOf = async (jobId: string, maxLogSizeBytes: number): Promise<readonly string[]> => {
      const run = 'echo 123456789; echo 123456789; echo more';
      server.send(dispatchOf(jobId, run, { attempt: 1, fence: 1, maxLogSizeBytes }));
      await server.next('job.status', (one) => one.jobId === jobId && one.state === 'success');
      const chunks = server.of('log.chunk').filter((chunk) => chunk.jobId === jobId);
      return chunks.flatMap(({ lines }) => lines);
    };
    const whole = ['123456789', '123456789', 'more'];
    expect(await linesOf('j1', 25)).toEqual(whole);
    const cut = await linesOf('j2', 24);
    expect(cut).toContain('... the log of this step is cut here: it is over 24 bytes');
    expect(cut).toHaveLength(3);
    const end = server.of('step.status').findLast(({ jobId }) => jobId === 'j2');
    expect(end?.logBytesStreamed).toBe(25);
  });
});

describe('a runner with a parent', () => {
  it.each([
    ['its channel breaks', { ipc: true, args: ['--with-parent'] }],
    ['its standard input ends', { env: { WAYBILL_RUNNER_PARENT_PIPE: 'true' } }],
  ])('ends with all it runs when %s', async (what, o) => {
    const server = await startServer(waybill);
    const runner = runnerProcess(server.url, o);
    await server.next('config.ack');
    const file = path.join(scratch(), 'pids');
    server.send(dispatchOf('j1', stubborn(file), { fence: 1 }));
    const pids = await eventually(pidsIn(file));
    if (what.includes('channel')) runner.child.disconnect();
    else runner.child.stdin?.end();
    expect(await runner.exit).not.toBe(0);
    await eventually(() => !pids.some(isRunning));
    await eventually(() => left(runner.root).length === 0);
    expect(runner.output()).toContain('the process that started this runner is gone');
    // Nothing is told about the job, now or later: the server finds it lost.
    expect(server.of('job.status').map(({ state }) => state)).toEqual(['running']);
    expect(readdirSync(runner.root)).toEqual([]);
  });
});

describe('a runner that cannot work', () => {
  it('ends with 78 and every problem of its configuration', async () => {
    const runner = runnerProcess('gopher://x', { env: { WAYBILL_RUNNER_CONCURRENCY: 'many' } });
    expect(await runner.exit).toBe(78);
    expect(runner.output()).toContain('WAYBILL_URL');
    expect(runner.output()).toContain('WAYBILL_RUNNER_CONCURRENCY');
  });

  it('ends with 78 when the server refuses its token, and does not show it', async () => {
    const server = await startServer({ token: 'kat_right' });
    const runner = runnerProcess(server.url, { env: { WAYBILL_AGENT_TOKEN: 'kat_wrong_token' } });
    expect(await runner.exit).toBe(78);
    expect(runner.output()).toContain('the server refused this agent');
    expect(runner.output()).not.toContain('kat_wrong_token');
  });
});

describe('the address of Waybill', () => {
  it.each([
    ['http://127.0.0.1:7070', 'ws://127.0.0.1:7070/ws'],
    ['https://waybill.example.org/', 'wss://waybill.example.org/ws'],
    ['https://example.org/waybill/', 'wss://example.org/waybill/ws'],
    ['ws://127.0.0.1:7070/agents', 'ws://127.0.0.1:7070/agents'],
  ])('%s is dialled as %s', (url, dialled) => {
    expect(agentUrl(url)).toBe(dialled);
  });
});
