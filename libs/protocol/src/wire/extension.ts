/**
 * Waybill's additions to the published protocol. An agent that knows none of them works unchanged:
 * they are announced in `register.ack` and every field and message of theirs may be ignored.
 */
import { z } from 'zod';
import { extension } from './annotation.ts';
import { attempt, fence, jobId, messageId, quantity, runId } from './field.ts';
import type { Immutable } from './immutable.ts';
import { message, part } from './message.ts';

export const WireExtensions = part('WireExtensions', 'Which extensions are spoken.', {
  fence: z.boolean().describe('Dispatches carry `attempt` and `fence`; reports may repeat them.'),
  granted: z.boolean().describe('`job.granted` follows the ack; nothing starts before it.'),
  heartbeatAck: z.boolean().describe('Every `job.heartbeat` is answered with `job.heartbeat.ack`.'),
  terminalAck: z.boolean().describe('A terminal `job.status` is answered with `job.status.ack`.'),
  agentWork: z
    .boolean()
    .optional()
    .describe(
      'Usage, conversations, context bundles, workspaces, artifacts and approvals of whole jobs are reported.',
    ),
  approvals: z
    .boolean()
    .optional()
    .describe(
      'An approval is waited for over a reconnect: asked again, its outcome is told again.',
    ),
});
export type WireExtensions = Immutable<z.infer<typeof WireExtensions>>;

/** Who speaks all of them, as our SDK does. */
export const everyExtension = {
  fence: true,
  granted: true,
  heartbeatAck: true,
  terminalAck: true,
  agentWork: true,
  approvals: true,
} as const satisfies WireExtensions;

const held = {
  runId,
  jobId,
  attempt: attempt.describe('The attempt that the agent holds.'),
  fence: fence.describe('The fence of that attempt; a lower one is void.'),
};

export const JobGranted = extension(
  message('job.granted', 'The ack was in time and the job is the agent’s: it may start.', {
    ...held,
    leaseMs: quantity()
      .optional()
      .describe('How long the job is the agent’s without a heartbeat, from its ack on.'),
  }),
);
export type JobGranted = Immutable<z.infer<typeof JobGranted>>;

export const JobHeartbeatAck = extension(
  message('job.heartbeat.ack', 'The heartbeat was stored and the agent still holds the job.', {
    ...held,
    leaseMs: quantity().describe('How long the job stays the agent’s without a further heartbeat.'),
  }),
);
export type JobHeartbeatAck = Immutable<z.infer<typeof JobHeartbeatAck>>;

export const JobStatusAck = extension(
  message(
    'job.status.ack',
    'The attempt has ended in the log; the agent need not keep its status.',
    {
      messageId: messageId.describe('The `messageId` of the status.'),
      runId,
      jobId,
    },
  ),
);
export type JobStatusAck = Immutable<z.infer<typeof JobStatusAck>>;
