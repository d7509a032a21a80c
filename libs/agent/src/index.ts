/** The public door of the agent SDK: connect, take jobs, report; and an orchestrator to test agents against. */
export { type Agent, createAgent, type DrainOptions } from './agent.ts';
export { type AgentLogOptions, type AgentLogStream, createAgentLog } from './agent-log.ts';
export type { AgentOptions } from './agent-options.ts';
export { type HostFacts, hostFacts } from './host-facts.ts';
export type { IdleReason } from './idle-watch.ts';
export {
  type AbortCode,
  JobAborted,
  type JobHandle,
  type JobOutcome,
  type LiveState,
  type Run,
  type StepMore,
} from './job-handle.ts';
export type { ApprovalAnswer, ApprovalAsk, JobRequests } from './job-requests.ts';
export type {
  Artifact,
  BuildCache,
  CacheHit,
  CacheSlot,
  JobUploads,
  Provenance,
} from './job-uploads.ts';
export type { JobWork } from './job-work.ts';
export { AgentRefused, type AgentState } from './link.ts';
export { type ReconnectBackoff, reconnectBackoff, reconnectDelayMs } from './reconnect-delay.ts';
export { RequestFailed, type RequestFailure } from './request-desk.ts';
export {
  type ReceivedFrame,
  type ScriptedOptions,
  type ScriptedOrchestrator,
  scriptedOrchestrator,
} from './scripted-orchestrator.ts';
export { teeLogger } from './tee-logger.ts';
export { type AgentTiming, agentTiming } from './timing.ts';
export { type Body, measure } from './upload.ts';
