/**
 * The events of a run as they are stored in WB_RUNS. Kept for ever: add a type or an optional field, never change one.
 * Decisions are chosen by us and appended with an expected sequence; facts are what agents, sockets and people did, stored
 * as they came, whose bodies are read here only as far as the fold needs them. `docs/events.md` is generated from this file.
 */
import { z } from 'zod';
import { JobId } from './ids.ts';
import { RunCreated } from './run-created.ts';
import { JobState, StepState } from './states.ts';
import { WireJobState } from './wire/job.ts';

const attempt = z.int().positive().describe('The attempt at the job, from 1.');
const jobId = JobId.describe('The job.');
const durationMs = z.int().nonnegative();
/** As far as a date can name it, so that a view of the run can always be written. */
const instant = z.int().nonnegative().max(8_640_000_000_000_000);

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
});
export const DeadlineExtended = z.looseObject({
  jobId,
  attempt,
  until: instant.describe('The new deadline of the answer, in Unix milliseconds.'),
  cause: z.string().describe('Why, as `log-outage`.'),
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
  costUsd: z.number().describe('What that cost.'),
  priceGeneration: z
    .int()
    .nullable()
    .describe('The generation of the prices that the cost was computed with.'),
  jobs: z.array(JobSummary).describe('Its jobs.'),
});
export type RunCompleted = z.infer<typeof RunCompleted>;

const anyObject = z.looseObject({});
const dataOf = (what: string) => anyObject.optional().describe(what);
/** Frames of agents, stored as they came: only what the fold reads is asked for. */
const JobStatusFact = z.looseObject({
  state: WireJobState.describe('The state that the agent reports.'),
  droppedJobs: z
    .array(z.string())
    .optional()
    .describe('Names of jobs that a second evaluation no longer produced.'),
  data: dataOf(
    '`outputs`, `error` or `reason`, `droppedJobs`: agents differ in where they put them.',
  ),
});
const JobRejectFact = z.looseObject({ reason: z.string().describe('`busy` or `draining`.') });
const StepStatusFact = z.looseObject({
  stepIndex: z.int().describe('The place of the step in its job.'),
  stepName: z.string().describe('Its name.'),
  state: StepState.describe('The state that the agent reports.'),
  step_type: z.string().optional().describe('`step`, or which hook; also read from `data`.'),
  data: dataOf('`exitCode` and `step_type`.'),
});
const previousSession = z.int().positive().describe('The session that the attempt was on before.');
/** What a gateway saw of a socket that a run depends on. */
const AgentLost = z.looseObject({
  code: z.int().describe('The close code of the socket.'),
  scalerManaged: z
    .boolean()
    .describe('Whether a scaler made the agent: such a one does not come back.'),
});
const AgentResumed = z.looseObject({ previousSession });
const AgentAbsent = z.looseObject({ previousSession });
const AgentHeard = z.looseObject({
  frame: z.string().describe('The type of the frame, which lies in a stream of its own.'),
});

/** Body schemas by event type; `job.offered` is addressed and lies at `to.<agentId>.offered`. */
export const runEventBodies = {
  'run.created': RunCreated,
  'run.completed': RunCompleted,
  'job.queued': JobQueued,
  'job.skipped': JobSkipped,
  'job.offered': JobOffered,
  'job.expired': JobExpired,
  'job.lost': JobLost,
  'job.stale': JobStale,
  'deadline.extended': DeadlineExtended,
  'job.ack': anyObject,
  'job.reject': JobRejectFact,
  'job.status': JobStatusFact,
  'step.status': StepStatusFact,
  'agent.lost': AgentLost,
  'agent.resumed': AgentResumed,
  'agent.absent': AgentAbsent,
  'agent.heard': AgentHeard,
} as const;

export type RunEventType = keyof typeof runEventBodies;
export type BodyOf<T extends RunEventType> = z.infer<(typeof runEventBodies)[T]>;

/** Appended with an expectation by the dispatcher and the scheduler alone. */
export const decisionTypes = [
  'run.created',
  'run.completed',
  'job.queued',
  'job.skipped',
  'job.offered',
  'job.expired',
  'job.lost',
  'job.stale',
  'deadline.extended',
] as const satisfies readonly RunEventType[];
export type DecisionType = (typeof decisionTypes)[number];
export type FactType = Exclude<RunEventType, DecisionType>;

const decisions: ReadonlySet<string> = new Set(decisionTypes);
export const isDecision = (type: string): type is DecisionType => decisions.has(type);
export const isRunEventType = (type: string): type is RunEventType =>
  Object.hasOwn(runEventBodies, type);
