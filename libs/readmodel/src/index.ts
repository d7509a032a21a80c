/** The public door of `@waybill/readmodel`: connection, migrations, tables as data, and the queries of the api. */
export { type AgentSummary, listAgents } from './agent-query.ts';
export { type Checkpoint, checkpoints } from './checkpoint-query.ts';
export {
  type Connection,
  connectReadModel,
  defaultSchema,
  type ReadModel,
  type ReadModelOptions,
} from './connection.ts';
export { isDatabaseOutage } from './database-outage.ts';
export { migrate, MigrationFailed } from './migrator.ts';
export {
  type BadCursor,
  isBadCursor,
  type Page,
  pageLimitDefault,
  pageLimitMax,
  type PageRequest,
} from './page.ts';
export { type RecordRef, recordRef, type RunRecord, runRecord } from './record-query.ts';
export { listRules, rule, type RuleSummary } from './rule-query.ts';
export { listRuns, runSummary, type RunSummary } from './run-query.ts';
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
export { listTriggers, trigger, type TriggerSummary } from './trigger-query.ts';
