/** The rows of what is told while a job runs: steps, logs, groups, and what agents say beside the protocol. */
import {
  type Coverage,
  echo,
  type FieldProof,
  inRunner,
  inSteps,
  report,
  same,
  source,
  takenBySdk,
} from './proof.ts';

const stepped = inSteps(
  'step.status and log.chunk are kept as they came and shown with the step, its bytes summed',
);
const observed = inSteps(
  'job.concurrency.report, run.event and job.context stand in the run, the last without the token',
);
const notSent = (does: string, runner?: FieldProof['runner']): FieldProof => ({
  does,
  handledIn: source.agentJobs,
  provenBy: takenBySdk,
  ...(runner && { runner }),
});

export const stepCoverage: Coverage = {
  'step.status': {
    handledIn: source.jobs,
    provenBy: stepped,
    fields: {
      ...report,
      stepIndex: {
        does: 'The place of the step in its job; with `step_type` its identity.',
        handledIn: source.step,
      },
      stepName: { does: 'Shown with the step.', handledIn: source.step },
      state: {
        does: 'Shown with the step; one that has ended does not change.',
        handledIn: source.step,
      },
      timestamp: same.timestamp,
      data: {
        does: 'Its `exitCode` is shown with the step and read by retries; the rest is kept.',
        handledIn: source.step,
      },
      step_type: {
        does: 'Says which hook it is; also found inside `data`.',
        handledIn: source.step,
      },
      secretsAccessed: { does: 'Names of secrets, shown with the step.', handledIn: source.step },
      logBytesStreamed: {
        does: 'Summed for job, run and organisation, and a gauge of the API.',
        handledIn: source.step,
      },
      concurrencyKind: same.kept,
      groupId: same.kept,
      ...echo,
    },
  },
  'log.chunk': {
    handledIn: source.logs,
    provenBy: stepped,
    fields: {
      ...report,
      stepIndex: 'The step that said it, -1 for none; each has a limit of its own.',
      lines: 'The log, as it came; what is over the limit is cut with one line.',
      timestamp: 'Kept with the lines.',
      ...echo,
    },
  },
  'job.concurrency.report': {
    handledIn: source.jobs,
    provenBy: observed,
    fields: {
      messageId: same.answered,
      runId: same.runId,
      jobId: same.jobId,
      group: 'Kept in the run with what it was told; groups are decided before a job is offered.',
    },
  },
  'job.concurrency.ack': {
    handledIn: source.reply,
    provenBy: observed,
    fields: {
      requestId: 'The `messageId` of the report.',
      action: {
        does: '`proceed`, or `cancel` where somebody has asked for its end; never `wait`, at which agents that exist hang.',
        runner: inRunner('step-gate', 'that has no room ends the job before anything runs'),
      },
      reason: notSent(
        'Never sent: a job that is to end is told why by `job.cancel`. Our SDK takes it.',
      ),
      runId: 'The run.',
      jobId: 'The attempt, as the report named it.',
    },
  },
  'run.event': {
    handledIn: source.kept,
    provenBy: observed,
    fields: {
      runId: same.runId,
      jobId: 'Names the attempt; where it is absent, the one that this agent has of the run.',
      eventType: same.kept,
      timestampMs: same.kept,
      sourceService: same.kept,
      metadata:
        'Kept with the fact, without what this process knows as a secret and without values of environments.',
      durationMs: same.kept,
    },
  },
  'job.context': {
    handledIn: source.kept,
    provenBy: observed,
    fields: {
      runId: same.runId,
      jobId: same.jobId,
      context:
        'Kept with the fact, without the values of variables: agents that exist list their own token there.',
    },
  },
};
