import type { AgentEvent } from '@waybill/protocol';
import { describe, expect, it } from 'vitest';
import { type AgentRow, evolveAgentRow, evolveSessionRow, type SessionRow } from './agent-row.ts';

const place = (seq: number) => ({
  org: 'main',
  agentToken: 'agent-1',
  seq,
  at: seq * 10,
  id: `e${seq}`,
  meta: { id: `e${seq}`, source: '/test' },
  gateway: 'gw/1',
  scalerManaged: false,
});
const registered = (seq: number): AgentEvent => ({
  ...place(seq),
  type: 'registered',
  body: { agentId: 'agent-1', labels: ['linux'], platform: 'linux', token: 'never shown' },
});
const disconnected = (seq: number, session: number): AgentEvent => ({
  ...place(seq),
  type: 'disconnected',
  body: { session, code: 1006, reason: 'gone' },
});
const status = (seq: number, session: number): AgentEvent => ({
  ...place(seq),
  meta: { id: `e${seq}`, source: '/test', session },
  type: 'status',
  body: { activeJobs: 2 },
});
const agent = (events: readonly AgentEvent[]): AgentRow | undefined => {
  let row: AgentRow | undefined;
  for (const event of events) row = evolveAgentRow(row, event);
  return row;
};
const session = (events: readonly AgentEvent[]): SessionRow | undefined => {
  let row: SessionRow | undefined;
  for (const event of events) row = evolveSessionRow(row, event);
  return row;
};

describe('an agent', () => {
  it('is online with the session that it registered last, and shows no more of its frame than its host', () => {
    expect(agent([registered(5), registered(9)])).toMatchObject({
      session: 9,
      state: 'online',
      max_concurrency: 1,
      host: { platform: 'linux' },
    });
    expect(JSON.stringify(agent([registered(5)]))).not.toContain('never shown');
  });

  it('is not taken offline by the end of an earlier session', () => {
    expect(agent([registered(5), registered(9), disconnected(10, 5)])).toMatchObject({
      state: 'online',
    });
    expect(agent([registered(5), disconnected(10, 5)])).toMatchObject({
      state: 'offline',
      code: 1006,
      disconnected_at: 100,
    });
  });

  it('shows the status of its session alone', () => {
    expect(agent([registered(5), status(6, 4)])?.last_status).toBeNull();
    expect(agent([registered(5), status(6, 5)])).toMatchObject({
      last_status: { activeJobs: 2 },
      last_status_at: 60,
    });
    expect(agent([status(6, 5)])).toBeUndefined();
  });
});

describe('an agent that breaks the protocol', () => {
  const violation = (seq: number, suppressed?: number): AgentEvent => ({
    ...place(seq),
    type: 'violation',
    body: { code: 'foreign-job', detail: `frame ${seq}`, ...(suppressed && { suppressed }) },
  });

  it('has all of it counted over its sessions, also what was not stored one by one, and shows the last', () => {
    expect(agent([registered(5)])).toMatchObject({ violations: 0, last_violation: null });
    expect(
      agent([registered(5), violation(6), violation(7, 30), registered(9), violation(10)]),
    ).toMatchObject({
      violations: 33,
      last_violation: { code: 'foreign-job', detail: 'frame 10' },
      last_violation_at: 100,
      session: 9,
    });
  });
});

describe('a drained agent', () => {
  const draining = (seq: number, on: boolean): AgentEvent => ({
    ...place(seq),
    type: 'draining',
    body: { draining: on, by: 'ann' },
  });

  it('stays so over its sessions, since the first time that somebody asked, until it is undone', () => {
    expect(
      agent([registered(5), draining(6, true), draining(7, true), registered(9)]),
    ).toMatchObject({ draining_since: 60, draining_by: 'ann', session: 9 });
    expect(agent([registered(5), draining(6, true), draining(7, false)])).toMatchObject({
      draining_since: null,
      draining_by: null,
      state: 'online',
    });
  });
});

describe('what is said of a session again', () => {
  const present = (seq: number, of: number, draining?: object | null): AgentEvent => ({
    ...place(seq),
    type: 'present',
    body: {
      agentId: 'agent-1',
      labels: ['linux'],
      platform: 'linux',
      session: of,
      ...(draining === undefined ? {} : { draining: draining as { since: number; by: string } }),
    },
  });
  const drain = { since: 60, by: 'ann' };

  it('makes the rows whose first words have aged out, drained as it was', () => {
    expect(agent([present(50, 5, drain)])).toMatchObject({
      session: 5,
      state: 'online',
      host: { platform: 'linux' },
      draining_since: 60,
      draining_by: 'ann',
    });
    expect(session([present(50, 5)])).toMatchObject({ session: 5, state: 'online' });
  });

  it('changes nothing else of rows that are there', () => {
    const row = agent([registered(5), status(6, 5)]);
    expect(agent([registered(5), status(6, 5), present(50, 5)])).toEqual(row);
    expect(agent([registered(5), disconnected(10, 5), present(50, 5)])?.state).toBe('offline');
    expect(agent([registered(5), registered(9), present(50, 5)])?.session).toBe(9);
    expect(session([registered(5), disconnected(10, 5), present(50, 5)])?.state).toBe('offline');
  });

  it('keeps the agent drained, and ends that, as its gateway has read it', () => {
    expect(agent([registered(5), present(50, 5, drain)])?.draining_since).toBe(60);
    expect(agent([present(50, 5, drain), present(70, 5, null)])?.draining_since).toBeNull();
    expect(agent([present(50, 5, drain), registered(70)])?.draining_by).toBe('ann');
  });
});

describe('a session', () => {
  it('ends once, with the first reason', () => {
    const again: AgentEvent = {
      ...place(11),
      type: 'disconnected',
      body: { session: 5, code: 1000, reason: 'late' },
    };
    expect(session([registered(5), disconnected(10, 5), again])).toMatchObject({
      state: 'offline',
      code: 1006,
      reason: 'gone',
      seq: 10,
    });
  });

  it('is not ended by what is said under another agent', () => {
    const foreign: AgentEvent = { ...disconnected(10, 5), agentToken: 'agent-2' };
    expect(session([registered(5), foreign])).toMatchObject({ state: 'online' });
  });
});
