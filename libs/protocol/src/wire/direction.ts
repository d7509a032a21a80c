/**
 * Which messages go which way: one union per direction, so that a message from the wrong side is
 * invalid. Everything that walks over all messages starts from these lists.
 */
import { z } from 'zod';
import { AgentApiRequest, AgentApiResponse, AgentLog, AgentMetrics, AgentStatus } from './agent.ts';
import { ContextBundle, ConversationStatus, WorkspaceRef } from './agent-work.ts';
import {
  JobApprovalRequest,
  JobApprovalResolved,
  StepApprovalRequest,
  StepApprovalResolved,
} from './approval.ts';
import {
  ArtifactUploadComplete,
  ArtifactUploadRequest,
  ArtifactUploadResponse,
  ArtifactUploadResult,
} from './artifact.ts';
import { AuthFailure, AuthRequest, AuthSuccess } from './auth.ts';
import {
  CacheUploadComplete,
  CacheUploadRequest,
  CacheUploadResponse,
  CacheUserRestoreRequest,
  CacheUserRestoreResponse,
  CacheUserSaveComplete,
  CacheUserSaveRequest,
  CacheUserSaveResponse,
} from './cache.ts';
import { JobConcurrencyAck, JobConcurrencyReport } from './concurrency.ts';
import { JobCancel, JobDispatch } from './dispatch.ts';
import { Ack, ErrorFrame, Heartbeat, Nack, RateLimitWarning } from './envelope.ts';
import { EventEmit, EventEmitResponse } from './event.ts';
import { JobGranted, JobHeartbeatAck, JobStatusAck } from './extension.ts';
import { FleetBundleChunk, FleetBundleError, FleetLogsRequest } from './fleet.ts';
import type { Immutable } from './immutable.ts';
import { JobAck, JobHeartbeat, JobReject, JobStatus } from './job.ts';
import {
  ProvenanceUploadComplete,
  ProvenanceUploadRequest,
  ProvenanceUploadResponse,
} from './provenance.ts';
import { AgentRegister, ConfigAck, RegisterAck } from './register.ts';
import { JobContext, RunEvent } from './run-event.ts';
import { LogChunk, StepStatus } from './step.ts';
import { ExecutionStatus, JobStatusForward, StateReplay, StepStatusForward } from './upstream.ts';
import { UsageAck, UsageReport } from './usage.ts';

const bothWays = [Heartbeat, Ack, Nack, ErrorFrame] as const;

const fromAgent = [
  AuthRequest,
  AgentRegister,
  ConfigAck,
  JobAck,
  JobReject,
  JobStatus,
  StepStatus,
  LogChunk,
  JobHeartbeat,
  AgentStatus,
  AgentLog,
  EventEmit,
  CacheUploadRequest,
  CacheUploadComplete,
  CacheUserRestoreRequest,
  CacheUserSaveRequest,
  CacheUserSaveComplete,
  ProvenanceUploadRequest,
  ProvenanceUploadComplete,
  FleetBundleChunk,
  FleetBundleError,
  StepApprovalRequest,
  JobConcurrencyReport,
  AgentMetrics,
  AgentApiRequest,
  RunEvent,
  JobContext,
  UsageReport,
  ConversationStatus,
  ContextBundle,
  WorkspaceRef,
  ArtifactUploadRequest,
  ArtifactUploadComplete,
  JobApprovalRequest,
  ...bothWays,
] as const;

const fromOrchestrator = [
  AuthSuccess,
  AuthFailure,
  RegisterAck,
  JobDispatch,
  JobCancel,
  EventEmitResponse,
  CacheUploadResponse,
  CacheUserRestoreResponse,
  CacheUserSaveResponse,
  ProvenanceUploadResponse,
  FleetLogsRequest,
  StepApprovalResolved,
  JobConcurrencyAck,
  AgentApiResponse,
  RateLimitWarning,
  JobGranted,
  JobHeartbeatAck,
  JobStatusAck,
  UsageAck,
  ArtifactUploadResponse,
  ArtifactUploadResult,
  JobApprovalResolved,
  ...bothWays,
] as const;

const upstream = [ExecutionStatus, StepStatusForward, JobStatusForward, StateReplay] as const;

export const AgentMessage = z.discriminatedUnion('type', fromAgent);
export type AgentMessage = Immutable<z.infer<typeof AgentMessage>>;

export const OrchestratorMessage = z.discriminatedUnion('type', fromOrchestrator);
export type OrchestratorMessage = Immutable<z.infer<typeof OrchestratorMessage>>;

export const UpstreamMessage = z.discriminatedUnion('type', upstream);
export type UpstreamMessage = Immutable<z.infer<typeof UpstreamMessage>>;

export type WireMessageSchema = z.ZodObject<
  z.core.$ZodShape & { readonly type: z.ZodLiteral<string> }
>;
export type WireDirection = 'agent' | 'orchestrator' | 'upstream';

/** Every message schema by direction, in the order of the documents. */
export const wireMessages: Readonly<Record<WireDirection, readonly WireMessageSchema[]>> = {
  agent: fromAgent,
  orchestrator: fromOrchestrator,
  upstream,
};

export const typeOf = (schema: WireMessageSchema): string => schema.shape.type.value;

const typesOf = (direction: WireDirection): ReadonlySet<string> =>
  new Set(wireMessages[direction].map(typeOf));

export const wireTypes: Readonly<Record<WireDirection, ReadonlySet<string>>> = {
  agent: typesOf('agent'),
  orchestrator: typesOf('orchestrator'),
  upstream: typesOf('upstream'),
};
