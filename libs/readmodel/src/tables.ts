/**
 * The tables of the read model as data: columns, their Postgres types and keys. The row types of queries, the projector's
 * bulk statements and the check against the live catalogue all come from here; the migrations are what makes it true.
 * Each table is fed by exactly one stream; every one has the org in its key.
 */

type ColumnValues = {
  text: string;
  bigint: number;
  boolean: boolean;
  'double precision': number;
  /** ISO 8601 in UTC, to the millisecond. */
  timestamptz: string;
  jsonb: unknown;
  bytea: Buffer;
};
export type ColumnKind = keyof ColumnValues;
/** A `?` says that the column may be null. */
export type ColumnType = ColumnKind | `${ColumnKind}?`;
export type TableSpec = Readonly<{
  key: readonly string[];
  columns: Readonly<Record<string, ColumnType>>;
}>;

export const tables = {
  runs: {
    key: ['org', 'run_id'],
    columns: {
      org: 'text',
      run_id: 'text',
      state: 'text',
      trigger: 'jsonb',
      trigger_id: 'text',
      trigger_source: 'text',
      trigger_kind: 'text',
      trigger_event: 'text',
      rule_name: 'text?',
      rule_generation: 'bigint?',
      workflow: 'text',
      repo_url: 'text',
      repository: 'text?',
      trust: 'text',
      chain_depth: 'bigint',
      upstream: 'jsonb?',
      ref: 'text',
      sha: 'text',
      request_id: 'text?',
      created_at: 'timestamptz',
      started_at: 'timestamptz?',
      completed_at: 'timestamptz?',
      duration_ms: 'bigint?',
      cost_usd: 'double precision',
      usage: 'jsonb',
      late_usage: 'jsonb?',
      log_bytes: 'double precision',
      cancel: 'jsonb?',
      anomalies: 'bigint',
      first_seq: 'bigint',
      seq: 'bigint',
    },
  },
  jobs: {
    key: ['org', 'run_id', 'job_id'],
    columns: {
      org: 'text',
      run_id: 'text',
      job_id: 'text',
      index: 'bigint',
      name: 'text',
      state: 'text',
      agent_id: 'text?',
      runs_on: 'jsonb',
      needs: 'jsonb',
      timeout_ms: 'bigint?',
      group: 'text?',
      matrix_values: 'jsonb?',
      attempts: 'bigint',
      offers: 'jsonb',
      retries_used: 'bigint',
      usage: 'jsonb',
      cost_usd: 'double precision',
      log_bytes: 'double precision',
      not_before: 'timestamptz?',
      cancel: 'jsonb?',
      queued_at: 'timestamptz?',
      started_at: 'timestamptz?',
      completed_at: 'timestamptz?',
      failure: 'text?',
      seq: 'bigint',
    },
  },
  attempts: {
    key: ['org', 'run_id', 'job_id', 'attempt'],
    columns: {
      org: 'text',
      run_id: 'text',
      job_id: 'text',
      attempt: 'bigint',
      agent_id: 'text',
      session: 'bigint',
      fence: 'bigint',
      reason: 'text',
      offered_at: 'timestamptz',
      until: 'timestamptz?',
      resolution: 'text?',
      cause: 'text?',
      resolved_at: 'timestamptz?',
      outcome: 'text?',
      ended_at: 'timestamptz?',
      seq: 'bigint',
    },
  },
  steps: {
    key: ['org', 'run_id', 'job_id', 'attempt', 'type', 'index'],
    columns: {
      org: 'text',
      run_id: 'text',
      job_id: 'text',
      attempt: 'bigint',
      type: 'text',
      index: 'bigint',
      name: 'text',
      state: 'text',
      started_at: 'timestamptz?',
      completed_at: 'timestamptz?',
      exit_code: 'double precision?',
      seq: 'bigint',
    },
  },
  approvals: {
    key: ['org', 'id'],
    columns: {
      org: 'text',
      id: 'text',
      run_id: 'text',
      job_id: 'text',
      attempt: 'bigint?',
      step_index: 'bigint?',
      step_name: 'text?',
      reason: 'text',
      clauses: 'jsonb',
      votes: 'jsonb',
      state: 'text',
      requested_at: 'timestamptz',
      expires_at: 'timestamptz',
      resolved_at: 'timestamptz?',
      outcome: 'text?',
      seq: 'bigint',
    },
  },
  usage_entries: {
    key: ['org', 'run_id', 'seq', 'index'],
    columns: {
      org: 'text',
      run_id: 'text',
      seq: 'bigint',
      index: 'bigint',
      job_id: 'text',
      attempt: 'bigint',
      agent_id: 'text',
      report_id: 'text',
      kind: 'text',
      step_index: 'bigint?',
      started_at: 'timestamptz?',
      duration_ms: 'double precision?',
      cost_usd: 'double precision?',
      operation: 'text?',
      provider: 'text?',
      request_model: 'text?',
      response_model: 'text?',
      response_id: 'text?',
      conversation_id: 'text?',
      agent_name: 'text?',
      tool_name: 'text?',
      tool_call_id: 'text?',
      data_source_id: 'text?',
      error_type: 'text?',
      input_tokens: 'bigint?',
      output_tokens: 'bigint?',
      cache_read_input_tokens: 'bigint?',
      cache_creation_input_tokens: 'bigint?',
      reasoning_output_tokens: 'bigint?',
      late: 'boolean',
      reported_at: 'timestamptz',
    },
  },
  conversations: {
    key: ['org', 'run_id', 'job_id', 'conversation_id'],
    columns: {
      org: 'text',
      run_id: 'text',
      job_id: 'text',
      conversation_id: 'text',
      attempt: 'bigint',
      agent_id: 'text',
      state: 'text',
      agent_name: 'text?',
      agent_version: 'text?',
      provider: 'text?',
      model: 'text?',
      turns: 'bigint?',
      reason: 'text?',
      started_at: 'timestamptz',
      ended_at: 'timestamptz?',
      seq: 'bigint',
    },
  },
  context_bundles: {
    key: ['org', 'run_id', 'job_id', 'bundle_id'],
    columns: {
      org: 'text',
      run_id: 'text',
      job_id: 'text',
      bundle_id: 'text',
      attempt: 'bigint',
      agent_id: 'text',
      digest: 'text',
      size_bytes: 'bigint',
      tokens: 'bigint?',
      conversation_id: 'text?',
      sources: 'jsonb',
      redactions: 'jsonb',
      uri: 'text?',
      reported_at: 'timestamptz',
      seq: 'bigint',
    },
  },
  workspaces: {
    key: ['org', 'run_id', 'job_id', 'workspace_id'],
    columns: {
      org: 'text',
      run_id: 'text',
      job_id: 'text',
      workspace_id: 'text',
      attempt: 'bigint',
      agent_id: 'text',
      kind: 'text',
      uri: 'text?',
      ref: 'text?',
      sha: 'text?',
      access: 'text?',
      attributes: 'jsonb?',
      reported_at: 'timestamptz',
      seq: 'bigint',
    },
  },
  artifacts: {
    key: ['org', 'run_id', 'seq'],
    columns: {
      org: 'text',
      run_id: 'text',
      seq: 'bigint',
      job_id: 'text',
      attempt: 'bigint',
      agent_id: 'text',
      name: 'text',
      uri: 'text',
      sha256: 'text',
      size_bytes: 'bigint',
      media_type: 'text?',
      step_index: 'bigint?',
      attributes: 'jsonb?',
      created_at: 'timestamptz',
    },
  },
  attestations: {
    key: ['org', 'run_id', 'seq'],
    columns: {
      org: 'text',
      run_id: 'text',
      seq: 'bigint',
      job_id: 'text',
      attempt: 'bigint',
      agent_id: 'text',
      subject_name: 'text',
      subject_digest: 'text',
      media_type: 'text',
      sha256: 'text',
      size_bytes: 'bigint',
      created_at: 'timestamptz',
    },
  },
  agents: {
    key: ['org', 'agent_token'],
    columns: {
      org: 'text',
      agent_token: 'text',
      agent_id: 'text',
      labels: 'jsonb',
      max_concurrency: 'bigint',
      session: 'bigint',
      state: 'text',
      gateway: 'text',
      host: 'jsonb',
      last_status: 'jsonb?',
      last_status_at: 'timestamptz?',
      scaler_managed: 'boolean',
      draining_since: 'timestamptz?',
      draining_by: 'text?',
      violations: 'bigint',
      last_violation: 'jsonb?',
      last_violation_at: 'timestamptz?',
      connected_at: 'timestamptz',
      disconnected_at: 'timestamptz?',
      code: 'bigint?',
      seq: 'bigint',
    },
  },
  sessions: {
    key: ['org', 'session'],
    columns: {
      org: 'text',
      session: 'bigint',
      agent_token: 'text',
      agent_id: 'text',
      labels: 'jsonb',
      max_concurrency: 'bigint',
      state: 'text',
      gateway: 'text',
      host: 'jsonb',
      scaler_managed: 'boolean',
      connected_at: 'timestamptz',
      disconnected_at: 'timestamptz?',
      code: 'bigint?',
      reason: 'text?',
      seq: 'bigint',
    },
  },
  triggers: {
    key: ['org', 'source', 'trigger_id'],
    columns: {
      org: 'text',
      source: 'text',
      trigger_id: 'text',
      kind: 'text',
      event: 'text',
      delivery_id: 'text',
      request_id: 'text?',
      received_at: 'timestamptz',
      received_seq: 'bigint',
      decision: 'text?',
      detail: 'text?',
      runs: 'jsonb',
      decided_at: 'timestamptz?',
      seq: 'bigint',
    },
  },
  rules: {
    key: ['org', 'name'],
    columns: {
      org: 'text',
      name: 'text',
      generation: 'bigint',
      source: 'text',
      event: 'text?',
      workflow: 'text?',
      rule: 'jsonb',
      applied_at: 'timestamptz',
      seq: 'bigint',
    },
  },
  run_records: {
    key: ['org', 'run_id'],
    columns: {
      org: 'text',
      run_id: 'text',
      record_version: 'bigint',
      state: 'text',
      created_at: 'timestamptz',
      started_at: 'timestamptz?',
      completed_at: 'timestamptz',
      duration_ms: 'bigint',
      cost_usd: 'double precision',
      workflow: 'text',
      trigger_source: 'text',
      first_seq: 'bigint',
      last_seq: 'bigint',
      sha256: 'text',
      previous_sha256: 'text?',
      body: 'bytea',
    },
  },
  checkpoints: {
    key: ['stream'],
    columns: { stream: 'text', identity: 'text', seq: 'bigint', event_id: 'text' },
  },
} as const satisfies Readonly<Record<string, TableSpec>>;

