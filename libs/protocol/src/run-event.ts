/**
 * The events of a run as they are stored in WB_RUNS. Kept for ever: add a type or an optional field, never change one.
 * Decisions are chosen by us and appended with an expected sequence; facts are what agents, sockets and people did, stored
 * as they came, whose bodies are read here only as far as the fold needs them. `docs/events.md` is generated from this file.
 */
import type { z } from 'zod';
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
import {
  AgentAbsent,
  AgentHeard,
  AgentLost,
  AgentResumed,
  ApprovalAnswered,
  ApprovalRequested,
  CancelRequested,
  JobAckFact,
  JobRejectFact,
  JobStatusFact,
  JobUnsentFact,
  StepStatusFact,
} from './fact-body.ts';
import { RunCreated } from './run-created.ts';

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
] as const satisfies readonly RunEventType[];
export type DecisionType = (typeof decisionTypes)[number];
export type FactType = Exclude<RunEventType, DecisionType>;

/** Addressed to the agent that they are for, under the last word of their type: its gateway reads them by that. */
export const addressedTypes = [
  'job.offered',
  'job.cancel',
] as const satisfies readonly DecisionType[];
export type AddressedType = (typeof addressedTypes)[number];
export const isAddressed = (type: string): type is AddressedType =>
  type === 'job.offered' || type === 'job.cancel';

const decisions: ReadonlySet<string> = new Set(decisionTypes);
export const isDecision = (type: string): type is DecisionType => decisions.has(type);
export const isRunEventType = (type: string): type is RunEventType =>
  Object.hasOwn(runEventBodies, type);
