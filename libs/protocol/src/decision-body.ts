/**
 * The bodies of the decisions about a run: what Waybill itself chose. Kept for ever: add an optional field, never change one.
 * `run.created` is in a file of its own.
 */
import { z } from 'zod';
import { JobId } from './ids.ts';
import { instant } from './instant.ts';
import { JobState } from './states.ts';

const attempt = z.int().positive().describe('The attempt at the job, from 1.');
const jobId = JobId.describe('The job.');
const durationMs = z.int().nonnegative();

export const AttemptReason = z.enum([
  'initial',
  'retry',
  'resume',
  'repair',
  'rerun',
  'continuation',
]);
export type AttemptReason = z.infer<typeof AttemptReason>;

export const JobOffered = z.looseObject({
  jobId,
  attempt,
  fence: z
    .int()
    .nonnegative()
    .describe('The sequence that this offer expected; higher with every attempt.'),
  agentId: z.string().min(1).describe('The agent, as it calls itself.'),
  session: z
    .int()
    .positive()
    .describe('The sequence of the `registered` event of the session that is offered to.'),
  ackTimeoutMs: durationMs.describe('How long after the time of this event it may not expire.'),
  reason: AttemptReason.describe('Why there is this attempt.'),
  room: z
    .enum(['assumed', 'reported'])
    .optional()
    .describe(
      'Whether the agent itself has shown room since it registered; a `busy` of one that has not costs nothing.',
    ),
});
export type JobOffered = z.infer<typeof JobOffered>;

const JobSettled = z.looseObject({ jobId, attempt });
export const JobQueued = z.looseObject({ jobId });
export const JobSkipped = z.looseObject({
  jobId,
  because: z.array(z.string()).describe('The needs that were not met, in words.'),
});
/** No answer by the deadline: the job is queued again, or failed where its budget is spent, by this same event. */
export const JobExpired = JobSettled;
/** The recovery time of a lost agent is over. */
export const JobLost = JobSettled;

const LastHeartbeat = z
  .object({
    seq: z.int().positive().describe('Its sequence in WB_HEARTBEATS.'),
    at: instant.describe('Its server time, in Unix milliseconds.'),
  })
  .meta({
    title: 'LastHeartbeat',
    description: 'The last heartbeat of a job that a scheduler found.',
  });

/** No heartbeat: `heartbeat` is the last one that the scheduler found, read from the leader. */
export const JobStale = z.looseObject({
  jobId,
  attempt,
  heartbeat: LastHeartbeat.nullable().describe(
    'The last heartbeat, read from the stream’s leader; null for none.',
  ),
  readAt: instant
    .optional()
    .describe(
      'When it was read, by server time in Unix milliseconds: the event is void when that was long before it.',
    ),
});
export const DeadlineExtended = z.looseObject({
  jobId,
  attempt,
  until: instant.describe('The new deadline of the answer or of the return, in Unix milliseconds.'),
  cause: z.string().describe('Why, as `log-outage`.'),
});

export const StopReason = z.enum(['cancelled', 'job_timeout', 'fail_fast']);
export type StopReason = z.infer<typeof StopReason>;

/** Tells the agent to stop; an offer that nobody has answered is withdrawn by it. */
export const JobCancel = z.looseObject({
  jobId,
  attempt,
  reason: StopReason.describe('Why; `job_timeout` ends in `failed`, the others in `cancelled`.'),
  force: z.boolean().describe('At once, without hooks.'),
  graceMs: durationMs.describe('How long the agent has before the next step is taken.'),
});
export type JobCancel = z.infer<typeof JobCancel>;

/** Ends a job that no agent has, or whose agent did not even stop when it was forced. */
export const JobCancelled = z.looseObject({
  jobId,
  attempt: attempt.optional(),
  reason: StopReason.describe('Why.'),
});
/** It waited for an agent longer than it may. */
export const JobTimedOut = z.looseObject({ jobId });
/** The gateway that held the session is gone for good: the session has ended, at no cost to the job. */
export const SessionEnded = z.looseObject({
  jobId,
  attempt,
  session: z.int().positive().describe('The session that has ended.'),
  cause: z.string().describe('Why, as `gateway_lost`.'),
});

const JobSummary = z
  .object({
    jobId,
    name: z.string().describe('Its name.'),
    state: JobState.describe('How it ended.'),
    attempts: z.int().nonnegative().describe('How often it was offered.'),
    durationMs: durationMs
      .nullable()
      .describe('From its start to its end; null if it never began.'),
  })
  .meta({ title: 'JobSummary', description: 'A job in the completion of its run.' });

export const RunCompleted = z.looseObject({
  state: z
    .enum(['success', 'failed', 'cancelled'])
    .describe('The outcome: failed beats cancelled, stale counts as failed.'),
  startedAt: instant
    .nullable()
    .describe('When its first job began, in Unix milliseconds; null if none did.'),
  completedAt: instant.describe('When its last job ended.'),
  durationMs: durationMs.describe('From start to end, or from creation if nothing began.'),
  queuedMs: durationMs.describe('From creation to start.'),
  usage: z.record(z.string(), z.number()).describe('What it used, by unit, as `inputTokens`.'),
  costUsd: z.number().describe('What providers have billed for that.'),
  logBytes: z.number().optional().describe('Bytes of log, as its agents have counted them.'),
  priceGeneration: z
    .int()
    .nullable()
    .describe('The generation of the prices that the cost was computed with.'),
  jobs: z.array(JobSummary).describe('Its jobs.'),
});
export type RunCompleted = z.infer<typeof RunCompleted>;
