/** The rows of the upstream feed, whose every field one test takes from the schemas and finds filled. */
import { type Coverage, type Proof, source } from './proof.ts';

const fed: Proof = {
  file: 'tests/e2e/upstream-feed.e2e.spec.ts',
  test: 'says every field of every message',
  walks: true,
};

const run = {
  runId: 'The run.',
  workflowName: 'Its workflow.',
  status: 'How it stands, in the words of the protocol.',
  repoIdentifier: 'Owner and name of its repository, cut to the bound of the feed.',
  sha: 'Its commit.',
  ref: 'Its branch or tag.',
  triggerEvent: 'The event that started it.',
  commitMessage: 'The first line of the commit’s message, where the event has one.',
  jobCount: 'How many jobs it has.',
  startedAt: 'When its first job began; when it was made, before that.',
  completedAt: 'When it ended.',
  durationMs: 'How long it took.',
  parentRunId: 'The run whose event started it.',
  originalRunId: 'The first run of the chain.',
  triggeredBy: 'Who asked for it, where a person did.',
  failureReason: 'Its first job that failed, and why.',
} as const;
const job = {
  jobId: 'The job.',
  jobName: 'Its name.',
  status: 'How it stands, in the words of the protocol.',
  startedAt: 'When it began.',
  completedAt: 'When it ended.',
  durationMs: 'How long it took.',
  errorMessage: 'Why it failed.',
  agentId: 'The agent that has it.',
  runsOnLabels: 'The labels that it asks for.',
} as const;
const envelope = {
  messageId: 'Made of the place in the log that it follows from: the same word has the same id.',
  timestamp: 'The time of the log.',
} as const;
const inside = (name: string, fields: Readonly<Record<string, string>>) =>
  Object.fromEntries(Object.entries(fields).map(([field, does]) => [`${name}.${field}`, does]));

export const upstreamCoverage: Coverage = {
  'execution.status': { handledIn: source.changes, provenBy: fed, fields: { ...envelope, ...run } },
  'step.status.forward': {
    handledIn: source.changes,
    provenBy: fed,
    fields: {
      ...envelope,
      runId: 'The run.',
      jobId: 'The job.',
      jobName: 'Its name.',
      stepIndex: 'The place of the step in its job.',
      stepName: 'Its name.',
      state: 'How it stands.',
      data: 'What the agent said of it.',
      secretsAccessed: 'Names of the secrets that it has read.',
    },
  },
  'job.status.forward': {
    handledIn: source.changes,
    provenBy: fed,
    fields: {
      ...envelope,
      runId: 'The run.',
      ...job,
      matrixValues: 'The values of its matrix that it is for.',
      orchestratorId: 'A word for Waybill, once it has offered the job to an agent.',
    },
  },
  'state.replay': {
    handledIn: source.upstream,
    provenBy: fed,
    fields: {
      ...envelope,
      runs: 'Every run that is not over, and those that ended lately, when a reader comes or may have missed something.',
      ...inside('runs', { ...run, routingKey: 'The source that started it.', jobs: 'Its jobs.' }),
      ...inside('runs.jobs', job),
    },
  },
};
