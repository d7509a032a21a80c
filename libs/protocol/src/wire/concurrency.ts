/** Concurrency groups that only the agent finds out about, in the workflow's own module. */
import { z } from 'zod';
import { observed } from './annotation.ts';
import { jobId, messageId, name, requestId, runId, text } from './field.ts';
import type { Immutable } from './immutable.ts';
import { message } from './message.ts';

export const WireConcurrencyAction = z.enum(['proceed', 'wait', 'cancel']);
export type WireConcurrencyAction = z.infer<typeof WireConcurrencyAction>;

export const JobConcurrencyReport = observed(
  message('job.concurrency.report', 'The job belongs to a group. The agent waits 30 s.', {
    messageId,
    runId,
    jobId,
    group: name().describe('Name of the group.'),
  }),
);
export type JobConcurrencyReport = Immutable<z.infer<typeof JobConcurrencyReport>>;

export const JobConcurrencyAck = observed(
  message('job.concurrency.ack', 'Whether the job may go on.', {
    requestId: requestId('the report’s `messageId`'),
    action: WireConcurrencyAction.describe(
      'Existing agents hang after `wait`; Waybill answers `proceed` or `cancel` only.',
    ),
    reason: text().optional().describe('Why, for people.'),
    runId: runId.optional().describe('The run.'),
    jobId: jobId.optional().describe('The job.'),
  }),
);
export type JobConcurrencyAck = Immutable<z.infer<typeof JobConcurrencyAck>>;
