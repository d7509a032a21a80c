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
export {
  APPROVAL_TIMEOUT_MS,
  type Approval,
  type ApprovalEnd,
  approversOf,
  type Clause,
  isAskedAgain,
  isOpenApproval,
  rejectionOf,
  tallyOf,
  type Vote,
  type Voter,
} from './approval.ts';
export { ApprovalDecision, ApprovalOutcome } from './approval-body.ts';
export { type Attempt, type Resolution, runsUntil, type Stop } from './attempt.ts';
export { type BlockedBy, type BlockedKind, blockedBy, type Candidate } from './blocked-by.ts';
export {
  AttemptReason,
  JobCancel,
  JobOffered,
  RunCompleted,
  type StopReason,
} from './decision-body.ts';
export { type DispatchFrame, dispatchFrame, upstreamSecrets } from './dispatch-frame.ts';
export {
  chainDepthOf,
  type Emission,
  EmittedEvent,
  EventEmitted,
  emittedDraft,
  emittedLimits,
  isChainTooLong,
  trustOf,
  UPSTREAM,
} from './emitted-event.ts';
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
export type { SealedOutput } from './fact-body.ts';
export { gatewayId, gatewayOfLease, leaseOfGateway, leasesOfGatewayId } from './gateway-name.ts';
export {
  type Expectation,
  expectationOf,
  hasSlot,
  holdsLease,
  isEntitled,
  isFresh,
  isGranted,
  isHeardOut,
  isHolder,
  isInvited,
  isLeased,
  isNewestSession,
  isPast,
  isStanding,
  isUndecided,
  isUnsent,
} from './guards.ts';
export { fraction, sha256Hex, shortHash } from './hash.ts';
export {
  approvalId,
  foreignToken,
  isRunId,
  isToken,
  JobId,
  jobId,
  Org,
  parseApprovalId,
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
export { iso } from './instant.ts';
export {
  type ArtifactRef,
  type Cancel,
  currentAttempt,
  isHeld,
  isUntouched,
  type Job,
  offersSpent,
  retriesUsed,
  silenceMs,
  waitsUntil,
} from './job.ts';
export { jobSpecs } from './job-specs.ts';
export { compact, lean } from './lean.ts';
export { type LogView, logView } from './log-view.ts';
export { isMatch, offeredLabels, type Requirement, requirementOf, TAINT } from './matching.ts';
export { checkNeeds, type Needs, type NeedsProblem, needsOf } from './needs.ts';
export {
  artifactObject,
  artifactUri,
  bundleObject,
  cacheObject,
  depsKey,
  isForkScope,
  provenanceObject,
  type RunObject,
} from './object-name.ts';
export {
  OrgSettings,
  OrgSettingsGeneration,
  orgSettingsLimits,
  PersonName,
  teamsOf,
} from './org-settings.ts';
export {
  type Partition,
  type PartitionedFamily,
  partitionFilters,
  partitionName,
  partitionOf,
  partitionsMax,
  partitionsOf,
} from './partition.ts';
export { repositoryName, repositoryOf, repositoryPath } from './repository-name.ts';
export { rollUp } from './roll-up.ts';
export { Rule, RuleGeneration, RuleName } from './rule.ts';
export { evolveRun, foldRun, initialRun, type Run, wasVoid } from './run.ts';
export { JobSpec, Need, RetryCause, RetryPolicy, RunCreated, Trust } from './run-created.ts';
export { credentialNames, RunCredentials } from './run-credentials.ts';
export {
  type BodyOf,
  type DecisionType,
  decisionTypes,
  type FactType,
  isAddressed,
  isDecision,
  isRunEventType,
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
  needOf,
  RunRequest,
  requestLimits,
  StepRequest,
} from './run-request.ts';
export {
  approvalState,
  approvalView,
  type Beside,
  cancelView,
  completionOf,
  logBytesOf,
  pendingView,
  type RunView,
  runView,
  spendingOf,
  startedAt,
  votesView,
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
export { decodeRun, encodeRun, FOLD_VERSION } from './stored-run.ts';
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
export { type Forward, forwardsOf } from './upstream-change.ts';
export { runSnapshot } from './upstream-view.ts';
export {
  addUsage,
  nanoUsd,
  noUsage,
  type Usage,
  type UsageUnit,
  usageUnits,
  usd,
  withoutCost,
} from './usage.ts';
export { type Void, voidReasons } from './void.ts';
export * as wire from './wire/index.ts';
