/**
 * Agents and their sessions as rows: an agent is what it last registered as, and online while that session is open. What is
 * said of another session than the current one changes that session alone.
 */
import type { AgentEvent } from '@waybill/protocol';

type Registration = Readonly<{
  org: string;
  agent_token: string;
  agent_id: string;
  labels: unknown;
  max_concurrency: number;
  session: number;
  state: string;
  gateway: string;
  /** What the agent said of its host. */
  host: unknown;
  scaler_managed: boolean;
  connected_at: number;
  disconnected_at: number | null;
  code: number | null;
  seq: number;
}>;
export type AgentRow = Registration &
  Readonly<{
    last_status: unknown;
    last_status_at: number | null;
    draining_since: number | null;
    draining_by: string | null;
    /** In all, those that were not stored one by one included. */
    violations: number;
    last_violation: unknown;
    last_violation_at: number | null;
  }>;
export type SessionRow = Registration & Readonly<{ reason: string | null }>;

const hostFacts = [
  'platform',
  'arch',
  'version',
  'hostname',
  'osRelease',
  'osVersion',
  'totalMemoryMb',
  'cpuCount',
  'nodeVersion',
  'runningAsUser',
  'runningAsUid',
] as const;

export function evolveAgentRow(row: AgentRow | undefined, event: AgentEvent): AgentRow | undefined {
  switch (event.type) {
    case 'registered':
      return begun(row, event);
    case 'present':
      return { ...stillThere(row, event), ...keptDrained(row, event) };
    case 'draining':
      return row === undefined ? row : { ...row, ...drained(row, event), seq: event.seq };
    case 'status':
      return row === undefined ? row : { ...row, ...reported(row, event) };
    case 'disconnected':
      return row === undefined ? row : { ...row, ...left(row, event) };
    case 'violation':
      return row === undefined ? row : { ...row, ...violated(row, event), seq: event.seq };
    default:
      return row;
  }
}

const begun = (row: AgentRow | undefined, event: Beginning): AgentRow => ({
  ...registration(event),
  last_status: null,
  last_status_at: null,
  draining_since: row?.draining_since ?? null,
  draining_by: row?.draining_by ?? null,
  violations: row?.violations ?? 0,
  last_violation: row?.last_violation ?? null,
  last_violation_at: row?.last_violation_at ?? null,
});

/** Its registration may have aged out: then this is the first word of the session. */
const stillThere = (row: AgentRow | undefined, event: Present): AgentRow =>
  row === undefined || row.session < event.body.session ? begun(row, event) : row;

/** The row of the session that the event is about, as `sessionOf` names it. */
export function evolveSessionRow(
  row: SessionRow | undefined,
  event: AgentEvent,
): SessionRow | undefined {
  if (event.type === 'registered' || event.type === 'present')
    return row ?? { ...registration(event), reason: null };
  if (event.type !== 'disconnected' || row === undefined) return row;
  if (row.state === 'offline' || row.agent_token !== event.agentToken) return row;
  return { ...row, ...ended(event), reason: event.body.reason };
}

export function sessionOf(event: AgentEvent): number | undefined {
  if (event.type === 'registered') return event.seq;
  return event.type === 'disconnected' || event.type === 'present' ? event.body.session : undefined;
}

type Present = Extract<AgentEvent, { type: 'present' }>;
type Beginning = Present | Extract<AgentEvent, { type: 'registered' }>;

function registration(event: Beginning): Registration {
  const { body } = event;
  const known = hostFacts.flatMap((name) => (body[name] === undefined ? [] : [[name, body[name]]]));
  return {
    org: event.org,
    agent_token: event.agentToken,
    agent_id: body.agentId,
    labels: body.labels,
    max_concurrency: body.maxConcurrency ?? 1,
    session: event.type === 'present' ? event.body.session : event.seq,
    state: 'online',
    gateway: event.gateway,
    host: Object.fromEntries(known),
    scaler_managed: event.scalerManaged,
    connected_at: event.at,
    disconnected_at: null,
    code: null,
    seq: event.seq,
  };
}

/** A person's word about the agent, whichever session it is on. Asked again, the first time stands. */
const drained = (row: AgentRow, { at, body }: Extract<AgentEvent, { type: 'draining' }>) =>
  body.draining
    ? { draining_since: row.draining_since ?? at, draining_by: row.draining_by ?? body.by }
    : { draining_since: null, draining_by: null };

/** A person's word, said again by the gateway that read it. */
const keptDrained = (row: AgentRow | undefined, { body }: Present) =>
  body.draining === undefined
    ? {}
    : {
        draining_since: body.draining && (row?.draining_since ?? body.draining.since),
        draining_by: body.draining && (row?.draining_by ?? body.draining.by),
      };

/** On whichever session: what an agent does against the protocol outlasts it. */
const violated = (row: AgentRow, { at, body }: Extract<AgentEvent, { type: 'violation' }>) => ({
  violations: row.violations + 1 + (body.suppressed ?? 0),
  last_violation: body,
  last_violation_at: at,
});

/** Of the session that the row shows, not of an older one. */
const reported = (row: AgentRow, event: Extract<AgentEvent, { type: 'status' }>) =>
  (event.meta.session ?? row.session) === row.session
    ? { last_status: event.body, last_status_at: event.at, seq: event.seq }
    : {};

const left = (row: AgentRow, event: Extract<AgentEvent, { type: 'disconnected' }>) =>
  event.body.session === row.session && row.state === 'online' ? ended(event) : {};

const ended = (event: Extract<AgentEvent, { type: 'disconnected' }>) => ({
  state: 'offline',
  disconnected_at: event.at,
  code: event.body.code,
  seq: event.seq,
});
