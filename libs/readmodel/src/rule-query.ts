/** Rules in their latest generation, by name. */
import type { Kysely } from 'kysely';
import {
  type BadCursor,
  badCursor,
  limitOf,
  nameCursor,
  nameOf,
  type Page,
  type PageRequest,
  pageOf,
} from './page.ts';
import type { Database, Row } from './tables.ts';

export type RuleSummary = Readonly<{
  name: string;
  org: string;
  generation: number;
  source: string;
  event: string | null;
  workflow: string | null;
  rule: unknown;
  appliedAt: string;
  seq: number;
}>;

export async function listRules(
  db: Kysely<Database>,
  request: PageRequest & Readonly<{ org: string }>,
): Promise<Page<RuleSummary> | BadCursor> {
  const after = nameOf(request.cursor);
  if (after === undefined) return badCursor;
  const limit = limitOf(request);
  const rows = await db
    .selectFrom('rules')
    .selectAll()
    .where('org', '=', request.org)
    .where('name', '>', after)
    .orderBy('name')
    .limit(limit + 1)
    .execute();
  return pageOf(rows, limit, { item: ruleOf, cursor: (row) => nameCursor(row.name) });
}

export async function rule(
  db: Kysely<Database>,
  org: string,
  name: string,
): Promise<RuleSummary | undefined> {
  const row = await db
    .selectFrom('rules')
    .selectAll()
    .where('org', '=', org)
    .where('name', '=', name)
    .executeTakeFirst();
  return row === undefined ? undefined : ruleOf(row);
}

const ruleOf = (row: Row<'rules'>): RuleSummary => ({
  name: row.name,
  org: row.org,
  generation: row.generation,
  source: row.source,
  event: row.event,
  workflow: row.workflow,
  rule: row.rule,
  appliedAt: row.applied_at,
  seq: row.seq,
});
