/** What `waybill projections` does: status, rebuild, verify. */
export { type ProjectionStatus, projectionStatus } from './shell/projection-status.ts';
export { type FoldReport, type ProjectionContext, rebuildProjections } from './shell/rebuild.ts';
export type { Difference } from './shell/table-comparison.ts';
export { type VerifyReport, verifyProjections } from './shell/verification.ts';
