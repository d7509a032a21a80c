/**
 * Runs as those keep them who only decide: without what is merely passed on to agents or shown to people. The fold of lean
 * events gives the same decisions as the fold of whole ones; only what an agent is sent needs the whole run. What many runs
 * say alike, their jobs' labels and limits, is one value in all of them: together it takes less than a third of the memory.
 */
import type { Job } from './job.ts';
import { newJob, offersSpent } from './job.ts';
import type { Run } from './run.ts';
import type { JobSpec, RunCreated } from './run-created.ts';
import type { RunEvent, RunEventOf } from './run-message.ts';
import { OVER_TIME, saysOverTime } from './status-data.ts';

/** The event without payloads, configs, secrets, outputs, and what only people read. */
export function lean(event: RunEvent): RunEvent {
  switch (event.type) {
    case 'run.created':
      return leanCreated(event);
    case 'job.offered':
      return { ...event, body: { ...event.body, agentId: sharedText(event.body.agentId) } };
    case 'job.status':
      return leanStatus(event);
    case 'step.status':
      return leanStep(event);
    case 'approval.requested':
      return leanRequest(event);
    case 'artifact.stored':
      return { ...event, body: { name: '', uri: '', sha256: '', sizeBytes: 0 } };
    default:
      return event;
  }
}

function leanCreated(event: RunEventOf<'run.created'>): RunEvent {
  const { requestId, traceparent } = event.meta;
  const meta = {
    ...event.meta,
    ...(requestId === undefined ? {} : { requestId: detached(requestId) }),
    ...(traceparent === undefined ? {} : { traceparent: detached(traceparent) }),
  };
  return { ...event, meta, body: leanRunCreated(event.body) };
}

const leanRunCreated = (body: RunCreated): RunCreated =>
  leanBody(body.runId, body.jobs.map(leanSpec), limitsOf(body));

/** A body of which only this is known; what stands for the rest says nothing. */
export const leanBody = (runId: string, jobs: JobSpec[], limits: Limits): RunCreated => ({
  runId,
  jobs,
  ...NOTHING_TOLD,
  ...sharedLimits(limits),
});

/** What is kept of a run beside its jobs: whatever is not named here. */
export function limitsOf(body: RunCreated) {
  const { runId: _runId, jobs: _jobs, event: _event, input: _input, ...more } = body;
  const { secrets: _secrets, credentials: _credentials, trigger: _trigger, ...much } = more;
  const { rule: _rule, ...most } = much;
  const { workflow: _workflow, repoUrl: _repoUrl, ref: _ref, sha: _sha, ...some } = most;
  const { repository: _repository, trust: _trust, ...limits } = some;
  return limits;
}

const NOTHING_TOLD = {
  trigger: { triggerId: '', source: '', kind: 'manual', event: '', deliveryId: '' },
  rule: null,
  workflow: '',
  repoUrl: '',
  ref: '',
  sha: '',
  event: null,
} as const satisfies Partial<RunCreated>;

export type Limits = Readonly<ReturnType<typeof limitsOf>>;

const leanSpec = (spec: JobSpec): JobSpec =>
  namedSpec({ jobId: spec.jobId, name: spec.name, ...demandsOf(spec) });

/** What is kept of a job beside its id and name, which many jobs say alike. */
function demandsOf(spec: JobSpec) {
  const { jobId: _jobId, name: _name, config: _config, matrixValues: _values, ...demands } = spec;
  return demands;
}

/** A job of which only this is known. */
export const namedSpec = ({ jobId, name, ...demands }: LeanSpec): JobSpec => ({
  jobId,
  name: sharedText(name),
  config: NO_CONFIG,
  ...sharedDemands(demands),
});

type Demands = Readonly<ReturnType<typeof demandsOf>>;
export type LeanSpec = Readonly<{ jobId: string; name: string }> & Demands;

const NO_CONFIG = {};

