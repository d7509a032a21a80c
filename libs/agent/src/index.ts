/** The public door of the agent SDK: connect, take jobs, report; and an orchestrator to test agents against. */
export { type Agent, type AgentOptions, createAgent, type DrainOptions } from './agent.ts';
export { type HostFacts, hostFacts } from './host-facts.ts';
export {
  type AbortCode,
  JobAborted,
  type JobHandle,
  type JobOutcome,
  type LiveState,
  type Run,
} from './job-handle.ts';
export { AgentRefused, type AgentState } from './link.ts';
export { type ReconnectBackoff, reconnectBackoff, reconnectDelayMs } from './reconnect-delay.ts';
export {
  type ReceivedFrame,
  type ScriptedOptions,
  type ScriptedOrchestrator,
  scriptedOrchestrator,
} from './scripted-orchestrator.ts';
export { type AgentTiming, agentTiming } from './timing.ts';
