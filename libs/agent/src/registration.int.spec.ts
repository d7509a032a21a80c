import { manualClock } from '@waybill/process';
import { eventually } from '@waybill/process/testing';
import { describe, expect, it } from 'vitest';
import {
  agentFor,
  allExtensions,
  dispatchOf,
  heldRun,
  startManualTrial,
  startServer,
  startTrial,
  succeed,
} from './trial.fixture.ts';

const types = (server: Awaited<ReturnType<typeof startServer>>, connection = 1) =>
  server.frames.flatMap((frame) => (frame.connection === connection ? [frame.message.type] : []));

describe('an agent on its way to its registration', () => {
  it('authenticates with its token, registers and confirms', async () => {
    const { server } = await startTrial(succeed, {
      server: { token: 'kat_1', extensions: allExtensions },
      agent: { token: 'kat_1', maxConcurrency: 3 },
    });
    await server.next('config.ack');
    expect(types(server)).toEqual(['auth.request', 'agent.register', 'config.ack']);
    expect(server.of('auth.request')[0]).toEqual({
      type: 'auth.request',
      token: 'kat_1',
      protocolVersion: 1,
    });
    const register = server.of('agent.register')[0];
    expect(register).toMatchObject({
      agentId: 'agent-1',
      labels: ['linux'],
      maxConcurrency: 3,
      platform: process.platform,
      nodeVersion: process.versions.node,
      extensions: { ...allExtensions, agentWork: true, approvals: true },
    });
    expect(register).not.toHaveProperty('inFlightJobs');
  });

  it('opens with its registration when it has no token', async () => {
    const { server } = await startTrial(succeed);
    expect(types(server)[0]).toBe('agent.register');
  });

  it('stops for good when the server refuses its token, and says so', async () => {
    const server = await startServer({ token: 'kat_1' });
    const agent = agentFor(server, succeed, { token: 'kat_wrong' });
    agent.start();
    await expect(agent.registered).rejects.toThrow('the token is not known');
    expect(await agent.refused).toMatchObject({ name: 'AgentRefused', code: 'agent-refused' });
    expect(agent.state).toBe('refused');
    expect(server.connections).toBe(1);
  });

  it('stops for good on 4010, and ends what it runs', async () => {
    const { run, jobs } = heldRun();
    const { agent, server } = await startTrial(run);
    server.send(dispatchOf('j1'));
    await eventually(() => jobs.get('j1'));
    server.close(4010, 'token revoked');
    const refusal = await agent.refused;
    expect(refusal.message).toContain('token revoked');
    expect(jobs.get('j1')?.handle.signal.reason).toMatchObject({ code: 'agent_refused' });
    await eventually(() => agent.activeJobs === 0);
    expect(agent.state).toBe('refused');
    expect(server.connections).toBe(1);
  });

  it.each([1001, 1013, 4002, 4003, 4004, 4005, 4006, 4031])('returns after %i', async (code) => {
    const { agent, server } = await startTrial(succeed);
    server.close(code);
    await server.connected(2);
    await eventually(() => agent.state === 'registered');
  });

  it('counts as registered when no register.ack comes', async () => {
    const clock = manualClock(1_000_000);
    const server = await startServer({ registerAck: false });
    const agent = agentFor(server, succeed, { clock, timing: {} });
    agent.start();
    await server.next('agent.register');
    await clock.advance(9_999);
    expect(agent.state).toBe('registering');
    await clock.advance(1);
    await agent.registered;
    expect(agent.state).toBe('registered');
    expect(server.of('config.ack')).toEqual([]);
    await clock.advance(30_000);
    await server.next('heartbeat');
  });

  it('takes a dispatch that comes before register.ack', async () => {
    const server = await startServer({ registerAck: false });
    const agent = agentFor(server, succeed, { timing: { registerFallbackMs: 300 } });
    agent.start();
    await server.next('agent.register');
    server.send(dispatchOf('early'));
    await server.next('job.ack');
    expect(agent.state).toBe('registering');
    await server.next('job.status', ({ state }) => state === 'success');
  });
});

describe('an agent that cannot connect', () => {
  it('waits longer each time, and starts anew once it was registered', async () => {
    const { agent, server, clock } = await startManualTrial(succeed);
    server.behave({ registerAck: false });
    server.cut();
    for (const [index, delayMs] of [1_000, 1_500, 2_250].entries()) {
      await eventually(() => agent.state === 'away');
      await clock.advance(delayMs - 1);
      expect(server.connections).toBe(index + 1);
      await clock.advance(1);
      await server.next('agent.register', undefined, { nth: index + 2 });
      server.cut();
    }
    await eventually(() => agent.state === 'away');
    server.behave({});
    await clock.advance(3_375);
    await eventually(() => agent.state === 'registered');
    server.cut();
    await eventually(() => agent.state === 'away');
    await clock.advance(1_000);
    await eventually(() => agent.state === 'registered');
    expect(server.connections).toBe(6);
  });

  it('goes on trying while nobody listens', async () => {
    const { agent, server } = await startTrial(succeed);
    await server.shut();
    await eventually(() => agent.state === 'away');
    await server.open();
    await eventually(() => agent.state === 'registered');
  });

  it('leaves a server that has fallen silent', async () => {
    const { agent, server, clock } = await startManualTrial(succeed);
    server.freeze();
    await clock.advance(30_000);
    expect(agent.state).toBe('registered');
    await clock.advance(30_000);
    await eventually(() => agent.state === 'away');
  });

  it('stays with a server that answers pings and says nothing else', async () => {
    const timing = { heartbeatMs: 50 };
    const { agent, server } = await startTrial(succeed, { agent: { timing } });
    await server.next('heartbeat', undefined, { nth: 5 });
    expect(agent.state).toBe('registered');
    expect(server.connections).toBe(1);
  });
});

describe('an agent that gets nonsense', () => {
  it.each([
    ['no JSON', '{'],
    ['no object', '[]'],
    ['a message of its own side', '{"type":"job.ack"}'],
    ['a type that nobody defined', '{"type":"coffee"}'],
    ['a dispatch without a job', '{"type":"job.dispatch","messageId":"m"}'],
    [
      'a dispatch with two words about its credentials',
      JSON.stringify(dispatchOf('j0', { token: 'a', sourceAuth: { kind: 'basic', secret: 'b' } })),
    ],
  ])('ignores %s and goes on', async (_, text) => {
    const { server } = await startTrial(succeed);
    server.sendText(text);
    server.send(dispatchOf('j1'));
    await server.next('job.status', ({ state }) => state === 'success');
    expect(server.of('job.ack')).toHaveLength(1);
    expect(server.connections).toBe(1);
  });
});