/** The reason that an agent gives is for people, but for one that is a cause of its own. */
function leanStatus(event: RunEventOf<'job.status'>): RunEvent {
  const { state, droppedJobs, data } = event.body;
  const inData = data?.['droppedJobs'];
  const kept = {
    ...(inData === undefined ? {} : { droppedJobs: inData }),
    ...(saysOverTime(data) ? { reason: OVER_TIME } : {}),
  };
  const body = {
    state,
    ...(droppedJobs === undefined ? {} : { droppedJobs }),
    ...(Object.keys(kept).length === 0 ? {} : { data: kept }),
  };
  return { ...event, body };
}

function leanStep(event: RunEventOf<'step.status'>): RunEvent {
  const { stepIndex, state, step_type: said, data, logBytesStreamed } = event.body;
  const { exitCode, step_type: inData } = data ?? {};
  const kind = said ?? (typeof inData === 'string' ? inData : undefined);
  const body = {
    stepIndex,
    stepName: '',
    state,
    ...(kind === undefined ? {} : { step_type: sharedText(kind) }),
    ...(exitCode === undefined ? {} : { data: { exitCode } }),
    ...(logBytesStreamed === undefined ? {} : { logBytesStreamed }),
  };
  return { ...event, body };
}

/** What is to be approved is for people; why it was rejected is told to whoever asked. */
function leanRequest(event: RunEventOf<'approval.requested'>): RunEvent {
  const { messageId, stepIndex, clauses, timeoutSeconds } = event.body;
  const body = {
    messageId,
    ...(stepIndex === undefined ? {} : { stepIndex }),
    ...(clauses === undefined ? {} : { clauses }),
    ...(timeoutSeconds === undefined ? {} : { timeoutSeconds }),
  };
  return { ...event, body };
}

/** A run in which nothing has happened yet to most jobs: what they do not have yet is one value in all of them. */
export const compact = (run: Run): Run => ({ ...run, jobs: run.jobs.map(compactJob) });

/** A job as it is created. */
export const freshJob = (spec: JobSpec, at: number): Job => ({
  ...newJob(spec, at),
  ...nothingYet,
});

const { attempts, steps, retried, spent, unspent, outputs, secretOutputs, artifacts } = newJob(
  { jobId: '', name: '', runsOn: [], needs: [], config: NO_CONFIG, withEvent: false },
  0,
);
const nothingYet = {
  attempts,
  steps,
  retried,
  spent,
  unspent,
  outputs,
  secretOutputs,
  artifacts,
};

const compactJob = (job: Job): Job => ({
  ...job,
  attempts: job.attempts.length === 0 ? attempts : job.attempts,
  steps: job.steps.length === 0 ? steps : job.steps,
  retried: job.retried.length === 0 ? retried : job.retried,
  spent: offersSpent(job) === 0 ? spent : job.spent,
  unspent: job.unspent.busy + job.unspent.lapsed === 0 ? unspent : job.unspent,
  outputs: isEmpty(job.outputs) ? outputs : job.outputs,
  secretOutputs: isEmpty(job.secretOutputs) ? secretOutputs : job.secretOutputs,
  artifacts: job.artifacts.length === 0 ? artifacts : job.artifacts,
});

function isEmpty(of: object): boolean {
  for (const _key in of) return false;
  return true;
}

/** What text is remembered as the first of its kind; more are not shared, and forgetting them costs only memory. */
const KINDS_MAX = 10_000;
const TEXT_MAX = 4_096;

/** Gives the first value that said the same. */
function sharing<T>(): (value: T) => T {
  const first = new Map<string, T>();
  return (value) => {
    const text = typeof value === 'string' ? value : JSON.stringify(value);
    if (text.length > TEXT_MAX) return value;
    const known = first.get(text);
    if (known !== undefined) return known;
    if (first.size >= KINDS_MAX) first.clear();
    first.set(text, value);
    return value;
  };
}

const sharedText = sharing<string>();
const sharedLimits = sharing<Limits>();
const sharedDemands = sharing<Demands>();

/** A copy of its own: a piece of a header would keep all headers of its message in memory. */
function detached(text: string): string {
  // What a text says in JSON is the text.
  return JSON.parse(JSON.stringify(text)) as string;
}
