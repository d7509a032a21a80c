/** What is forwarded to a tier above for its dashboards: statuses, and a snapshot to start from. */
import { z } from 'zod';
import {
  agentId,
  count,
  freeRecord,
  id,
  instant,
  jobId,
  labels,
  messageId,
  name,
  names,
  quantity,
  runId,
  stepIndex,
  stepName,
  text,
  timestamp,
} from './field.ts';
import type { Immutable } from './immutable.ts';
import { WireJobState } from './job.ts';
import { wireLimits } from './limits.ts';
import { message, part } from './message.ts';
import type { WireRule } from './rule.ts';
import { WireStepState } from './step.ts';

/** `held` is not in the published table; it is seen in practice. */
export const WireRunState = z.enum([
  'pending',
  'running',
  'success',
  'failed',
  'cancelled',
  'cancelling',
  'held',
]);
export type WireRunState = z.infer<typeof WireRunState>;

const prose = () => text(wireLimits.upstreamTextCharsMax);
const startedAt = instant().describe('When it started, in Unix milliseconds.');
const completedAt = instant().optional().describe('When it ended, in Unix milliseconds.');
const durationMs = quantity().optional().describe('How long it took.');
const jobName = name().describe('The name of the job, for people.');
const runsOnLabels = labels(wireLimits.upstreamLabelsMax).optional().describe('Labels it needs.');
const errorMessage = prose().nullable().optional().describe('Why the job failed.');
const onAgent = agentId.nullable().optional().describe('The agent that runs it.');

const run = {
  runId,
  workflowName: name().describe('The workflow.'),
  status: WireRunState.describe('State of the run. `held` is observed, not published.'),
  repoIdentifier: text(wireLimits.upstreamRepoCharsMax)
    .optional()
    .describe('Such as `owner/repo`.'),
  sha: name().optional().describe('The commit.'),
  ref: name().optional().describe('Branch or tag.'),
  triggerEvent: name().optional().describe('What triggered it, such as `push`.'),
  commitMessage: prose().optional().describe('First line of the commit message.'),
  startedAt,
  completedAt,
  durationMs,
  parentRunId: id().nullable().optional().describe('The run that this one repeats.'),
  originalRunId: id().nullable().optional().describe('The first run of that chain.'),
  triggeredBy: name().nullable().optional().describe('Who asked for the repeat.'),
  failureReason: prose().optional().describe('Why the run failed.'),
};

const reasonNeedsFailure = (prefix: string): WireRule => ({
  id: `${prefix}-reason-needs-failure`,
  statement: '`failureReason` is for status `failed` only',
  when: [{ has: ['failureReason'] }],
  then: [{ at: ['status'], oneOf: ['failed'] }],
  issueAt: ['failureReason'],
});

export const ExecutionStatus = message(
  'execution.status',
  'A run started, ended or changed state.',
  { messageId, ...run, jobCount: count().optional().describe('Jobs of the run.'), timestamp },
  [reasonNeedsFailure('execution')],
);
export type ExecutionStatus = Immutable<z.infer<typeof ExecutionStatus>>;

export const StepStatusForward = message('step.status.forward', 'A step changed state.', {
  messageId,
  runId,
  jobId,
  jobName,
  stepIndex,
  stepName,
  state: WireStepState.describe(
    'The new state. `pending` and `cancelled` are observed, not published.',
  ),
  timestamp,
  data: freeRecord().optional().describe('What belongs to the state.'),
  secretsAccessed: names().optional().describe('Names of the secrets that the step read.'),
});
export type StepStatusForward = Immutable<z.infer<typeof StepStatusForward>>;

export const JobStatusForward = message('job.status.forward', 'A job changed state.', {
  messageId,
  runId,
  jobId,
  jobName,
  status: WireJobState.describe('The new state.'),
  matrixValues: freeRecord().optional().describe('Values of the matrix for this job.'),
  startedAt: startedAt.optional().describe('When it started, in Unix milliseconds.'),
  completedAt,
  durationMs,
  errorMessage,
  agentId: onAgent,
  orchestratorId: id().nullable().optional().describe('Who dispatched it.'),
  runsOnLabels,
  timestamp,
});
export type JobStatusForward = Immutable<z.infer<typeof JobStatusForward>>;

export const JobSnapshot = part('JobSnapshot', 'A job as it stands.', {
  jobId,
  jobName,
  status: name().describe('State of the job.'),
  startedAt: startedAt.optional().describe('When it started, in Unix milliseconds.'),
  completedAt,
  durationMs,
  errorMessage,
  agentId: onAgent,
  runsOnLabels,
});
export type JobSnapshot = Immutable<z.infer<typeof JobSnapshot>>;

export const RunSnapshot = part(
  'RunSnapshot',
  'A run as it stands, with its jobs.',
  {
    ...run,
    routingKey: name().optional().describe('Which provider it came through.'),
    jobCount: count().describe('Jobs of the run.'),
    jobs: z.array(JobSnapshot).max(wireLimits.upstreamJobsMax).describe('The jobs.'),
  },
  [reasonNeedsFailure('snapshot')],
);
export type RunSnapshot = Immutable<z.infer<typeof RunSnapshot>>;

export const StateReplay = message(
  'state.replay',
  'All active runs, sent after a reconnect so that nothing else has to be repeated.',
  {
    messageId,
    runs: z.array(RunSnapshot).max(wireLimits.upstreamRunsMax).describe('The active runs.'),
    timestamp,
  },
);
export type StateReplay = Immutable<z.infer<typeof StateReplay>>;
