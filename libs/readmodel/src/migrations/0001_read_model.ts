/**
 * The first schema: the projection's tables, and run records that the database itself refuses to change.
 * Every value comes from the log: nothing here reads a clock, counts up or depends on the order of inserts.
 */
import { sql } from 'kysely';
import type { Migration } from 'kysely/migration';

export const readModel = (schema: string): Migration => ({
  up: async (db) => {
    const inSchema = sql.id(schema);
    for (const statement of [projections, records, recordGuard, recordEvents]) {
      await sql`select set_config('search_path', ${schema}, true)`.execute(db);
      await sql.raw(statement).execute(db);
    }
    await sql`comment on schema ${inSchema} is 'What is read of Waybill: folded from the log, rebuilt at any time.'`.execute(
      db,
    );
  },
});

const projections = `
create table runs (
  org text not null, run_id text not null, state text not null,
  trigger jsonb not null, trigger_id text not null, trigger_source text not null, trigger_kind text not null, trigger_event text not null,
  rule_name text, rule_generation bigint,
  workflow text not null, repo_url text not null, ref text not null, sha text not null, request_id text,
  created_at timestamptz not null, started_at timestamptz, completed_at timestamptz, duration_ms bigint,
  cost_usd double precision not null, usage jsonb not null,
  anomalies bigint not null, first_seq bigint not null, seq bigint not null,
  primary key (org, run_id)
);
create index runs_by_first_seq on runs (org, first_seq desc);
create index runs_by_state on runs (org, state, first_seq desc);
create index runs_by_creation on runs (org, created_at desc);

create table jobs (
  org text not null, run_id text not null, job_id text not null, index bigint not null,
  name text not null, state text not null, agent_id text, runs_on jsonb not null, needs jsonb not null, timeout_ms bigint,
  attempts bigint not null, queued_at timestamptz, started_at timestamptz, completed_at timestamptz, failure text,
  seq bigint not null,
  primary key (org, run_id, job_id)
);
create index jobs_by_state on jobs (org, state);

create table attempts (
  org text not null, run_id text not null, job_id text not null, attempt bigint not null,
  agent_id text not null, session bigint not null, fence bigint not null, reason text not null,
  offered_at timestamptz not null, until timestamptz, resolution text, cause text, resolved_at timestamptz,
  seq bigint not null,
  primary key (org, run_id, job_id, attempt)
);
create index attempts_by_session on attempts (org, session);

create table steps (
  org text not null, run_id text not null, job_id text not null, type text not null, index bigint not null,
  name text not null, state text not null, started_at timestamptz, completed_at timestamptz, exit_code double precision,
  seq bigint not null,
  primary key (org, run_id, job_id, type, index)
);

create table agents (
  org text not null, agent_token text not null, agent_id text not null,
  labels jsonb not null, max_concurrency bigint not null, session bigint not null, state text not null, gateway text not null,
  host jsonb not null, last_status jsonb, last_status_at timestamptz,
  connected_at timestamptz not null, disconnected_at timestamptz, code bigint,
  seq bigint not null,
  primary key (org, agent_token)
);
create index agents_by_state on agents (org, state);

create table sessions (
  org text not null, session bigint not null, agent_token text not null, agent_id text not null,
  labels jsonb not null, max_concurrency bigint not null, state text not null, gateway text not null, host jsonb not null,
  connected_at timestamptz not null, disconnected_at timestamptz, code bigint, reason text,
  seq bigint not null,
  primary key (org, session)
);
create index sessions_by_agent on sessions (org, agent_token, session desc);

create table triggers (
  org text not null, source text not null, trigger_id text not null,
  kind text not null, event text not null, delivery_id text not null, request_id text,
  received_at timestamptz not null, received_seq bigint not null,
  decision text, detail text, runs jsonb not null, decided_at timestamptz,
  seq bigint not null,
  primary key (org, source, trigger_id)
);
create index triggers_by_id on triggers (org, trigger_id);
create index triggers_by_received_seq on triggers (org, received_seq desc);
create index triggers_by_reception on triggers (org, received_at desc);

create table rules (
  org text not null, name text not null, generation bigint not null,
  source text not null, event text, workflow text, rule jsonb not null,
  applied_at timestamptz not null,
  seq bigint not null,
  primary key (org, name)
);

create table checkpoints (
  stream text not null, identity text not null, seq bigint not null, event_id text not null,
  primary key (stream)
);
`;

const records = `
create table run_records (
  org text not null, run_id text not null, record_version bigint not null, state text not null,
  created_at timestamptz not null, started_at timestamptz, completed_at timestamptz not null, duration_ms bigint not null,
  cost_usd double precision not null, workflow text not null, trigger_source text not null,
  first_seq bigint not null, last_seq bigint not null, sha256 text not null, previous_sha256 text, body bytea not null,
  primary key (org, run_id)
);
create unique index run_records_by_last_seq on run_records (org, last_seq desc);
create index run_records_by_completion on run_records (org, completed_at desc);
comment on table run_records is 'One row for every ended run, written once. UPDATE, DELETE and TRUNCATE are refused.';
`;

/** ALWAYS: session_replication_role = replica would skip an ordinary trigger. */
const recordGuard = `
create function refuse_record_change() returns trigger language plpgsql as $$
begin
  raise exception 'run records never change: % on %.% is refused', tg_op, tg_table_schema, tg_table_name
    using errcode = 'restrict_violation',
          hint = 'Invariant 7. What was wrong in a record is said by a later correction, never by changing it.';
end
$$;
create trigger run_records_never_change before update or delete on run_records
  for each row execute function refuse_record_change();
create trigger run_records_are_never_emptied before truncate on run_records
  for each statement execute function refuse_record_change();
alter table run_records enable always trigger run_records_never_change;
alter table run_records enable always trigger run_records_are_never_emptied;
`;

/** jsonb has no NUL: where a record has one (an even number of backslashes before it), it reads as U+FFFD here. The bytes keep it. */
const recordEvents = String.raw`
create view run_events as
select r.org, r.run_id, (e.value->>'seq')::bigint as seq, (e.value->>'at')::timestamptz as at, e.value->>'id' as id,
       e.value->'headers'->>'ce-type' as type, e.value->'headers'->>'wb-job' as job_id,
       case when e.value->'headers'->>'wb-attempt' ~ '^\d{1,15}$' then (e.value->'headers'->>'wb-attempt')::bigint end as attempt,
       e.value->>'subject' as subject, e.value->'headers' as headers, e.value->'body' as body
from run_records r
cross join lateral (select convert_from(r.body, 'UTF8') as text) t
cross join lateral jsonb_array_elements(
  (case when position('\u0000' in t.text) = 0 then t.text
        else regexp_replace(t.text, '(?<!\\)((?:\\\\)*)\\u0000', '\1\\ufffd', 'g') end)::jsonb->'events'
) e;
`;
