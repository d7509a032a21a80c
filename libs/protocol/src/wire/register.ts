/** Registration: who the agent is, what it can do, and what it still has in hand. */
import { z } from 'zod';
import { extension, observed } from './annotation.ts';
import { WireExtensions } from './extension.ts';
import {
  agentId,
  freeRecord,
  id,
  jobId,
  labels,
  messageId,
  quantity,
  runId,
  shortText,
} from './field.ts';
import type { Immutable } from './immutable.ts';
import { wireLimits } from './limits.ts';
import { message, part } from './message.ts';

export const InFlightJob = part('InFlightJob', 'A job that the agent still runs.', {
  jobId,
  runId,
});
export type InFlightJob = Immutable<z.infer<typeof InFlightJob>>;

export const AgentRegister = message(
  'agent.register',
  'The agent introduces itself. The first frame without a token, else the one after `auth.success`.',
  {
    messageId,
    agentId,
    labels: labels().describe('What the agent can do; jobs are routed by these.'),
    maxConcurrency: z
      .int()
      .min(1)
      .max(wireLimits.concurrencyMax)
      .optional()
      .describe('How many jobs it takes at once; 1 when absent.'),
    platform: shortText().optional().describe('Operating system, such as `linux` or `darwin`.'),
    arch: shortText().optional().describe('Processor architecture, such as `x64` or `arm64`.'),
    version: shortText().optional().describe('Version of the agent.'),
    inFlightJobs: z
      .array(InFlightJob)
      .max(wireLimits.inFlightJobsMax)
      .optional()
      .describe('Jobs still running after a reconnect; absent means none.'),
    hostname: shortText().optional().describe('Name of the host.'),
    osRelease: shortText().optional().describe('Release of the kernel.'),
    osVersion: shortText().optional().describe('Version of the operating system.'),
    totalMemoryMb: quantity().optional().describe('Memory of the host in MiB.'),
    cpuCount: quantity().optional().describe('Logical processors of the host.'),
    nodeVersion: shortText().optional().describe('Version of Node.js.'),
    runningAsUser: shortText().optional().describe('The system user that runs the agent.'),
    runningAsUid: z.number().optional().describe('Its user id; -1 where there is none.'),
    properties: observed(freeRecord()).optional().describe('Typed variables of the host.'),
    extensions: extension(WireExtensions)
      .optional()
      .describe('Which extensions the agent follows; absent means none.'),
  },
);
export type AgentRegister = Immutable<z.infer<typeof AgentRegister>>;

export const RegisterAck = message(
  'register.ack',
  'The agent is registered. Existing agents send no heartbeat before it arrives.',
  {
    agentId: agentId.describe('The agent, as registered.'),
    labels: labels().describe('The labels, as registered.'),
    scalerManaged: z
      .boolean()
      .optional()
      .describe('A scaler starts and stops this agent; false when absent.'),
    pendingDispatch: z
      .boolean()
      .optional()
      .describe('A dispatch is on its way: the agent must not leave for being idle.'),
    sessionId: extension(id()).optional().describe('Names this registration on this socket.'),
    extensions: extension(WireExtensions).optional().describe('Which extensions Waybill speaks.'),
  },
);
export type RegisterAck = Immutable<z.infer<typeof RegisterAck>>;

export const ConfigAck = message('config.ack', 'The agent has applied what `register.ack` said.', {
  messageId,
  agentId,
});
export type ConfigAck = Immutable<z.infer<typeof ConfigAck>>;
