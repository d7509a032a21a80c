/** The public door of `@waybill/readmodel`: connection, migrations, tables as data, and the queries of the api. */
export { type AgentSummary, agent, connectedAgents, listAgents } from './agent-query.ts';
export { type ApprovalFilter, type ApprovalSummary, listApprovals } from './approval-query.ts';
export { type Checkpoint, checkpoints } from './checkpoint-query.ts';
export {
  type Connection,
  connectReadModel,
  defaultSchema,
  type ReadModel,
  type ReadModelOptions,
} from './connection.ts';
export { isDatabaseOutage } from './database-outage.ts';
export { logVolume } from './log-volume-query.ts';
export { MigrationFailed, migrate } from './migrator.ts';
export {
  type BadCursor,
  isBadCursor,
  type Page,
  type PageRequest,
  pageLimitDefault,
  pageLimitMax,
} from './page.ts';
export { type RecordRef, type RunRecord, recordRef, runRecord } from './record-query.ts';
export { listRules, type RuleSummary, rule } from './rule-query.ts';
export {
  listRuns,
  type OpenRunFilter,
  openRuns,
  type RunSummary,
  runSummary,
} from './run-query.ts';
export {
  type ColumnKind,
  type Database,
  type ProjectionTable,
  projectionTables,
  type Row,
  type RowDraft,
  type RunEventRow,
  type TableName,
  tables,
} from './tables.ts';
export { listTriggers, type TriggerSummary, trigger } from './trigger-query.ts';
export { type UpstreamRuns, upstreamRuns } from './upstream-query.ts';
export {
  type ArtifactSummary,
  type AttestationSummary,
  artifact,
  listArtifacts,
  listAttestations,
  listUsage,
  type UsageSummary,
} from './work-query.ts';
