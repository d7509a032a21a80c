/**
 * The events of a run as they are stored in WB_RUNS. Kept for ever: add a type or an optional field, never change one.
 * Decisions are chosen by us and appended with an expected sequence; facts are what agents, sockets and people did, stored
 * as they came, whose bodies are read here only as far as the fold needs them. `docs/events.md` is generated from this file.
 */
import type { z } from 'zod';
import { ApprovalAnswered, ApprovalRequested, ApprovalResolved } from './approval-body.ts';
import {
  DeadlineExtended,
  JobCancel,
  JobCancelled,
  JobExpired,
  JobLost,
  JobOffered,
  JobQueued,
  JobSkipped,
  JobStale,
  JobTimedOut,
  RunCompleted,
  SessionEnded,
} from './decision-body.ts';
import { EventEmitted } from './emitted-event.ts';
import {
  AgentAbsent,
  AgentHeard,
  AgentLost,
  AgentResumed,
  CancelRequested,
  JobAckFact,
  JobRejectFact,
  JobStatusFact,
  JobUnsentFact,
  StepStatusFact,
} from './fact-body.ts';
import { RunCreated } from './run-created.ts';
import {
  ArtifactStored,
  CacheRestored,
  CacheStored,
  ConcurrencyReported,
  ContextReported,
  ConversationReported,
  JobContextFact,
  ProvenanceStored,
  RunEventFact,
  UsageReported,
  WorkspaceReported,
} from './work-body.ts';

/** Body schemas by event type; those that are addressed lie at `to.<agentId>.<event>`. */
export const runEventBodies = {
  'run.created': RunCreated,
  'run.completed': RunCompleted,
  'job.queued': JobQueued,
  'job.skipped': JobSkipped,
  'job.offered': JobOffered,
  'job.expired': JobExpired,
  'job.lost': JobLost,
  'job.stale': JobStale,
  'job.cancel': JobCancel,
  'job.cancelled': JobCancelled,
  'job.timed_out': JobTimedOut,
  'session.ended': SessionEnded,
  'deadline.extended': DeadlineExtended,
  'approval.resolved': ApprovalResolved,
  'job.ack': JobAckFact,
  'job.reject': JobRejectFact,
  'job.status': JobStatusFact,
  'job.unsent': JobUnsentFact,
  'step.status': StepStatusFact,
  'agent.lost': AgentLost,
  'agent.resumed': AgentResumed,
  'agent.absent': AgentAbsent,
  'agent.heard': AgentHeard,
  'cancel.requested': CancelRequested,
  'approval.requested': ApprovalRequested,
  'approval.answered': ApprovalAnswered,
  'event.emitted': EventEmitted,
  'usage.reported': UsageReported,
  'conversation.reported': ConversationReported,
  'context.reported': ContextReported,
  'workspace.reported': WorkspaceReported,
  'artifact.stored': ArtifactStored,
  'provenance.stored': ProvenanceStored,
  'cache.stored': CacheStored,
  'cache.restored': CacheRestored,
  'concurrency.reported': ConcurrencyReported,
  'run.event': RunEventFact,
  'job.context': JobContextFact,
} as const;

export type RunEventType = keyof typeof runEventBodies;
export type BodyOf<T extends RunEventType> = z.infer<(typeof runEventBodies)[T]>;

/** Appended with an expectation by the dispatcher and the scheduler alone. */
export const decisionTypes = [
  'run.created',
  'run.completed',
  'job.queued',
  'job.skipped',
  'job.offered',
  'job.expired',
  'job.lost',
  'job.stale',
  'job.cancel',
  'job.cancelled',
  'job.timed_out',
  'session.ended',
  'deadline.extended',
  'approval.resolved',
] as const satisfies readonly RunEventType[];
export type DecisionType = (typeof decisionTypes)[number];
export type FactType = Exclude<RunEventType, DecisionType>;

/** Addressed to the agent that they are for, under the last word of their type: its gateway reads them by that. */
export const addressedTypes = [
  'job.offered',
  'job.cancel',
  'approval.resolved',
] as const satisfies readonly DecisionType[];
export type AddressedType = (typeof addressedTypes)[number];
const addressed: ReadonlySet<string> = new Set(addressedTypes);
export const isAddressed = (type: string): type is AddressedType => addressed.has(type);
/** Where no agent has asked, there is none to tell. */
export const mayLackAddressee = (type: string): boolean => type === 'approval.resolved';
/** The last word of a type, which stands behind the agent on the subject of one that is addressed. */
export const lastWordOf = (type: string): string => type.slice(type.indexOf('.') + 1);

const decisions: ReadonlySet<string> = new Set(decisionTypes);
export const isDecision = (type: string): type is DecisionType => decisions.has(type);
export const isRunEventType = (type: string): type is RunEventType =>
  Object.hasOwn(runEventBodies, type);
