/**
 * What a run needs decided next, one decision at a time: the next expectation is known only once the last one is folded. First who
 * is to stop, then what people have said, who is not to begin, whose needs have been settled, last the end. Offers are not made here, because they
 * also need an agent. Pure and idempotent: the same run gives the same decision.
 */

import type {
  BodyOf,
  Draft,
  Expectation,
  Job,
  JobOffered,
  Run,
  StopReason,
} from '@waybill/protocol';
import {
  completionOf,
  currentAttempt,
  decisionId,
  expectationOf,
  isHeld,
  isTerminalJob,
  isUntouched,
  logBytesOf,
  needsOf,
  runDraft,
  spendingOf,
} from '@waybill/protocol';
import { resolutionOf } from './approval-decision.ts';
import type { Offeree } from './fleet.ts';

/** To be appended only where nothing of the run lies behind `lastSeq`. */
export type Decision = Readonly<{ runId: string; draft: Draft; expect: Expectation }>;

const SOURCE = '/waybill/dispatcher';
const CANCEL_GRACE_MS = 30_000;

type Created = NonNullable<Run['created']>;

export function decideRun(run: Run): Decision | undefined {
  const { created, completed } = run;
  if (created === null || completed !== null) return undefined;
  const isDoomed = doomedBy(run.jobs, created);
  for (const job of run.jobs) {
    const stop = decideStop(run, created, job, isDoomed);
    if (stop !== undefined) return stop;
  }
  for (const job of run.jobs) {
    const resolution = decideApproval(run, created, job);
    if (resolution !== undefined) return resolution;
  }
  for (const job of run.jobs) {
    const { jobId } = job.spec;
    if (isUntouched(job) && isDoomed(job))
      return about(run, created, 'job.cancelled', { jobId, reason: 'fail_fast' });
    const next = job.state === 'pending' ? decidePending(run, created, job) : undefined;
    if (next !== undefined) return next;
  }
  const completion = completionOf(run);
  return completion === undefined
    ? undefined
    : about(run, created, 'run.completed', completedBody(run, completion));
}

/** Whether a job is not to go on because another has failed. */
function doomedBy(jobs: readonly Job[], { failFast }: Created): (job: Job) => boolean {
  const failed = jobs.filter(({ state }) => state === 'failed' || state === 'timed_out_stale');
  if (failed.length > 0 && failFast === true) return ({ state }) => !isTerminalJob(state);
  const groups = new Set(
    failed.flatMap(({ spec }) => (spec.failFast === true ? [spec.group] : [])),
  );
  return ({ state, spec }) =>
    spec.group !== undefined && groups.has(spec.group) && !isTerminalJob(state);
}

/** Once for each attempt that is to stop, and once more where a person has lost patience. */
function decideStop(
  run: Run,
  created: Created,
  job: Job,
  isDoomed: (job: Job) => boolean,
): Decision | undefined {
  const current = currentAttempt(job);
  if (!isHeld(job) || current === undefined) return undefined;
  const { cancel } = job;
  const force = cancel?.force ?? false;
  const isAsked = cancel !== null || isDoomed(job);
  const isTold = current.stop !== null && (current.stop.force || !force);
  if (!isAsked || isTold) return undefined;
  const { attempt, fence, agentId, session } = current;
  const reason: StopReason = cancel === null ? 'fail_fast' : 'cancelled';
  const graceMs = created.cancelGraceMs ?? CANCEL_GRACE_MS;
  const body: BodyOf<'job.cancel'> = { jobId: job.spec.jobId, attempt, reason, force, graceMs };
  return addressed(run, created, 'job.cancel', body, { attempt, fence, agentId, session });
}

/** Told to the agent that asks; of a job that nobody has yet, to nobody. */
function decideApproval(run: Run, created: Created, job: Job): Decision | undefined {
  const body = resolutionOf(job);
  const current = currentAttempt(job);
  if (body === undefined) return undefined;
  if (body.attempt === undefined || current === undefined)
    return about(run, created, 'approval.resolved', body);
  const { attempt, fence, agentId, session } = current;
  return addressed(run, created, 'approval.resolved', body, { attempt, fence, agentId, session });
}

