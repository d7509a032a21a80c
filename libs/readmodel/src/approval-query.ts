/** Approvals as a list shows them, newest first by the time they were asked for. */
import { type ExpressionBuilder, type Kysely, sql } from 'kysely';
import {
  type BadCursor,
  badCursor,
  limitOf,
  type Page,
  type PageRequest,
  pageOf,
  placeCursor,
  placeOf,
} from './page.ts';
import type { Database } from './tables.ts';

export type ApprovalSummary = Readonly<{
  id: string;
  org: string;
  runId: string;
  workflow: string | null;
  jobId: string;
  jobName: string | null;
  /** Null where the job itself waits, before it is offered. */
  attempt: number | null;
  stepIndex: number | null;
  stepName: string | null;
  reason: string;
  /** `[ { user } | { team } ]`: all have to be met. */
  clauses: unknown;
  /** `[ { by, teams, decision, reason, at } ]`. */
  votes: unknown;
  /** `open`, or how it ended. */
  state: string;
  outcome: string | null;
  requestedAt: string;
  expiresAt: string;
  resolvedAt: string | null;
  seq: number;
}>;

export type ApprovalFilter = Readonly<{
  org: string;
  state?: string | undefined;
  runId?: string | undefined;
}>;

export async function listApprovals(
  db: Kysely<Database>,
  request: PageRequest & ApprovalFilter,
): Promise<Page<ApprovalSummary> | BadCursor> {
  const below = placeOf(request.cursor);
  if (below === undefined) return badCursor;
  const limit = limitOf(request);
  let query = summaries(db)
    .where('approvals.org', '=', request.org)
    .orderBy('approvals.requested_at', 'desc')
    .orderBy('approvals.id', 'desc')
    .limit(limit + 1);
  if (below !== null) query = query.where((each) => isBelow(each, below));
  if (request.state !== undefined) query = query.where('approvals.state', '=', request.state);
  if (request.runId !== undefined) query = query.where('approvals.run_id', '=', request.runId);
  const rows = await query.execute();
  return pageOf(rows, limit, {
    item: summaryOf,
    cursor: ({ requested_at, id }) => placeCursor({ at: requested_at, id }),
  });
}

const isBelow = (
  each: ExpressionBuilder<Database, 'approvals'>,
  { at, id }: Readonly<{ at: string; id: string }>,
) =>
  each(
    sql`(${sql.ref('approvals.requested_at')}, ${sql.ref('approvals.id')})`,
    '<',
    sql`(${at}::timestamptz, ${id})`,
  );

const summaries = (db: Kysely<Database>) =>
  db
    .selectFrom('approvals')
    .leftJoin('jobs', (join) =>
      join
        .onRef('jobs.org', '=', 'approvals.org')
        .onRef('jobs.run_id', '=', 'approvals.run_id')
        .onRef('jobs.job_id', '=', 'approvals.job_id'),
    )
    .leftJoin('runs', (join) =>
      join.onRef('runs.org', '=', 'approvals.org').onRef('runs.run_id', '=', 'approvals.run_id'),
    )
    .selectAll('approvals')
    .select(['jobs.name as job_name', 'runs.workflow as workflow']);

type SummaryRow = Awaited<ReturnType<ReturnType<typeof summaries>['execute']>>[number];

const summaryOf = (row: SummaryRow): ApprovalSummary => ({
  id: row.id,
  org: row.org,
  runId: row.run_id,
  workflow: row.workflow,
  jobId: row.job_id,
  jobName: row.job_name,
  attempt: row.attempt,
  stepIndex: row.step_index,
  stepName: row.step_name,
  reason: row.reason,
  clauses: row.clauses,
  votes: row.votes,
  state: row.state,
  outcome: row.outcome,
  requestedAt: row.requested_at,
  expiresAt: row.expires_at,
  resolvedAt: row.resolved_at,
  seq: row.seq,
});
