/**
 * What is known of agents, in WB_AGENTS: registered (whose sequence is the session), status, config acknowledged, disconnected
 * with its code, and what they did against the protocol. Appended by gateways, for people by the api, and before an agent is there
 * by the scaler that makes it; never about runs.
 */
import { z } from 'zod';
import type { Draft, Meta, StoredMessage, Unreadable } from './envelope.ts';
import { headerText, isUnreadable, metaOf } from './envelope.ts';
import { parseJson } from './run-message.ts';
import { parseSubject, subjects } from './subjects.ts';

export const AgentRegistered = z.looseObject({
  agentId: z.string().min(1).describe('The agent, as it calls itself.'),
  labels: z.array(z.string()).describe('What it offers to jobs that ask for it.'),
  maxConcurrency: z
    .int()
    .positive()
    .optional()
    .describe('How many jobs it takes at once; 1 when absent.'),
});
export const AgentStatus = z.looseObject({
  activeJobs: z.number().describe('How many jobs it runs.'),
});
export const AgentDisconnected = z.looseObject({
  session: z.int().positive().describe('The session that ended.'),
  code: z.int().describe('The close code of the socket.'),
  reason: z.string().describe('Why, as far as either side said.'),
});
/** Said again for a session that lasts, well inside the age that its stream keeps: as `registered`, and of it. */
export const AgentPresent = AgentRegistered.extend({
  session: z.int().positive().describe('The session that is still there.'),
  draining: z
    .object({
      since: z.int().describe('Since when, in Unix milliseconds.'),
      by: z.string().describe('Who asked.'),
    })
    .nullable()
    .optional()
    .describe('Whether a person has taken it out of use, for when that word itself has aged out.'),
});
/** A person's word: offers nothing to the agent, or does again. It outlasts the agent's sessions. */
export const AgentDraining = z.looseObject({
  draining: z.boolean().describe('Whether it gets no more offers.'),
  by: z.string().describe('Who asked.'),
});
export const AgentViolation = z.looseObject({
  code: z.string().describe('What kind of violation, as a code.'),
  detail: z.string().describe('What was wrong, without what was sent.'),
  frame: z.string().optional().describe('The type of the frame that it was done with.'),
  jobId: z
    .string()
    .optional()
    .describe('The job that the frame named, by its id on the wire, where it was not its agent’s.'),
  suppressed: z
    .int()
    .nonnegative()
    .optional()
    .describe('How many there were before it that are not stored one by one.'),
});

/** A scaler's word, before it starts the process: who is about to come, and for which queued jobs. */
export const AgentSpawned = z.looseObject({
  agentId: z.string().min(1).describe('The agent that is to come.'),
  pool: z.string().min(1).describe('The pool that it belongs to.'),
  jobIds: z.array(z.string()).describe('The queued jobs that it is meant for.'),
  standing: z.boolean().describe('Whether it stays where it has no job, too.'),
  labels: z.array(z.string()).describe('What it will offer to jobs.'),
  maxConcurrency: z.int().positive().describe('How many jobs it will take at once.'),
  by: z.string().describe('The scaler that starts it, one process of it.'),
});

const bundleRequest = z.string().min(1).max(64).describe('Names the request.');
/** A person's word: the agent is asked for the newest of its own logs, by the gateway that holds it. */
export const AgentLogsRequested = z.looseObject({
  requestId: bundleRequest,
  agentId: z.string().min(1).describe('The agent.'),
  hours: z.number().positive().describe('How far back.'),
  maxBytes: z.int().positive().describe('Raw bytes of them, at most.'),
  by: z.string().describe('Who asked.'),
});
export const AgentLogsCollected = z.looseObject({
  requestId: bundleRequest,
  key: z.string().describe('Where the archive lies in the store of objects.'),
  sizeBytes: z.int().nonnegative().describe('How large it is.'),
  sha256: z.string().describe('SHA-256 of it, in lower-case hex.'),
});
export const AgentLogsFailed = z.looseObject({
  requestId: bundleRequest,
  message: z.string().describe('Why there is no archive, for people.'),
});

