import { generateKeyPairSync } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { eventually } from '@waybill/process/testing';
import { describe, expect, it, onTestFinished } from 'vitest';
import {
  agentFor,
  allExtensions,
  dispatchOf,
  heldRun,
  startServer,
  startTrial,
  succeed,
} from './trial.fixture.ts';

const working = { ...allExtensions, granted: false, terminalAck: false, agentWork: true };
const entry = {
  kind: 'model_call' as const,
  'gen_ai.request.model': 'm1',
  'gen_ai.usage.input_tokens': 12,
  costUsd: '0.0012',
};

function scratch(): string {
  const folder = mkdtempSync(path.join(tmpdir(), 'waybill-agent-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  return folder;
}

describe('usage', () => {
  it('is sent under one id until it is acknowledged, and does not keep its job in flight', async () => {
    const { run, jobs } = heldRun();
    const { agent, server } = await startTrial(run, { server: { extensions: working } });
    server.send(dispatchOf('j1', { attempt: 1, fence: 3 }));
    const { handle, end } = await eventually(() => jobs.get('j1'));
    handle.usage([entry]);
    const first = await server.next('usage.report');
    expect(first).toMatchObject({ jobId: 'j1', fence: 3, entries: [entry] });
    end({ state: 'success' });
    await server.next('job.status', ({ state }) => state === 'success');
    server.cut();
    const register = await server.next('agent.register', undefined, { nth: 2 });
    expect(register).not.toHaveProperty('inFlightJobs');
    expect(await server.next('usage.report', undefined, { nth: 2 })).toEqual(first);
    expect(await agent.drain({ withinMs: 10 })).toBe(false);
    const { messageId, runId, jobId } = first;
    server.send({ type: 'usage.ack', messageId, runId, jobId });
    expect(await agent.drain({ withinMs: 5_000 })).toBe(true);
  });

  it('outlives the process of the agent', async () => {
    const outboxFile = path.join(scratch(), 'outbox.json');
    const { run, jobs } = heldRun();
    const server = await startServer({ extensions: working });
    const first = agentFor(server, run, { outboxFile });
    first.start();
    await first.registered;
    server.send(dispatchOf('j1'));
    const { handle } = await eventually(() => jobs.get('j1'));
    handle.usage([entry]);
    const report = await server.next('usage.report');
    expect(readFileSync(outboxFile, 'utf8')).toContain(report.messageId);
    await first.abandon({ withinMs: 10 });

    server.behave({ extensions: working, answers: { usage: true } });
    const second = agentFor(server, succeed, { outboxFile });
    second.start();
    expect(await server.next('usage.report', undefined, { nth: 2 })).toEqual(report);
    expect(await second.drain({ withinMs: 5_000 })).toBe(true);
  });

  it('is told in frames that any server takes, however much it is', async () => {
    const { run, jobs } = heldRun();
    const { server } = await startTrial(run, { server: { extensions: working } });
    server.send(dispatchOf('j1'));
    const { handle } = await eventually(() => jobs.get('j1'));
    const long = { ...entry, 'gen_ai.response.id': 'é'.repeat(1_000) };
    handle.usage(Array.from({ length: 500 }, () => long));
    const told = (): number =>
      server.of('usage.report').reduce((sum, { entries }) => sum + entries.length, 0);
    await eventually(() => told() === 500);
    for (const report of server.of('usage.report'))
      expect(Buffer.byteLength(JSON.stringify(report))).toBeLessThan(512 * 1_024);
  });

  it('that nobody knows is not kept', async () => {
    const { run, jobs } = heldRun();
    const { agent, server } = await startTrial(run);
    server.send(dispatchOf('j1'));
    const { handle, end } = await eventually(() => jobs.get('j1'));
    handle.usage([entry]);
    handle.conversation({ conversationId: 'c1', state: 'started' });
    end({ state: 'success' });
    expect(await agent.drain({ withinMs: 5_000 })).toBe(true);
    await server.next('job.status', ({ state }) => state === 'success');
    expect(server.of('usage.report')).toEqual([]);
    expect(server.of('conversation.status')).toEqual([]);
  });

  it('that is not valid is refused where it is said', async () => {
    const { run, jobs } = heldRun();
    const { server } = await startTrial(run, { server: { extensions: working } });
    server.send(dispatchOf('j1'));
    const { handle } = await eventually(() => jobs.get('j1'));
    expect(() => handle.usage([{ ...entry, costUsd: 'much' }])).toThrow('costUsd');
    expect(server.of('usage.report')).toEqual([]);
  });
});

describe('secret outputs', () => {
  const secretOutputs = { token: 'very-secret-value' };
  const runPublicKey = Buffer.from(
    generateKeyPairSync('x25519').publicKey.export({ format: 'jwk' }).x ?? '',
    'base64url',
  ).toString('base64');

  it.each([
    ['sealed to the key of the run', 'success', runPublicKey, ['token'], 0],
    ['left behind without a key', 'success', undefined, [], 1],
    ['left behind with a key that is none', 'success', 'AAAA', [], 1],
    ['not handed on by a job that failed', 'failed', runPublicKey, [], 0],
  ] as const)('are %s', async (_, state, key, names, problems) => {
    const { server } = await startTrial(() => Promise.resolve({ state, secretOutputs }));
    server.send(dispatchOf('j1', key === undefined ? {} : { runPublicKey: key }));
    const status = await server.next('job.status', (one) => one.state === state);
    expect(Object.keys(status.secretOutputs ?? {})).toEqual(names);
    for (const { agentPublicKey, encrypted } of Object.values(status.secretOutputs ?? {})) {
      expect(Buffer.from(agentPublicKey, 'base64')).toHaveLength(32);
      expect(encrypted).not.toContain('very-secret');
    }
    const lines = server.of('log.chunk').flatMap((chunk) => chunk.lines);
    expect(lines).toHaveLength(problems);
    expect(JSON.stringify(server.frames)).not.toContain('very-secret-value');
  });
});

describe('work with models', () => {
  it('is told as it happens, and after an absence', async () => {
    const { run, jobs } = heldRun();
    const { agent, server } = await startTrial(run, { server: { extensions: working } });
    server.send(dispatchOf('j1', { attempt: 2, fence: 3 }));
    const { handle } = await eventually(() => jobs.get('j1'));
    handle.conversation({ conversationId: 'c1', state: 'started', 'gen_ai.request.model': 'm1' });
    await server.next('conversation.status');
    await server.shut();
    await eventually(() => agent.state === 'away');
    handle.contextBundle({
      bundleId: 'b1',
      digest: `sha256:${'a'.repeat(64)}`,
      sizeBytes: 10,
      sources: [{ uri: 'file:a', kind: 'file' }],
      redactions: [{ kind: 'secret', count: 1 }],
    });
    handle.workspaceRef({ workspaceId: 'w1', kind: 'git', access: 'write' });
    await server.open();
    expect(await server.next('context.bundle')).toMatchObject({ bundleId: 'b1', attempt: 2 });
    expect(await server.next('workspace.ref')).toMatchObject({ workspaceId: 'w1', fence: 3 });
  });
});
