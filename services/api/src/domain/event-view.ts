/**
 * An event of a run as the outside reads it: body without secrets. What is sealed is shown as "[sealed]", what a schema of
 * the wire marks as secret as "[redacted]". An event that cannot be read is shown as such, without its body.
 */
import { type RunEvent, wire } from '@waybill/protocol';

export type EventView = Readonly<{
  seq: number;
  at: string;
  type: string;
  data: unknown;
  id: string;
  jobId?: string;
  attempt?: number;
  agentId?: string;
}>;

/** `at` is the event's time as text: a domain makes no dates. */
export function eventView(event: RunEvent, at: string): EventView {
  const { jobId, attempt, agentId } = event.meta;
  return {
    seq: event.seq,
    at,
    type: event.type,
    data: event.type === 'unreadable' ? event.problem : shownBody(event.type, event.body),
    id: event.id,
    ...(jobId === undefined ? {} : { jobId }),
    ...(attempt === undefined ? {} : { attempt }),
    ...(agentId === undefined ? {} : { agentId }),
  };
}

const SEALED = '[sealed]';

/** Facts of agents are frames of the wire, whose schemas say what in them is secret. */
function shownBody(type: string, body: unknown): unknown {
  const isFrame = typeof body === 'object' && body !== null && 'type' in body && body.type === type;
  return withoutSeals(isFrame ? wire.redact(wire.AgentMessage, body) : body);
}

/** A copy in which every sealed value is only named. */
export function withoutSeals(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return value.map(withoutSeals);
  if ('$sealed' in value) return SEALED;
  // From entries, so that a key like `__proto__` stays a plain key.
  return Object.fromEntries(
    Object.entries(value).map(([key, inner]: [string, unknown]) => [key, withoutSeals(inner)]),
  );
}
