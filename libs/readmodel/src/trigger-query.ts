/** Triggers with their one decision, newest first by the sequence they were received at. */
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
import type { Database, Row } from './tables.ts';

export type TriggerSummary = Readonly<{
  triggerId: string;
  org: string;
  source: string;
  kind: string;
  event: string;
  deliveryId: string;
  requestId: string | null;
  receivedAt: string;
  /** Null until it is decided. */
  decision: string | null;
  detail: string | null;
  decidedAt: string | null;
  /** `[ { rule, runId } ]`, as the decision names them. */
  runs: unknown;
  seq: number;
}>;

export async function listTriggers(
  db: Kysely<Database>,
  request: PageRequest & Readonly<{ org: string; source?: string | undefined }>,
): Promise<Page<TriggerSummary> | BadCursor> {
  const below = seqOf(request.cursor);
  if (below === undefined) return badCursor;
  const limit = limitOf(request);
  let query = db
    .selectFrom('triggers')
    .selectAll()
    .where('org', '=', request.org)
    .where('received_seq', '<', below)
    .orderBy('received_seq', 'desc')
    .limit(limit + 1);
  if (request.source !== undefined) query = query.where('source', '=', request.source);
  const rows = await query.execute();
  return pageOf(rows, limit, { item: triggerOf, cursor: (row) => seqCursor(row.received_seq) });
}

export async function trigger(
  db: Kysely<Database>,
  org: string,
  triggerId: string,
): Promise<TriggerSummary | undefined> {
  // The id hashes its source; another row with it was put into the log by hand, later.
  const row = await db
    .selectFrom('triggers')
    .selectAll()
    .where('org', '=', org)
    .where('trigger_id', '=', triggerId)
    .orderBy('received_seq')
    .executeTakeFirst();
  return row === undefined ? undefined : triggerOf(row);
}

const triggerOf = (row: Row<'triggers'>): TriggerSummary => ({
  triggerId: row.trigger_id,
  org: row.org,
  source: row.source,
  kind: row.kind,
  event: row.event,
  deliveryId: row.delivery_id,
  requestId: row.request_id,
  receivedAt: row.received_at,
  decision: row.decision,
  detail: row.detail,
  decidedAt: row.decided_at,
  runs: row.runs,
  seq: row.seq,
});
