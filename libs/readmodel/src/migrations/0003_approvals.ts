/**
 * Approvals: what people are asked, what they said, how it ended. Runs that were projected before are emptied, and the projector
 * folds them again from the log, so that approvals of theirs are there too. Records stay as they are.
 */
import { sql } from 'kysely';
import type { Migration } from 'kysely/migration';

export const approvals = (schema: string): Migration => ({
  up: async (db) => {
    await sql`select set_config('search_path', ${schema}, true)`.execute(db);
    await sql.raw(changes).execute(db);
  },
});

const changes = `
truncate runs, jobs, attempts, steps;
delete from checkpoints where stream = 'WB_RUNS';
create table approvals (
  org text not null, id text not null, run_id text not null, job_id text not null, attempt bigint,
  step_index bigint, step_name text, reason text not null, clauses jsonb not null, votes jsonb not null,
  state text not null, requested_at timestamptz not null, expires_at timestamptz not null,
  resolved_at timestamptz, outcome text,
  seq bigint not null,
  primary key (org, id)
);
create index approvals_by_request on approvals (org, requested_at desc, id desc);
create index approvals_by_state on approvals (org, state, requested_at desc, id desc);
create index approvals_by_run on approvals (org, run_id);
`;
