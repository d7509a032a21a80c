/** The public door of the conformance kit: trials for agents and for servers of the protocol, and their lists of checks. */
export {
  type AgentKitOptions,
  type AgentReport,
  agentChecks,
  checkAgent,
} from './agent/agent-kit.ts';
export type { Capability } from './agent/capability.ts';
export { type KitJobs, kitJobNames, kitJobTasks, readKitJobs } from './agent/kit-job.ts';
export type { CheckResult, CheckState, Profile } from './check.ts';
export { checkServer, type ServerKitOptions, serverChecks } from './server/server-kit.ts';
export type { ApiAddress } from './server/work-desk.ts';
