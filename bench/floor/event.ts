/** The six events of a run in the floor, about 700 bytes of JSON each, and nothing that is not needed to pass them on. */
import { padding } from '../measure/load.ts';

export const kinds = [
  'requested',
  'dispatched',
  'acked',
  'running',
  'progress',
  'succeeded',
] as const;
export type Kind = (typeof kinds)[number];
/** What an agent answers with, one frame each. */
export const answers = [
  'acked',
  'running',
  'progress',
  'succeeded',
] as const satisfies readonly Kind[];

export type RunEvent = Readonly<{
  v: 1;
  id: string;
  type: Kind;
  runId: string;
  agentId: string;
  tenant: string;
  at: string;
  attempt: number;
  traceparent: string;
  sentAtMs: number;
  data: Readonly<Record<string, unknown>>;
}>;

/** Between the service and an agent; a dispatch has no type of its own. */
export type Frame = Omit<RunEvent, 'v' | 'id'>;

export const streamName = 'FLOOR';
export const streamSubjects = 'floor.>';
export const subjectOf = (type: Kind, runId: string): string => `floor.${type}.${runId}`;

export const requested = (number: number, agents: number, sentAtMs: number): RunEvent => ({
  v: 1,
  id: `request-${number}`,
  type: 'requested',
  runId: `run-${number}`,
  agentId: `agent-${number % agents}`,
  tenant: 'main',
  at: '2026-01-01T12:00:00.000Z',
  attempt: 1,
  traceparent: '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01',
  sentAtMs,
  data: {
    deadlineMs: 5_000,
    priority: 5,
    labels: { region: 'eu-1', queue: 'default' },
    note: padding,
    input: { number, list: [1, 2, 3] },
  },
});

export const followUp = (
  number: number,
  type: Kind,
  { runId, agentId, tenant, at, attempt, traceparent, sentAtMs, data }: Frame,
): RunEvent => ({
  v: 1,
  id: `${runId}-${type}-${number}`,
  type,
  runId,
  agentId,
  tenant,
  at,
  attempt,
  traceparent,
  sentAtMs,
  data,
});
