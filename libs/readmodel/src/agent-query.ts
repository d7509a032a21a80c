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
  scalerManaged: boolean;
  /** Jobs that it has, offers included. */
  activeJobs: number;
  /** Set by a person; it outlasts the agent's sessions. */
  draining: Readonly<{ since: string; by: string }> | null;
  /** What it did against the protocol, on all its sessions; the last of it. */
  violations: Readonly<{ count: number; last: unknown; lastAt: string | null }>;
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
  const loads = await agentLoads(
    db,
    request.org,
    rows.map((row) => row.agent_id),
  );
  const item = (row: Row<'agents'>): AgentSummary => agentOf(row, loads.get(row.agent_id) ?? 0);
  return pageOf(rows, limit, { item, cursor: (row) => nameCursor(row.agent_token) });
}

/** The agent, if it ever registered. */
export async function agent(
  db: Kysely<Database>,
  org: string,
  agentId: string,
): Promise<AgentSummary | undefined> {
  const row = await db
    .selectFrom('agents')
    .selectAll()
    .where('org', '=', org)
    .where('agent_id', '=', agentId)
    .executeTakeFirst();
  if (row === undefined) return undefined;
  return agentOf(row, (await agentLoads(db, org, [agentId])).get(agentId) ?? 0);
}

/** Agents that are connected, with what they have in hand; so many at most. */
export async function connectedAgents(
  db: Kysely<Database>,
  org: string,
  limit: number,
): Promise<readonly AgentSummary[]> {
  const rows = await db
    .selectFrom('agents')
    .selectAll()
    .where('org', '=', org)
    .where('state', '=', 'online')
    .orderBy('agent_token')
    .limit(limit)
    .execute();
  const loads = await agentLoads(
    db,
    org,
    rows.map((row) => row.agent_id),
  );
  return rows.map((row) => agentOf(row, loads.get(row.agent_id) ?? 0));
}

async function agentLoads(
  db: Kysely<Database>,
  org: string,
  agentIds: readonly string[],
): Promise<ReadonlyMap<string, number>> {
  if (agentIds.length === 0) return new Map();
  const rows = await db
    .selectFrom('jobs')
    .where('org', '=', org)
    .where('state', 'in', ['offered', 'running', 'recovering', 'cancelling'])
    .where('agent_id', 'in', [...agentIds])
    .groupBy('agent_id')
    .select((count) => ['agent_id', count.fn.countAll<number>().as('count')] as const)
    .execute();
  return new Map(
    rows.flatMap(({ agent_id, count }) => (agent_id === null ? [] : [[agent_id, count]])),
  );
}

const agentOf = (row: Row<'agents'>, activeJobs: number): AgentSummary => ({
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
  scalerManaged: row.scaler_managed,
  activeJobs,
  draining:
    row.draining_since === null || row.draining_by === null
      ? null
      : { since: row.draining_since, by: row.draining_by },
  violations: { count: row.violations, last: row.last_violation, lastAt: row.last_violation_at },
  connectedAt: row.connected_at,
  disconnectedAt: row.disconnected_at,
  code: row.code,
  seq: row.seq,
});
