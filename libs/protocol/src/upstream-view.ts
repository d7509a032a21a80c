/**
 * A run as a tier above reads it, in the words of the published upstream messages: its own status, its jobs, its steps. One
 * function of the fold for what is forwarded and for what is replayed, so that both always say the same. Free text is cut.
 */
import { currentAttempt, type Job } from './job.ts';
import { repositoryPath } from './repository-name.ts';
import type { Run } from './run.ts';
import type { RunCreated } from './run-created.ts';
import { startedAt } from './run-view.ts';
import { jobWords } from './states.ts';
import type { Step } from './step.ts';
import { WireJobState } from './wire/job.ts';
import { wireLimits } from './wire/limits.ts';
import type {
  ExecutionStatus,
  JobSnapshot,
  JobStatusForward,
  RunSnapshot,
  StepStatusForward,
} from './wire/upstream.ts';

/** The fields that are declared. */
export type Declared<T> = { readonly [K in keyof T as string extends K ? never : K]: T[K] };
type Enveloped = 'type' | 'messageId' | 'timestamp';
/** What is said of it, whichever message says it. */
type ExecutionView = Omit<Declared<ExecutionStatus>, Enveloped | 'jobCount'> &
  Readonly<{ jobCount: number }>;
type JobView = Declared<JobSnapshot> & Pick<Declared<JobStatusForward>, 'status'>;
type StepView = Pick<
  Declared<StepStatusForward>,
  'stepIndex' | 'stepName' | 'state' | 'secretsAccessed'
>;

/** Undefined before it is created. */
export function executionView(run: Run): ExecutionView | undefined {
  const made = run.created;
  if (made === null || run.state === 'absent') return undefined;
  const done = run.completed;
  const { from, by } = made.trigger;
  return {
    runId: made.runId,
    workflowName: named(made.workflow),
    status: run.state,
    ...repositoryIn(made),
    ...(made.sha === '' ? {} : { sha: named(made.sha) }),
    ...(made.ref === '' ? {} : { ref: named(made.ref) }),
    triggerEvent: named(made.trigger.event),
    ...commitMessageIn(made.event),
    jobCount: run.jobs.length,
    startedAt: startedAt(run) ?? run.createdAt,
    ...(done === null ? {} : { completedAt: done.completedAt, durationMs: done.durationMs }),
    parentRunId: from?.runId ?? null,
    originalRunId: from?.originalRunId ?? from?.runId ?? null,
    triggeredBy: by === undefined ? null : named(by),
    ...(run.state === 'failed' ? { failureReason: failureOf(run.jobs) } : {}),
  };
}

export function jobView(job: Job): JobView {
  const { spec, state, startedAt: began, completedAt: end } = job;
  const current = currentAttempt(job);
  const isFailed = state === 'failed' || state === 'timed_out_stale';
  return {
    jobId: spec.jobId,
    jobName: named(spec.name),
    // The words of the table are those of the wire.
    status: WireJobState.parse(jobWords[state].wire),
    ...(began === null ? {} : { startedAt: began }),
    ...(end === null ? {} : { completedAt: end }),
    ...(began === null || end === null ? {} : { durationMs: end - began }),
    errorMessage: isFailed ? prose(job.failure ?? state) : null,
    // An agent that was only asked has not said that it does.
    agentId: current?.resolution === 'accepted' ? current.agentId : null,
    runsOnLabels: spec.runsOn.filter(isLabel).slice(0, wireLimits.upstreamLabelsMax),
  };
}

/** Undefined for what is not a step of the job: its preparation. */
export function stepView(step: Step): StepView | undefined {
  if (step.index < 0) return undefined;
  const secrets = step.secretsAccessed.slice(0, wireLimits.namesMax).map(named);
  return {
    stepIndex: step.index,
    stepName: named(step.name),
    state: step.state,
    ...(secrets.length === 0 ? {} : { secretsAccessed: secrets }),
  };
}

/** With all its jobs as they stand. Undefined before it is created. */
export function runSnapshot(run: Run): RunSnapshot | undefined {
  const execution = executionView(run);
  if (execution === undefined || run.created === null) return undefined;
  return {
    ...execution,
    routingKey: named(run.created.trigger.source),
    jobs: run.jobs.slice(0, wireLimits.upstreamJobsMax).map(jobView),
  };
}

const cut = (text: string, charsMax: number): string =>
  text.length <= charsMax ? text : text.slice(0, charsMax).toWellFormed();
const named = (text: string): string => cut(text, wireLimits.nameCharsMax);
const prose = (text: string): string => cut(text, wireLimits.upstreamTextCharsMax);

const LABEL = /^[^\p{Cc}\p{Cs}]+$/u;
const isLabel = (label: string): boolean =>
  label.length <= wireLimits.labelCharsMax && LABEL.test(label);

function repositoryIn({ repository = '' }: RunCreated): Readonly<{ repoIdentifier?: string }> {
  const path = repositoryPath(repository);
  return path === '' ? {} : { repoIdentifier: cut(path, wireLimits.upstreamRepoCharsMax) };
}

/** Of the commit that a push ended with. */
function commitMessageIn(event: unknown): Readonly<{ commitMessage?: string }> {
  const message = memberOf(memberOf(event, 'head_commit'), 'message');
  if (typeof message !== 'string') return {};
  const [first = ''] = message.slice(0, 2 * wireLimits.upstreamTextCharsMax).split(/\r?\n/, 1);
  return first === '' ? {} : { commitMessage: prose(first) };
}

const memberOf = (value: unknown, key: string): unknown =>
  typeof value === 'object' && value !== null && Object.hasOwn(value, key)
    ? Reflect.get(value, key)
    : undefined;

/** The first job that failed stands for all. */
function failureOf(jobs: readonly Job[]): string {
  const failed = jobs.find(({ state }) => state === 'failed' || state === 'timed_out_stale');
  if (failed === undefined) return 'failed';
  return prose(`${failed.spec.name}: ${failed.failure ?? failed.state}`);
}
