/**
 * Words about an agent's work as rows: what it has used, with whom it talked, what it worked with and left behind. One row for
 * each word that counted; a conversation is one row from its beginning to its end.
 */
import { nanoUsd, type RunEvent, type RunEventOf, sha256Hex, usd } from '@waybill/protocol';
import { instantValue } from './column-value.ts';

const types = [
  'usage.reported',
  'conversation.reported',
  'context.reported',
  'workspace.reported',
  'artifact.stored',
  'provenance.stored',
] as const;
export type WorkEvent = RunEventOf<(typeof types)[number]>;
const known: ReadonlySet<string> = new Set(types);
export const isWorkEvent = (event: RunEvent): event is WorkEvent => known.has(event.type);

type Said = Readonly<Record<string, unknown>>;
const textOf = (said: Said, name: string): string | null => {
  const value = said[name];
  return typeof value === 'string' ? value : null;
};
const wholeOf = (said: Said, name: string): number | null => {
  const value = said[name];
  return typeof value === 'number' && Number.isSafeInteger(value) ? value : null;
};
const numberOf = (said: Said, name: string): number | null => {
  const value = said[name];
  return typeof value === 'number' ? value : null;
};
const instantOf = (said: Said, name: string): number | null => {
  const value = numberOf(said, name);
  return value === null ? null : instantValue(Math.trunc(value));
};
const listOf = (said: Said, name: string): readonly unknown[] => {
  const value = said[name];
  return Array.isArray(value) ? value : [];
};

const bytesOf = (said: number): number => Math.min(Number.MAX_SAFE_INTEGER, Math.trunc(said));

/** An index entry of Postgres has a limit that a foreign id could pass: of a long one, its beginning and its hash. */
const idLengthMax = 256;
const keyText = (id: string): string =>
  id.length <= idLengthMax ? id : `${id.slice(0, 180)}…${sha256Hex(id)}`;

const placeOf = ({ org, runId, meta, seq }: WorkEvent) => ({
  org,
  run_id: runId,
  job_id: meta.jobId ?? '',
  attempt: meta.attempt ?? 0,
  agent_id: meta.agentId ?? '',
  seq,
});

/** `late`: its run had ended before, and its record does not have it. */
export const usageRows = (event: RunEventOf<'usage.reported'>, late: boolean) =>
  event.body.entries.map((entry, index) => ({
    ...placeOf(event),
    index,
    report_id: textOf(event.body, 'messageId') ?? '',
    kind: entry.kind,
    step_index: wholeOf(entry, 'stepIndex'),
    started_at: instantOf(entry, 'startedAt'),
    duration_ms: numberOf(entry, 'durationMs'),
    cost_usd: entry.costUsd === undefined ? null : usd(nanoUsd(entry.costUsd)),
    operation: textOf(entry, 'gen_ai.operation.name'),
    provider: textOf(entry, 'gen_ai.provider.name'),
    request_model: textOf(entry, 'gen_ai.request.model'),
    response_model: textOf(entry, 'gen_ai.response.model'),
    response_id: textOf(entry, 'gen_ai.response.id'),
    conversation_id: textOf(entry, 'gen_ai.conversation.id'),
    agent_name: textOf(entry, 'gen_ai.agent.name'),
    tool_name: textOf(entry, 'gen_ai.tool.name'),
    tool_call_id: textOf(entry, 'gen_ai.tool.call.id'),
    data_source_id: textOf(entry, 'gen_ai.data_source.id'),
    error_type: textOf(entry, 'error.type'),
    input_tokens: wholeOf(entry, 'gen_ai.usage.input_tokens'),
    output_tokens: wholeOf(entry, 'gen_ai.usage.output_tokens'),
    cache_read_input_tokens: wholeOf(entry, 'gen_ai.usage.cache_read.input_tokens'),
    cache_creation_input_tokens: wholeOf(entry, 'gen_ai.usage.cache_creation.input_tokens'),
    reasoning_output_tokens: wholeOf(entry, 'gen_ai.usage.reasoning.output_tokens'),
    late,
    reported_at: event.at,
  }));

export const conversationKey = ({
  org,
  runId,
  meta,
  body,
}: RunEventOf<'conversation.reported'>) => ({
  org,
  run_id: runId,
  job_id: meta.jobId ?? '',
  conversation_id: keyText(body.conversationId),
});

export type ConversationRow = Readonly<
  ReturnType<typeof conversationKey> & {
    attempt: number;
    agent_id: string;
    state: string;
    agent_name: string | null;
    agent_version: string | null;
    provider: string | null;
    model: string | null;
    turns: number | null;
    reason: string | null;
    started_at: number;
    ended_at: number | null;
    seq: number;
  }
>;

/** What an earlier word has said stays where a later one does not. */
export function evolveConversation(
  row: ConversationRow | undefined,
  event: RunEventOf<'conversation.reported'>,
): ConversationRow {
  const { body, at, seq } = event;
  if (row !== undefined && row.seq >= seq) return row;
  const before = row ?? { ...unsaid, started_at: at };
  return {
    ...placeOf(event),
    ...conversationKey(event),
    state: body.state,
    agent_name: textOf(body, 'gen_ai.agent.name') ?? before.agent_name,
    agent_version: textOf(body, 'gen_ai.agent.version') ?? before.agent_version,
    provider: textOf(body, 'gen_ai.provider.name') ?? before.provider,
    model: textOf(body, 'gen_ai.request.model') ?? before.model,
    turns: wholeOf(body, 'turns') ?? before.turns,
    reason: textOf(body, 'reason') ?? before.reason,
    started_at: before.started_at,
    ended_at: body.state === 'started' ? null : at,
  };
}

const unsaid = {
  agent_name: null,
  agent_version: null,
  provider: null,
  model: null,
  turns: null,
  reason: null,
} as const;

export const contextRow = (event: RunEventOf<'context.reported'>) => ({
  ...placeOf(event),
  bundle_id: keyText(event.body.bundleId),
  digest: event.body.digest,
  size_bytes: bytesOf(event.body.sizeBytes),
  tokens: wholeOf(event.body, 'tokens'),
  conversation_id: textOf(event.body, 'conversationId'),
  sources: listOf(event.body, 'sources'),
  redactions: listOf(event.body, 'redactions'),
  uri: textOf(event.body, 'uri'),
  reported_at: event.at,
});

export const workspaceRow = (event: RunEventOf<'workspace.reported'>) => ({
  ...placeOf(event),
  workspace_id: keyText(event.body.workspaceId),
  kind: event.body.kind,
  uri: textOf(event.body, 'uri'),
  ref: textOf(event.body, 'ref'),
  sha: textOf(event.body, 'sha'),
  access: textOf(event.body, 'access'),
  attributes: event.body['attributes'] ?? null,
  reported_at: event.at,
});

export const artifactRow = (event: RunEventOf<'artifact.stored'>) => ({
  ...placeOf(event),
  name: event.body.name,
  uri: event.body.uri,
  sha256: event.body.sha256,
  size_bytes: bytesOf(event.body.sizeBytes),
  media_type: event.body.mediaType ?? null,
  step_index: event.body.stepIndex ?? null,
  attributes: event.body['attributes'] ?? null,
  created_at: event.at,
});

export const attestationRow = (event: RunEventOf<'provenance.stored'>) => ({
  ...placeOf(event),
  subject_name: event.body.subjectName,
  subject_digest: event.body.subjectDigest,
  media_type: event.body.mediaType,
  sha256: event.body.sha256,
  size_bytes: bytesOf(event.body.sizeBytes),
  created_at: event.at,
});
