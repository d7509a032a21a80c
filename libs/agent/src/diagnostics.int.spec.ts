import { createLogger, manualClock, systemClock } from '@waybill/process';
import { eventually } from '@waybill/process/testing';
import { strFromU8, unzipSync } from 'fflate';
import { describe, expect, it } from 'vitest';
import { createAgentLog } from './agent-log.ts';
import { startManualTrial, startTrial, succeed } from './trial.fixture.ts';

const request = {
  type: 'fleet.logs.request',
  requestId: 'r1',
  logWindowHours: 1,
  maxBytes: 1_000_000,
} as const;

describe('the log of an agent', () => {
  it('goes to the server in batches where its owner wants that, also what was written before', async () => {
    const clock = manualClock(1_000_000);
    const agentLog = createAgentLog({ clock });
    const log = createLogger({ name: 'x', level: 'info', destination: agentLog.destination });
    log.info('before');
    const { server } = await startTrial(succeed, {
      agent: { clock, log, agentLog, sendLog: true, timing: {} },
    });
    const first = await server.next('agent.log');
    expect(first.agentId).toBe('agent-1');
    expect(first.lines[0]).toContain('before');
    for (let line = 0; line < 120; line++) log.info(`line ${line}`);
    await clock.advance(100);
    await server.next('agent.log', ({ lines }) => lines.join().includes('line 119'));
    expect(server.of('agent.log').map(({ lines }) => lines.length > 50)).not.toContain(true);
  });

  it('keeps its newest lines within its bound', () => {
    const clock = manualClock(0);
    const log = createAgentLog({ clock, charsMax: 30 });
    for (let line = 0; line < 9; line++) log.destination.write(`0123456${line}\n`);
    const texts = log.recent({ sinceMs: 0, bytesMax: 1_000 }).map(({ text }) => text);
    expect(texts).toEqual(['01234566', '01234567', '01234568']);
    expect(log.recent({ sinceMs: 0, bytesMax: 10 })).toHaveLength(1);
    expect(log.recent({ sinceMs: 1, bytesMax: 1_000 })).toEqual([]);
  });
});

describe('a request for diagnostics', () => {
  it('is answered with a ZIP in frames of 85 KiB', async () => {
    const agentLog = createAgentLog({ clock: systemClock });
    const { server, agent } = await startTrial(succeed, { agent: { agentLog } });
    // What does not shrink: random text over several frames.
    for (let line = 0; line < 6_000; line++)
      agentLog.destination.write(`${crypto.randomUUID()}${crypto.randomUUID()}\n`);
    server.send(request);
    const last = await server.next('fleet.bundle.chunk', ({ isLast }) => isLast);
    const frames = server.of('fleet.bundle.chunk');
    expect(frames.map(({ seq }) => seq)).toEqual(frames.map((_, index) => index));
    expect(last.requestId).toBe('r1');
    const zip = Buffer.concat(frames.map(({ dataB64 }) => Buffer.from(dataB64, 'base64')));
    const files = unzipSync(zip);
    expect(frames.length).toBeGreaterThan(2);
    expect(Buffer.from(frames[0]?.dataB64 ?? '', 'base64')).toHaveLength(85 * 1_024);
    const lines = strFromU8(files['agent.log'] ?? new Uint8Array())
      .trim()
      .split('\n');
    expect(lines).toHaveLength(6_000);
    expect(server.of('agent.log')).toEqual([]);
    const told: unknown = JSON.parse(strFromU8(files['diagnostics.json'] ?? new Uint8Array()));
    expect(told).toMatchObject({ agentId: 'agent-1', state: 'registered', activeJobs: 0 });
    expect(agent.state).toBe('registered');
  });

  it('finds the newest lines of the agent itself, as many as were asked for', async () => {
    const { server } = await startTrial(succeed);
    const logOf = async (maxBytes: number, requestId: string): Promise<string> => {
      server.send({ ...request, maxBytes, requestId });
      const frame = await server.next('fleet.bundle.chunk', (one) => one.requestId === requestId);
      const files = unzipSync(Buffer.from(frame.dataB64, 'base64'));
      return strFromU8(files['agent.log'] ?? new Uint8Array());
    };
    expect(await logOf(1_000_000, 'r1')).toContain('"msg":"registered"');
    expect(await logOf(10, 'r2')).toBe('');
  });
});

describe('an agent that a scaler made', () => {
  it('leaves after a minute without work, and rejects what comes then', async () => {
    const { server, clock, agent } = await startManualTrial(succeed, {
      server: { ack: { scalerManaged: true } },
    });
    const left = agent.idle;
    await clock.advance(30_000);
    await clock.advance(29_999);
    server.send({ type: 'heartbeat', timestamp: 1 });
    await clock.advance(1);
    expect(await left).toBe('idle');
    server.send({
      type: 'job.dispatch',
      messageId: 'd',
      runId: 'run-1',
      jobId: 'late',
      repoUrl: '',
      ref: '',
      sha: '',
      lockFileUrl: '',
      jobConfig: {},
      timestamp: 1,
    });
    expect(await server.next('job.reject')).toMatchObject({ jobId: 'late', reason: 'draining' });
  });

  it('with a promised dispatch waits five minutes for it', async () => {
    const { server, clock, agent } = await startManualTrial(succeed, {
      server: { ack: { scalerManaged: true, pendingDispatch: true } },
    });
    let reason: string | undefined;
    void agent.idle.then((why) => {
      reason = why;
    });
    for (let beats = 0; beats < 9; beats++) {
      await clock.advance(30_000);
      await server.next('heartbeat', undefined, { nth: beats + 1 });
      server.send({ type: 'heartbeat', timestamp: 1 });
    }
    expect(reason).toBeUndefined();
    await clock.advance(29_999);
    expect(reason).toBeUndefined();
    await clock.advance(1);
    await eventually(() => reason === 'no-dispatch');
  });

  it('counts anew from the end of its job, and one of its own never leaves', async () => {
    const { server, clock, agent } = await startManualTrial(succeed, {
      server: { ack: { scalerManaged: true, pendingDispatch: true } },
    });
    server.send({
      type: 'job.dispatch',
      messageId: 'd',
      runId: 'run-1',
      jobId: 'j1',
      repoUrl: '',
      ref: '',
      sha: '',
      lockFileUrl: '',
      jobConfig: {},
      timestamp: 1,
    });
    await server.next('job.status', ({ state }) => state === 'success');
    await eventually(() => agent.activeJobs === 0);
    await clock.advance(30_000);
    await clock.advance(30_000);
    expect(await agent.idle).toBe('idle');
  });
});
