/** The public door of the wire: every message, how to parse and redact it, and its documents. */
export {
  AgentApiRequest,
  AgentApiResponse,
  AgentLog,
  AgentMetrics,
  AgentStatus,
  WireMetric,
} from './agent.ts';
export {
  ContextBundle,
  ContextRedaction,
  ContextSource,
  ConversationStatus,
  WorkspaceRef,
} from './agent-work.ts';
export { annotationOf, extension, observed, secret, type WireOrigin } from './annotation.ts';
export {
  ApproverClause,
  JobApprovalRequest,
  JobApprovalResolved,
  StepApprovalRequest,
  StepApprovalResolved,
  WireApprovalOutcome,
} from './approval.ts';
export {
  ArtifactUploadComplete,
  ArtifactUploadRequest,
  ArtifactUploadResponse,
  ArtifactUploadResult,
} from './artifact.ts';
export { AuthFailure, AuthRequest, AuthSuccess } from './auth.ts';
export {
  CacheUploadComplete,
  CacheUploadRequest,
  CacheUploadResponse,
  CacheUserRestoreRequest,
  CacheUserRestoreResponse,
  CacheUserSaveComplete,
  CacheUserSaveRequest,
  CacheUserSaveResponse,
  WireCacheType,
} from './cache.ts';
export { type WireCloseCode, wireCloseCodes } from './close-code.ts';
export { JobConcurrencyAck, JobConcurrencyReport, WireConcurrencyAction } from './concurrency.ts';
export {
  AgentMessage,
  OrchestratorMessage,
  typeOf,
  UpstreamMessage,
  type WireDirection,
  type WireMessageSchema,
  wireMessages,
  wireTypes,
} from './direction.ts';
export { JobCancel, JobDispatch } from './dispatch.ts';
export { Ack, ErrorFrame, Heartbeat, Nack, RateLimitWarning } from './envelope.ts';
export { EventEmit, EventEmitResponse, EventTarget } from './event.ts';
export {
  everyExtension,
  JobGranted,
  JobHeartbeatAck,
  JobStatusAck,
  WireExtensions,
} from './extension.ts';
export { FleetBundleChunk, FleetBundleError, FleetLogsRequest } from './fleet.ts';
export {
  type Frame,
  type FrameIssue,
  type FrameRefusal,
  type FrameRefusalCode,
  isDeeper,
  parseAgentFrame,
  parseOrchestratorFrame,
  parseUpstreamFrame,
} from './frame.ts';
export { GitAuth, NpmRegistry } from './git-auth.ts';
export type { Immutable } from './immutable.ts';
export {
  EncryptedOutput,
  JobAck,
  JobHeartbeat,
  JobReject,
  JobStatus,
  WireJobState,
  WireRejectReason,
} from './job.ts';
export {
  directionJsonSchema,
  type JsonSchema,
  jsonSchemaOf,
  messageJsonSchema,
} from './json-schema.ts';
export { wireLimits } from './limits.ts';
export {
  ProvenanceUploadComplete,
  ProvenanceUploadRequest,
  ProvenanceUploadResponse,
} from './provenance.ts';
export { AgentRegister, ConfigAck, InFlightJob, RegisterAck } from './register.ts';
export { ruled, rulesOf, type WireRule } from './rule.ts';
export { JobContext, RunEvent } from './run-event.ts';
export {
  mapSecrets,
  redact,
  redacted,
  type SecretMapping,
  type SecretPath,
  secretPaths,
} from './secret.ts';
export { LogChunk, StepStatus, WireStepState, WireStepType } from './step.ts';
export {
  ExecutionStatus,
  JobSnapshot,
  JobStatusForward,
  RunSnapshot,
  StateReplay,
  StepStatusForward,
  WireRunState,
} from './upstream.ts';
export { UsageAck, UsageEntry, UsageReport, WireUsageKind } from './usage.ts';