export const agentEventBodies = {
  spawned: AgentSpawned,
  registered: AgentRegistered,
  present: AgentPresent,
  status: AgentStatus,
  draining: AgentDraining,
  config_acked: z.looseObject({}),
  disconnected: AgentDisconnected,
  violation: AgentViolation,
  logs_requested: AgentLogsRequested,
  logs_collected: AgentLogsCollected,
  logs_failed: AgentLogsFailed,
} as const;
export type AgentEventType = keyof typeof agentEventBodies;

type Place = Readonly<{
  org: string;
  agentToken: string;
  seq: number;
  at: number;
  id: string;
  meta: Meta;
  gateway: string;
  /** Whether a scaler made the agent: such a one does not come back. Said of sessions. */
  scalerManaged: boolean;
}>;
export type AgentEvent =
  | {
      readonly [T in AgentEventType]: Place &
        Readonly<{ type: T; body: z.infer<(typeof agentEventBodies)[T]> }>;
    }[AgentEventType]
  | (Place & Readonly<{ type: 'unreadable'; problem: Unreadable }>);

export type AgentDraft = Readonly<{
  org: string;
  agentId: string;
  type: AgentEventType;
  id: string;
  /** The gateway that holds the socket, as `<name>/<start>`: its lease has that name too. Empty where it is about no socket. */
  gateway: string;
  /** Who appends it, where that is not the gateway. */
  source?: string;
  scalerManaged?: boolean;
  session?: number | undefined;
  body: string | Uint8Array;
}>;

export const agentDraft = (draft: AgentDraft): Draft => ({
  stream: 'WB_AGENTS',
  subject: subjects.agent(draft.org, draft.agentId, draft.type),
  type: `agent.${draft.type}`,
  meta: {
    id: draft.id,
    source: draft.source ?? '/waybill/agent-gateway',
    agentId: draft.agentId,
    session: draft.session,
  },
  extra: {
    ...(draft.gateway === '' ? {} : { 'wb-gateway': draft.gateway }),
    ...(draft.scalerManaged === true ? { 'wb-scaler-managed': '1' } : {}),
  },
  body: draft.body,
});

/** A message of WB_AGENTS as an event. Total; undefined only for a subject that is no agent's. */
export function readAgentMessage(message: StoredMessage): AgentEvent | undefined {
  const parsed = parseSubject(message.subject);
  if (parsed?.family !== 'agent') return undefined;
  const meta = metaOf(message);
  const id = isUnreadable(meta) ? `unreadable@${message.seq}` : meta.id;
  const gateway = headerText(message, 'wb-gateway') ?? '';
  const place = {
    org: parsed.org,
    agentToken: parsed.agentToken,
    seq: message.seq,
    at: message.at,
    id,
    gateway,
    scalerManaged: headerText(message, 'wb-scaler-managed') === '1',
  };
  const unreadable = (problem: Unreadable): AgentEvent => ({
    ...place,
    meta: { id, source: '' },
    type: 'unreadable',
    problem,
  });
  if (isUnreadable(meta)) return unreadable(meta);
  if (!Object.hasOwn(agentEventBodies, parsed.event))
    return unreadable({ code: 'unknown-type', detail: parsed.event });
  const type = parsed.event as AgentEventType; // just found among the table's keys
  const json = parseJson(message.body);
  if (json === undefined) return unreadable({ code: 'not-json', detail: 'the body is not JSON' });
  const body = agentEventBodies[type].safeParse(json);
  if (!body.success) return unreadable({ code: 'invalid-body', detail: type });
  // `type` and the schema that just parsed the body come from the same entry of the table.
  return { ...place, meta, type, body: body.data } as AgentEvent;
}
