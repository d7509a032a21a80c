/**
 * Attempts with their outcome, steps by attempt, budgets, cancels and drained agents. What was projected before is emptied, and
 * the projector folds it again from the log: a rebuilt row and a row that grew must not differ. Records stay as they are.
 */
import { sql } from 'kysely';
import type { Migration } from 'kysely/migration';

export const dispatch = (schema: string): Migration => ({
  up: async (db) => {
    await sql`select set_config('search_path', ${schema}, true)`.execute(db);
    await sql.raw(changes).execute(db);
  },
});

const changes = `
truncate runs, jobs, attempts, steps, agents, sessions;
delete from checkpoints where stream in ('WB_RUNS', 'WB_AGENTS');
alter table runs add column cancel jsonb;
alter table jobs
  add column "group" text, add column matrix_values jsonb,
  add column offers jsonb not null, add column retries_used bigint not null,
  add column not_before timestamptz, add column cancel jsonb;
create index jobs_by_agent on jobs (org, agent_id) where state in ('offered', 'running', 'recovering', 'cancelling');
alter table attempts add column outcome text, add column ended_at timestamptz;
alter table steps add column attempt bigint not null;
alter table steps drop constraint steps_pkey, add primary key (org, run_id, job_id, attempt, type, index);
alter table agents
  add column scaler_managed boolean not null, add column draining_since timestamptz, add column draining_by text,
  add column violations bigint not null, add column last_violation jsonb, add column last_violation_at timestamptz;
alter table sessions add column scaler_managed boolean not null;
`;