function decidePending(run: Run, created: Created, { spec }: Job): Decision | undefined {
  const { jobId } = spec;
  const needs = needsOf(spec.needs, run.jobs);
  if (needs.kind === 'met') return about(run, created, 'job.queued', { jobId });
  if (needs.kind === 'open') return undefined;
  return about(run, created, 'job.skipped', { jobId, because: [...needs.because] });
}

type Unaddressed =
  | 'job.queued'
  | 'job.skipped'
  | 'job.cancelled'
  | 'approval.resolved'
  | 'run.completed';

function about<T extends Unaddressed>(
  run: Run,
  { org, runId }: Created,
  type: T,
  body: BodyOf<T>,
): Decision {
  const jobId = 'jobId' in body && typeof body.jobId === 'string' ? body.jobId : undefined;
  const id = decisionId(org, runId, type, approvalIn(body) ?? jobId ?? 'run', run.seq);
  const meta = { id, source: SOURCE, jobId, ...traceOf(run) };
  const draft = runDraft({ org, runId, type, meta, body });
  return { runId, draft, expect: expectationOf(org, runId, run.seq) };
}

type Addressee = Readonly<{ attempt: number; fence: number; agentId: string; session: number }>;

/** A job may have several at once: each has decisions of its own. */
const approvalIn = (body: object): string | undefined =>
  'approvalId' in body && typeof body.approvalId === 'string' ? body.approvalId : undefined;

function addressed<T extends 'job.offered' | 'job.cancel' | 'approval.resolved'>(
  run: Run,
  { org, runId }: Created,
  type: T,
  body: BodyOf<T> & Readonly<{ jobId: string }>,
  to: Addressee,
): Decision {
  const { jobId } = body;
  const id = decisionId(org, runId, type, approvalIn(body) ?? `${jobId}.${to.attempt}`, run.seq);
  const meta = { id, source: SOURCE, jobId, ...to, ...traceOf(run) };
  const draft = runDraft({ org, runId, type, to: to.agentId, meta, body });
  return { runId, draft, expect: expectationOf(org, runId, run.seq) };
}

/** The request that the run goes back to is named in everything that comes of it, however late. */
const traceOf = ({ requestId, traceparent }: Run) => ({
  requestId: requestId ?? undefined,
  traceparent: traceparent ?? undefined,
});

const completedBody = (
  run: Run,
  completion: NonNullable<ReturnType<typeof completionOf>>,
): BodyOf<'run.completed'> => ({
  ...completion,
  ...spendingOf(run),
  logBytes: logBytesOf(run),
  priceGeneration: null,
  jobs: run.jobs.map((job) => ({
    jobId: job.spec.jobId,
    name: job.spec.name,
    state: job.state,
    attempts: job.attempts.length,
    durationMs:
      job.startedAt === null || job.completedAt === null ? null : job.completedAt - job.startedAt,
  })),
});

/**
 * Offers a queued job to an agent's session. The fence is the sequence that the offer expects. `ackTimeoutMs`: what the org has set
 * for its offers; the job's own counts before it, the run's behind it. Undefined for a run that does not exist.
 */
export function decideOffer(
  run: Run,
  job: Job,
  to: Omit<Offeree, 'key'>,
  ackTimeoutMs: number | undefined,
): Decision | undefined {
  const { created } = run;
  if (created === null) return undefined;
  const attempt = (currentAttempt(job)?.attempt ?? 0) + 1;
  const { agentId, session, room } = to;
  const fence = run.seq;
  const body: JobOffered = {
    jobId: job.spec.jobId,
    attempt,
    fence,
    agentId,
    session,
    ackTimeoutMs: job.spec.ackTimeoutMs ?? ackTimeoutMs ?? created.ackTimeoutMs,
    reason: attempt === 1 ? 'initial' : 'retry',
    room,
  };
  return addressed(run, created, 'job.offered', body, { attempt, fence, agentId, session });
}
