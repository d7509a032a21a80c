/** Runs as a list shows them: the API's fields without jobs, newest first by the sequence they began at. */
import type { Kysely } from 'kysely';
import {
  type BadCursor,
  badCursor,
  limitOf,
  type Page,
  type PageRequest,
  pageOf,
  seqCursor,
  seqOf,
} from './page.ts';
import type { RecordRef } from './record-query.ts';
import type { Database, Row } from './tables.ts';

export type RunSummary = Readonly<{
  runId: string;
  org: string;
  state: string;
  trigger: unknown;
  rule: Readonly<{ name: string; generation: number }> | null;
  workflow: string;
  repoUrl: string;
  /** The repository's name, without credentials. */
  repository: string | null;
  trust: string;
  chainDepth: number;
  /** The job whose event started it. */
  upstream: unknown;
  ref: string;
  sha: string;
  requestId: string | null;
  createdAt: string;
  startedAt: string | null;
  completedAt: string | null;
  durationMs: number | null;
  costUsd: number;
  usage: unknown;
  /** Reported behind its end. */
  lateUsage: unknown;
  logBytes: number;
  cancel: unknown;
  record: RecordRef | null;
  anomalies: number;
  seq: number;
}>;

export async function listRuns(
  db: Kysely<Database>,
  request: PageRequest & Readonly<{ org: string; state?: string | undefined }>,
): Promise<Page<RunSummary> | BadCursor> {
  const below = seqOf(request.cursor);
  if (below === undefined) return badCursor;
  const limit = limitOf(request);
  let query = summaries(db)
    .where('runs.org', '=', request.org)
    .where('runs.first_seq', '<', below)
    .orderBy('runs.first_seq', 'desc')
    .limit(limit + 1);
  if (request.state !== undefined) query = query.where('runs.state', '=', request.state);
  const rows = await query.execute();
  return pageOf(rows, limit, { item: summaryOf, cursor: (row) => seqCursor(row.first_seq) });
}

export async function runSummary(
  db: Kysely<Database>,
  org: string,
  runId: string,
): Promise<RunSummary | undefined> {
  const row = await summaries(db)
    .where('runs.org', '=', org)
    .where('runs.run_id', '=', runId)
    .executeTakeFirst();
  return row === undefined ? undefined : summaryOf(row);
}

/** Which open runs are meant; every condition has to hold. */
export type OpenRunFilter = Readonly<{
  state?: string | undefined;
  workflow?: string | undefined;
  rule?: string | undefined;
  source?: string | undefined;
  ref?: string | undefined;
  createdBefore?: string | undefined;
}>;

/** The runs that have not ended, the oldest first, behind a sequence; and how many there are in all behind it. */
export async function openRuns(
  db: Kysely<Database>,
  org: string,
  filter: OpenRunFilter,
  page: Readonly<{ limit: number; afterSeq: number }>,
): Promise<Readonly<{ runs: readonly { runId: string; firstSeq: number }[]; count: number }>> {
  let query = db
    .selectFrom('runs')
    .where('org', '=', org)
    .where('first_seq', '>', page.afterSeq)
    .where('state', 'in', ['pending', 'running', 'cancelling']);
  const conditions = [
    ['state', filter.state],
    ['workflow', filter.workflow],
    ['rule_name', filter.rule],
    ['trigger_source', filter.source],
    ['ref', filter.ref],
  ] as const;
  for (const [column, value] of conditions)
    if (value !== undefined) query = query.where(column, '=', value);
  if (filter.createdBefore !== undefined)
    query = query.where('created_at', '<', filter.createdBefore);
  const counted = await query
    .select((count) => count.fn.countAll<number>().as('count'))
    .executeTakeFirstOrThrow();
  const rows = await query
    .select(['run_id', 'first_seq'])
    .orderBy('first_seq')
    .limit(page.limit)
    .execute();
  const runs = rows.map((row) => ({ runId: row.run_id, firstSeq: row.first_seq }));
  return { runs, count: counted.count };
}

const summaries = (db: Kysely<Database>) =>
  db
    .selectFrom('runs')
    .leftJoin('run_records as record', (join) =>
      join.onRef('record.org', '=', 'runs.org').onRef('record.run_id', '=', 'runs.run_id'),
    )
    .selectAll('runs')
    .select([
      'record.sha256',
      'record.first_seq as record_first',
      'record.last_seq as record_last',
    ]);

type Joined = Row<'runs'> &
  Readonly<{ sha256: string | null; record_first: number | null; record_last: number | null }>;

const summaryOf = (row: Joined): RunSummary => ({
  runId: row.run_id,
  org: row.org,
  state: row.state,
  trigger: row.trigger,
  rule:
    row.rule_name === null || row.rule_generation === null
      ? null
      : { name: row.rule_name, generation: row.rule_generation },
  workflow: row.workflow,
  repoUrl: row.repo_url,
  repository: row.repository,
  trust: row.trust,
  chainDepth: row.chain_depth,
  upstream: row.upstream,
  ref: row.ref,
  sha: row.sha,
  requestId: row.request_id,
  createdAt: row.created_at,
  startedAt: row.started_at,
  completedAt: row.completed_at,
  durationMs: row.duration_ms,
  costUsd: row.cost_usd,
  usage: row.usage,
  lateUsage: row.late_usage,
  logBytes: row.log_bytes,
  cancel: row.cancel,
  record:
    row.sha256 === null || row.record_first === null || row.record_last === null
      ? null
      : { sha256: row.sha256, firstSeq: row.record_first, lastSeq: row.record_last },
  anomalies: row.anomalies,
  seq: row.seq,
});
