/** What agents have used and left behind, as lists show it. */
import { type Kysely, sql } from 'kysely';
import {
  type BadCursor,
  badCursor,
  limitOf,
  type Page,
  type PageRequest,
  pageOf,
  rowCursor,
  rowOf,
} from './page.ts';
import type { Database, Row } from './tables.ts';

export type ArtifactSummary = Readonly<{
  name: string;
  uri: string;
  runId: string;
  jobId: string;
  attempt: number;
  agentId: string;
  sha256: string;
  sizeBytes: number;
  mediaType: string | null;
  stepIndex: number | null;
  attributes: unknown;
  createdAt: string;
  seq: number;
}>;

/** The newest of each name, by name; so many at most. */
export async function listArtifacts(
  db: Kysely<Database>,
  o: Readonly<{ org: string; runId: string; limit: number }>,
): Promise<readonly ArtifactSummary[]> {
  const rows = await db
    .selectFrom('artifacts')
    .selectAll()
    .distinctOn('name')
    .where('org', '=', o.org)
    .where('run_id', '=', o.runId)
    .orderBy('name')
    .orderBy('seq', 'desc')
    .limit(o.limit)
    .execute();
  return rows.map(artifactOf);
}

/** The newest of that name: what a later attempt leaves behind takes the place of what an earlier one did. */
export async function artifact(
  db: Kysely<Database>,
  o: Readonly<{ org: string; runId: string; name: string }>,
): Promise<ArtifactSummary | undefined> {
  const row = await db
    .selectFrom('artifacts')
    .selectAll()
    .where('org', '=', o.org)
    .where('run_id', '=', o.runId)
    .where('name', '=', o.name)
    .orderBy('seq', 'desc')
    .limit(1)
    .executeTakeFirst();
  return row && artifactOf(row);
}

export type AttestationSummary = Readonly<{
  subjectName: string;
  subjectDigest: string;
  mediaType: string;
  runId: string;
  /** Whose code that run is of: `trusted` or `fork`. */
  trust: string;
  jobId: string;
  attempt: number;
  agentId: string;
  sha256: string;
  sizeBytes: number;
  createdAt: string;
  seq: number;
}>;

/** Of one artefact, by its digest; the newest first, but behind those of trusted runs whatever a fork's run says of it. */
export async function listAttestations(
  db: Kysely<Database>,
  o: Readonly<{ org: string; subjectDigest: string; limit: number }>,
): Promise<readonly AttestationSummary[]> {
  const trust = sql<string>`coalesce(runs.trust, 'trusted')`;
  const rows = await db
    .selectFrom('attestations')
    .leftJoin('runs', (join) =>
      join
        .onRef('runs.org', '=', 'attestations.org')
        .onRef('runs.run_id', '=', 'attestations.run_id'),
    )
    .selectAll('attestations')
    .select(trust.as('trust'))
    .where('attestations.org', '=', o.org)
    .where('subject_digest', '=', o.subjectDigest)
    .orderBy(sql`${trust} = 'fork'`)
    .orderBy('attestations.seq', 'desc')
    .limit(o.limit)
    .execute();
  return rows.map((row) => ({
    subjectName: row.subject_name,
    subjectDigest: row.subject_digest,
    mediaType: row.media_type,
    runId: row.run_id,
    trust: row.trust,
    jobId: row.job_id,
    attempt: row.attempt,
    agentId: row.agent_id,
    sha256: row.sha256,
    sizeBytes: row.size_bytes,
    createdAt: row.created_at,
    seq: row.seq,
  }));
}

export type UsageSummary = Readonly<{
  jobId: string;
  attempt: number;
  agentId: string;
  reportId: string;
  index: number;
  kind: string;
  stepIndex: number | null;
  startedAt: string | null;
  durationMs: number | null;
  costUsd: number | null;
  operation: string | null;
  provider: string | null;
  requestModel: string | null;
  responseModel: string | null;
  responseId: string | null;
  conversationId: string | null;
  agentName: string | null;
  toolName: string | null;
  toolCallId: string | null;
  dataSourceId: string | null;
  errorType: string | null;
  inputTokens: number | null;
  outputTokens: number | null;
  cacheReadInputTokens: number | null;
  cacheCreationInputTokens: number | null;
  reasoningOutputTokens: number | null;
  /** Reported behind the end of the run. */
  late: boolean;
  reportedAt: string;
  seq: number;
}>;

/** Of a run, in the order of the log. */
export async function listUsage(
  db: Kysely<Database>,
  request: PageRequest & Readonly<{ org: string; runId: string }>,
): Promise<Page<UsageSummary> | BadCursor> {
  const after = rowOf(request.cursor);
  if (after === undefined) return badCursor;
  const limit = limitOf(request);
  const rows = await db
    .selectFrom('usage_entries')
    .selectAll()
    .where('org', '=', request.org)
    .where('run_id', '=', request.runId)
    .where((each) =>
      each.or([
        each('seq', '>', after.seq),
        each.and([each('seq', '=', after.seq), each('index', '>', after.index)]),
      ]),
    )
    .orderBy('seq')
    .orderBy('index')
    .limit(limit + 1)
    .execute();
  return pageOf(rows, limit, { item: usageOf, cursor: rowCursor });
}

const artifactOf = (row: Row<'artifacts'>): ArtifactSummary => ({
  name: row.name,
  uri: row.uri,
  runId: row.run_id,
  jobId: row.job_id,
  attempt: row.attempt,
  agentId: row.agent_id,
  sha256: row.sha256,
  sizeBytes: row.size_bytes,
  mediaType: row.media_type,
  stepIndex: row.step_index,
  attributes: row.attributes,
  createdAt: row.created_at,
  seq: row.seq,
});

const usageOf = (row: Row<'usage_entries'>): UsageSummary => ({
  jobId: row.job_id,
  attempt: row.attempt,
  agentId: row.agent_id,
  reportId: row.report_id,
  index: row.index,
  kind: row.kind,
  stepIndex: row.step_index,
  startedAt: row.started_at,
  durationMs: row.duration_ms,
  costUsd: row.cost_usd,
  operation: row.operation,
  provider: row.provider,
  requestModel: row.request_model,
  responseModel: row.response_model,
  responseId: row.response_id,
  conversationId: row.conversation_id,
  agentName: row.agent_name,
  toolName: row.tool_name,
  toolCallId: row.tool_call_id,
  dataSourceId: row.data_source_id,
  errorType: row.error_type,
  inputTokens: row.input_tokens,
  outputTokens: row.output_tokens,
  cacheReadInputTokens: row.cache_read_input_tokens,
  cacheCreationInputTokens: row.cache_creation_input_tokens,
  reasoningOutputTokens: row.reasoning_output_tokens,
  late: row.late,
  reportedAt: row.reported_at,
  seq: row.seq,
});