type Tables = typeof tables;
export type TableName = keyof Tables;

/** Tables that a rebuild empties and fills again; records and checkpoints are not among them. */
export const projectionTables = [
  'runs',
  'jobs',
  'attempts',
  'steps',
  'approvals',
  'usage_entries',
  'conversations',
  'context_bundles',
  'workspaces',
  'artifacts',
  'attestations',
  'agents',
  'sessions',
  'triggers',
  'rules',
] as const satisfies readonly TableName[];
export type ProjectionTable = (typeof projectionTables)[number];

type KindOf<T> = T extends `${infer K extends ColumnKind}?` ? K : T extends ColumnKind ? T : never;
type Nullable<T> = T extends `${string}?` ? null : never;
type RowOf<C extends Readonly<Record<string, ColumnType>>> = {
  readonly [N in keyof C]: ColumnValues[KindOf<C[N]>] | Nullable<C[N]>;
};
/** As a projector hands it over: instants are Unix milliseconds, documents are values. */
type DraftOf<C extends Readonly<Record<string, ColumnType>>> = {
  readonly [N in keyof C]:
    | (KindOf<C[N]> extends 'timestamptz' ? number : ColumnValues[KindOf<C[N]>])
    | Nullable<C[N]>;
};

/** A row as a query returns it. */
export type Row<T extends TableName> = RowOf<Tables[T]['columns']>;
export type RowDraft<T extends TableName> = DraftOf<Tables[T]['columns']>;

/** The view that unfolds the events of run records. */
export type RunEventRow = Readonly<{
  org: string;
  run_id: string;
  seq: number;
  at: string;
  id: string;
  type: string | null;
  job_id: string | null;
  attempt: number | null;
  subject: string;
  headers: unknown;
  body: unknown;
}>;

export type Database = { readonly [T in TableName]: Row<T> } & Readonly<{
  run_events: RunEventRow;
}>;
