/** Agents as they last registered, with their session and whether it is open; in the order of their tokens. */
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

export type AgentSummary = Readonly<{
  agentId: string;
  org: string;
  state: string;
  labels: unknown;
  maxConcurrency: number;
  session: number;
  gateway: string;
  /** What the agent said of its host: platform, arch, version and the like. */
  host: unknown;
  lastStatus: unknown;
  lastStatusAt: string | null;
  connectedAt: string;
  disconnectedAt: string | null;
  /** The close code of a session that has ended. */
  code: number | null;
  seq: number;
}>;

export async function listAgents(
  db: Kysely<Database>,
  request: PageRequest & Readonly<{ org: string; state?: string | undefined }>,
): Promise<Page<AgentSummary> | BadCursor> {
  const after = nameOf(request.cursor);
  if (after === undefined) return badCursor;
  const limit = limitOf(request);
  let query = db
    .selectFrom('agents')
    .selectAll()
    .where('org', '=', request.org)
    .where('agent_token', '>', after)
    .orderBy('agent_token')
    .limit(limit + 1);
  if (request.state !== undefined) query = query.where('state', '=', request.state);
  const rows = await query.execute();
  return pageOf(rows, limit, { item: agentOf, cursor: (row) => nameCursor(row.agent_token) });
}

const agentOf = (row: Row<'agents'>): AgentSummary => ({
  agentId: row.agent_id,
  org: row.org,
  state: row.state,
  labels: row.labels,
  maxConcurrency: row.max_concurrency,
  session: row.session,
  gateway: row.gateway,
  host: row.host,
  lastStatus: row.last_status,
  lastStatusAt: row.last_status_at,
  connectedAt: row.connected_at,
  disconnectedAt: row.disconnected_at,
  code: row.code,
  seq: row.seq,
});
