/**
 * The public door of the protocol: subjects, streams, ids, stored events, the fold and the wire. Pure: zod and nothing else.
 * Messages between orchestrator and agents live in the namespace `wire`.
 */
export {
  type AgentDraft,
  type AgentEvent,
  type AgentEventType,
  agentDraft,
  agentEventBodies,
  readAgentMessage,
} from './agent-event.ts';
export type { Attempt, Resolution } from './attempt.ts';
export { type DispatchFrame, dispatchFrame } from './dispatch-frame.ts';
export {
  type Draft,
  headersOf,
  isUnreadable,
  type Meta,
  metaOf,
  SCHEMA_VERSION,
  type StoredMessage,
  type Unreadable,
} from './envelope.ts';
export { fraction, sha256Hex, shortHash } from './hash.ts';
export {
  foreignToken,
  isRunId,
  isToken,
  JobId,
  jobId,
  Org,
  parseWireJobId,
  RunId,
  runId,
  Token,
  TriggerId,
  triggerId,
  triggerOfRun,
  type WireJob,
  wireJobId,
} from './ids.ts';
export { currentAttempt, isHeld, type Job, offersSpent } from './job.ts';
export { checkNeeds, type Needs, type NeedsProblem, needsOf } from './needs.ts';
export { Rule, RuleGeneration, RuleName } from './rule.ts';
export { evolveRun, foldRun, initialRun, type Run, rollUp, wasVoid } from './run.ts';
export { JobSpec, Need, RunCreated } from './run-created.ts';
export {
  AttemptReason,
  type BodyOf,
  type DecisionType,
  decisionTypes,
  type FactType,
  isDecision,
  isRunEventType,
  JobOffered,
  RunCompleted,
  type RunEventType,
  runEventBodies,
} from './run-event.ts';
export {
  decisionId,
  parseJson,
  type RunDraft,
  type RunEvent,
  type RunEventOf,
  readRunMessage,
  runDraft,
} from './run-message.ts';
export {
  JobRequest,
  JobRequests,
  jobSpecs,
  needOf,
  RunRequest,
  requestLimits,
  StepRequest,
} from './run-request.ts';
export {
  type BlockedBy,
  completionOf,
  iso,
  pendingView,
  type RunView,
  runView,
  startedAt,
} from './run-view.ts';
export {
  isTerminalJob,
  isTerminalRun,
  isTerminalStep,
  JobState,
  jobWords,
  Outcome,
  outcomeOf,
  RunState,
  runWords,
  StepState,
} from './states.ts';
export type { Step } from './step.ts';
export { type StreamName, type StreamSpec, streamNames, streams } from './streams.ts';
export {
  allSubjects,
  type ParsedSubject,
  parseSubject,
  shardOf,
  subjects,
  type TriggerStep,
} from './subjects.ts';
export {
  decidedDraft,
  type PinnedRule,
  type ReceivedDraft,
  readTriggerMessage,
  receivedDraft,
  TriggerDecided,
  type TriggerEvent,
  TriggerKind,
  type TriggerReceived,
} from './trigger.ts';
export type { Void } from './void.ts';
export * as wire from './wire/index.ts';
