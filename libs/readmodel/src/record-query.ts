/** Run records: what a run's view refers to, and the record itself with its bytes, whose SHA-256 is the record's. */
import type { Kysely } from 'kysely';
import type { Database, Row } from './tables.ts';

export type RecordRef = Readonly<{ sha256: string; firstSeq: number; lastSeq: number }>;
export type RunRecord = RecordRef &
  Readonly<{
    org: string;
    runId: string;
    recordVersion: number;
    state: string;
    createdAt: string;
    startedAt: string | null;
    completedAt: string;
    durationMs: number;
    costUsd: number;
    workflow: string;
    triggerSource: string;
    previousSha256: string | null;
    /** RFC 8785 canonical JSON, UTF-8. */
    body: Uint8Array;
  }>;

/** `record` of a run's view; null until the projector has written it. */
export async function recordRef(
  db: Kysely<Database>,
  org: string,
  runId: string,
): Promise<RecordRef | null> {
  const row = await db
    .selectFrom('run_records')
    .select(['sha256', 'first_seq', 'last_seq'])
    .where('org', '=', org)
    .where('run_id', '=', runId)
    .executeTakeFirst();
  if (row === undefined) return null;
  return { sha256: row.sha256, firstSeq: row.first_seq, lastSeq: row.last_seq };
}

export async function runRecord(
  db: Kysely<Database>,
  org: string,
  runId: string,
): Promise<RunRecord | undefined> {
  const row = await db
    .selectFrom('run_records')
    .selectAll()
    .where('org', '=', org)
    .where('run_id', '=', runId)
    .executeTakeFirst();
  return row === undefined ? undefined : recordOf(row);
}

const recordOf = (row: Row<'run_records'>): RunRecord => ({
  org: row.org,
  runId: row.run_id,
  recordVersion: row.record_version,
  state: row.state,
  createdAt: row.created_at,
  startedAt: row.started_at,
  completedAt: row.completed_at,
  durationMs: row.duration_ms,
  costUsd: row.cost_usd,
  workflow: row.workflow,
  triggerSource: row.trigger_source,
  firstSeq: row.first_seq,
  lastSeq: row.last_seq,
  sha256: row.sha256,
  previousSha256: row.previous_sha256,
  body: row.body,
});
