/**
 * What agents have used, with whom they talked, what they worked with and what they left behind: one row for each such word of a
 * run, and what runs and jobs say of it in sum. Runs that were projected before are emptied, and folded again from the log.
 */
import { sql } from 'kysely';
import type { Migration } from 'kysely/migration';

export const work = (schema: string): Migration => ({
  up: async (db) => {
    await sql`select set_config('search_path', ${schema}, true)`.execute(db);
    await sql.raw(changes).execute(db);
  },
});

const changes = `
truncate runs, jobs, attempts, steps, approvals;
delete from checkpoints where stream = 'WB_RUNS';
alter table runs
  add column repository text, add column trust text not null, add column chain_depth bigint not null,
  add column upstream jsonb, add column late_usage jsonb, add column log_bytes double precision not null;
alter table jobs
  add column usage jsonb not null, add column cost_usd double precision not null, add column log_bytes double precision not null;
create table usage_entries (
  org text not null, run_id text not null, seq bigint not null, index bigint not null,
  job_id text not null, attempt bigint not null, agent_id text not null, report_id text not null,
  kind text not null, step_index bigint, started_at timestamptz, duration_ms double precision, cost_usd double precision,
  operation text, provider text, request_model text, response_model text, response_id text, conversation_id text,
  agent_name text, tool_name text, tool_call_id text, data_source_id text, error_type text,
  input_tokens bigint, output_tokens bigint, cache_read_input_tokens bigint, cache_creation_input_tokens bigint,
  reasoning_output_tokens bigint,
  late boolean not null, reported_at timestamptz not null,
  primary key (org, run_id, seq, index)
);
create index usage_entries_by_report on usage_entries (org, reported_at desc);

create table conversations (
  org text not null, run_id text not null, job_id text not null, conversation_id text not null,
  attempt bigint not null, agent_id text not null, state text not null,
  agent_name text, agent_version text, provider text, model text, turns bigint, reason text,
  started_at timestamptz not null, ended_at timestamptz,
  seq bigint not null,
  primary key (org, run_id, job_id, conversation_id)
);

create table context_bundles (
  org text not null, run_id text not null, job_id text not null, bundle_id text not null,
  attempt bigint not null, agent_id text not null, digest text not null, size_bytes bigint not null, tokens bigint,
  conversation_id text, sources jsonb not null, redactions jsonb not null, uri text, reported_at timestamptz not null,
  seq bigint not null,
  primary key (org, run_id, job_id, bundle_id)
);

create table workspaces (
  org text not null, run_id text not null, job_id text not null, workspace_id text not null,
  attempt bigint not null, agent_id text not null, kind text not null, uri text, ref text, sha text, access text,
  attributes jsonb, reported_at timestamptz not null,
  seq bigint not null,
  primary key (org, run_id, job_id, workspace_id)
);

create table artifacts (
  org text not null, run_id text not null, seq bigint not null,
  job_id text not null, attempt bigint not null, agent_id text not null, name text not null, uri text not null,
  sha256 text not null, size_bytes bigint not null, media_type text, step_index bigint, attributes jsonb,
  created_at timestamptz not null,
  primary key (org, run_id, seq)
);
create index artifacts_by_digest on artifacts (org, sha256);

create table attestations (
  org text not null, run_id text not null, seq bigint not null,
  job_id text not null, attempt bigint not null, agent_id text not null,
  subject_name text not null, subject_digest text not null, media_type text not null,
  sha256 text not null, size_bytes bigint not null, created_at timestamptz not null,
  primary key (org, run_id, seq)
);
create index attestations_by_subject on attestations (org, subject_digest, seq desc);
`;
