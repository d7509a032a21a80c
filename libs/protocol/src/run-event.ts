/**
 * The events of a run as they are stored in WB_RUNS. Kept for ever: add a type or an optional field, never change one.
 * Decisions are chosen by us and appended with an expected sequence; facts are what agents, sockets and people did, stored
 * as they came, whose bodies are read here only as far as the fold needs them. `docs/protocol.md` is generated from this file.
 */
import { z } from 'zod';
import { JobId, Org, RunId, TriggerId } from './ids.ts';
import { JobState, Outcome, StepState } from './states.ts';

const attempt = z.int().positive();
const fence = z.int().nonnegative();
const durationMs = z.int().nonnegative();
const instant = z.int().nonnegative();

export const Need = z.object({ job: z.string(), on: z.array(Outcome).min(1) });
export type Need = z.infer<typeof Need>;

export const JobSpec = z.looseObject({
  jobId: JobId,
  name: z.string().min(1),
  runsOn: z.array(z.string()),
  needs: z.array(Need),
  /** The wire's `jobConfig`, without the trigger's event. */
  config: z.record(z.string(), z.unknown()),
  /** Whether the dispatch adds the trigger's event to `config`: false where the config was given verbatim. */
  withEvent: z.boolean(),
  timeoutMs: durationMs.optional(),
});
export type JobSpec = z.infer<typeof JobSpec>;

export const Trigger = z.looseObject({
  triggerId: TriggerId,
  source: z.string(),
  kind: z.enum(['webhook', 'manual', 'schedule', 'upstream']),
  event: z.string(),
  deliveryId: z.string(),
});
export type Trigger = z.infer<typeof Trigger>;

/** Everything that the run will need of its trigger, rule and org, copied: the fold reads no other stream. */
export const RunCreated = z.looseObject({
  runId: RunId,
  org: Org,
  trigger: Trigger,
  rule: z.object({ name: z.string(), generation: z.int().positive() }).nullable(),
  workflow: z.string(),
  repoUrl: z.string(),
  ref: z.string(),
  sha: z.string(),
  input: z.unknown().optional(),
  /** The trigger's payload, null where it would not fit beside the rest. */
  event: z.unknown(),
  /** Sealed, never plain. */
  secrets: z.unknown().optional(),
  jobs: z.array(JobSpec).min(1),
  offersMax: z.int().positive(),
  ackTimeoutMs: durationMs,
  recoveryMs: durationMs,
  staleMs: durationMs,
});
export type RunCreated = z.infer<typeof RunCreated>;

export const AttemptReason = z.enum(['initial', 'retry', 'resume', 'repair', 'rerun', 'continuation']);
export type AttemptReason = z.infer<typeof AttemptReason>;

export const JobOffered = z.looseObject({
  jobId: JobId,
  attempt,
  /** The sequence that this offer expected. */
  fence,
  agentId: z.string().min(1),
  /** The sequence of the agent's `registered` event. */
  session: z.int().positive(),
  ackTimeoutMs: durationMs,
  reason: AttemptReason,
});
export type JobOffered = z.infer<typeof JobOffered>;

const JobSettled = z.looseObject({ jobId: JobId, attempt });
export const JobQueued = z.looseObject({ jobId: JobId });
export const JobSkipped = z.looseObject({ jobId: JobId, because: z.array(z.string()) });
/** No answer by the deadline: the job is queued again, or failed where its budget is spent, by this same event. */
export const JobExpired = JobSettled;
/** The recovery time of a lost agent is over. */
export const JobLost = JobSettled;
/** No heartbeat: `heartbeat` is the last one that the scheduler found, read from the leader. */
export const JobStale = z.looseObject({
  jobId: JobId,
  attempt,
  heartbeat: z.object({ seq: z.int().positive(), at: instant }).nullable(),
});
export const DeadlineExtended = z.looseObject({ jobId: JobId, attempt, until: instant, cause: z.string() });
export const RunCompleted = z.looseObject({
  state: z.enum(['success', 'failed', 'cancelled']),
  startedAt: instant.nullable(),
  completedAt: instant,
  durationMs,
  queuedMs: durationMs,
  usage: z.record(z.string(), z.number()),
  costUsd: z.number(),
  priceGeneration: z.int().nullable(),
  jobs: z.array(
    z.object({ jobId: JobId, name: z.string(), state: JobState, attempts: z.int().nonnegative(), durationMs: durationMs.nullable() }),
  ),
});
export type RunCompleted = z.infer<typeof RunCompleted>;

const anyObject = z.looseObject({});
/** Frames of agents, stored as they came: only what the fold reads is asked for. */
const JobStatusFact = z.looseObject({
  state: z.enum([
    'pending', 'queued', 'running', 'recovering', 'cancelling',
    'success', 'failed', 'cancelled', 'skipped', 'timed_out_stale', 'drift_dropped',
  ]),
  droppedJobs: z.array(z.string()).optional(),
  data: anyObject.optional(),
});
const JobRejectFact = z.looseObject({ reason: z.string() });
const StepStatusFact = z.looseObject({
  stepIndex: z.int(),
  stepName: z.string(),
  state: StepState,
  step_type: z.string().optional(),
  data: anyObject.optional(),
});
/** What a gateway saw of a socket that a run depends on. */
const AgentLost = z.looseObject({ code: z.int(), scalerManaged: z.boolean() });
const AgentResumed = z.looseObject({ previousSession: z.int().positive() });
const AgentAbsent = z.looseObject({ previousSession: z.int().positive() });
const AgentHeard = z.looseObject({ frame: z.string() });

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
  'run.created', 'run.completed', 'job.queued', 'job.skipped', 'job.offered',
  'job.expired', 'job.lost', 'job.stale', 'deadline.extended',
] as const satisfies readonly RunEventType[];
export type DecisionType = (typeof decisionTypes)[number];
export type FactType = Exclude<RunEventType, DecisionType>;

const decisions: ReadonlySet<string> = new Set(decisionTypes);
export const isDecision = (type: string): type is DecisionType => decisions.has(type);
export const isRunEventType = (type: string): type is RunEventType => Object.hasOwn(runEventBodies, type);
