/** What an agent reports about a job as a whole. */
import { z } from 'zod';
import { secret } from './annotation.ts';
import { echo, freeRecord, jobId, messageId, names, runId, text, timestamp } from './field.ts';
import type { Immutable } from './immutable.ts';
import { message, part } from './message.ts';

export const WireJobState = z.enum([
  'pending',
  'queued',
  'running',
  'recovering',
  'cancelling',
  'success',
  'failed',
  'cancelled',
  'skipped',
  'timed_out_stale',
  'drift_dropped',
]);
export type WireJobState = z.infer<typeof WireJobState>;

export const WireRejectReason = z.enum(['busy', 'draining']);
export type WireRejectReason = z.infer<typeof WireRejectReason>;

export const JobAck = message('job.ack', 'The agent takes the job; sent before it starts.', {
  messageId,
  runId,
  jobId,
  timestamp,
  ...echo,
});
export type JobAck = Immutable<z.infer<typeof JobAck>>;

export const JobReject = message('job.reject', 'The agent does not take the job.', {
  messageId,
  runId,
  jobId,
  reason: WireRejectReason.describe('It has no free slot, or takes no more work.'),
  timestamp,
  ...echo,
});
export type JobReject = Immutable<z.infer<typeof JobReject>>;

export const EncryptedOutput = part(
  'EncryptedOutput',
  'A secret output, sealed to the run’s key.',
  {
    agentPublicKey: text().describe('The agent’s ephemeral public key.'),
    encrypted: text().describe('The sealed value.'),
  },
);
export type EncryptedOutput = Immutable<z.infer<typeof EncryptedOutput>>;

export const JobStatus = message(
  'job.status',
  'The job changed state. `running` may come more than once.',
  {
    messageId,
    runId,
    jobId,
    state: WireJobState.describe('The new state.'),
    timestamp,
    data: freeRecord()
      .optional()
      .describe('What belongs to the state: durations, outputs, errors.'),
    droppedJobs: names()
      .optional()
      .describe('Jobs that a second evaluation of the workflow no longer produced.'),
    secretOutputs: secret(z.record(z.string(), EncryptedOutput))
      .optional()
      .describe('Sealed outputs of a successful job, by name.'),
    ...echo,
  },
);
export type JobStatus = Immutable<z.infer<typeof JobStatus>>;

export const JobHeartbeat = message(
  'job.heartbeat',
  'The agent still runs the job; every 60 s, without a `messageId`.',
  { runId, jobId, timestamp, ...echo },
);
export type JobHeartbeat = Immutable<z.infer<typeof JobHeartbeat>>;
