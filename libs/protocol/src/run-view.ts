/**
 * A run as the outside reads it (DESIGN: What the outside may rely on): the api's answer, the CLI's `--json` and the `run`
 * of a run record are this one function of the fold. Times are ISO 8601 in UTC, taken from stored events.
 */
import type { Approval } from './approval.ts';
import type { Attempt } from './attempt.ts';
import { blockedBy, type Candidate } from './blocked-by.ts';
import { chainDepthOf, trustOf } from './emitted-event.ts';
import { iso } from './instant.ts';
import type { ArtifactRef, Cancel, Job } from './job.ts';
import { currentAttempt, retriesUsed } from './job.ts';
import { rollUp } from './roll-up.ts';
import type { Run } from './run.ts';
import type { RunCreated } from './run-created.ts';
import type { Step } from './step.ts';
import { addUsage, type Usage, usd, withoutCost } from './usage.ts';

export type RunView = Readonly<{
  runId: string;
  org: string;
  state: string;
  trigger: Readonly<Record<string, unknown>> | null;
  rule: Readonly<{ name: string; generation: number }> | null;
  workflow: string | null;
  repoUrl: string | null;
  /** The repository's name, without credentials. */
  repository: string | null;
  ref: string | null;
  sha: string | null;
  requestId: string | null;
  trust: string | null;
  chainDepth: number;
  /** The job whose event started it. */
  upstream: Readonly<{ runId: string; jobId: string }> | null;
  createdAt: string | null;
  startedAt: string | null;
  completedAt: string | null;
  durationMs: number | null;
  costUsd: number;
  usage: Readonly<Record<string, number>>;
  /** Reported as used behind the end: the record does not have it. Null for nothing. */
  lateUsage: Readonly<Record<string, number>> | null;
  logBytes: number;
  artifacts: readonly ArtifactRef[];
  cancel: Readonly<Record<string, unknown>> | null;
  jobs: readonly Readonly<Record<string, unknown>>[];
  record: Readonly<{ sha256: string; firstSeq: number; lastSeq: number }> | null;
  anomalies: number;
  seq: number;
}>;

/** What stands for a run whose trigger is stored and whose `run.created` is not decided yet. */
export const pendingView = (org: string, runId: string, trigger: RunView['trigger']): RunView => ({
  runId,
  org,
  state: 'pending',
  trigger,
  rule: null,
  workflow: null,
  repoUrl: null,
  repository: null,
  ref: null,
  sha: null,
  requestId: null,
  trust: null,
  chainDepth: 0,
  upstream: null,
  createdAt: null,
  startedAt: null,
  completedAt: null,
  durationMs: null,
  costUsd: 0,
  usage: {},
  lateUsage: null,
  logBytes: 0,
  artifacts: [],
  cancel: null,
  jobs: [],
  record: null,
  anomalies: 0,
  seq: 0,
});

/** What comes from elsewhere than the fold: the record once the projector has written it, the org's agents, server time. */
export type Beside = Readonly<{
  record?: RunView['record'];
  agents?: readonly Candidate[] | undefined;
  now?: number;
}>;

export function runView(run: Run, org: string, runId: string, beside: Beside = {}): RunView {
  const made = run.created;
  if (made === null)
    return { ...pendingView(org, runId, null), anomalies: run.anomalies, seq: run.seq };
  const done = run.completed;
  return {
    runId,
    org,
    state: run.state,
    trigger: made.trigger,
    rule: made.rule,
    workflow: made.workflow,
    repoUrl: made.repoUrl,
    repository: made.repository ?? null,
    ref: made.ref,
    sha: made.sha,
    requestId: run.requestId,
    trust: trustOf(made),
    chainDepth: chainDepthOf(made),
    upstream: upstreamOf(made),
    createdAt: iso(run.createdAt),
    startedAt: iso(startedAt(run)),
    completedAt: iso(done?.completedAt ?? null),
    durationMs: done?.durationMs ?? null,
    ...spendingView(run),
    logBytes: logBytesOf(run),
    artifacts: run.jobs.flatMap((job) => job.artifacts),
    cancel: cancelView(run.cancel),
    jobs: run.jobs.map((job) => jobView(job, run, beside)),
    record: beside.record ?? null,
    anomalies: run.anomalies,
    seq: run.seq,
  };
}

const upstreamOf = ({ trigger: { from } }: RunCreated): RunView['upstream'] =>
  from === undefined ? null : { runId: from.runId, jobId: from.jobId };

/** What the run has used so far, and what of it was billed: the sums over its jobs. */
export function spendingOf(
  run: Run,
): Readonly<{ usage: Omit<Usage, 'costNanoUsd'>; costUsd: number }> {
  const usage = addUsage(...run.jobs.map((job) => job.usage));
  return { usage: withoutCost(usage), costUsd: usd(usage.costNanoUsd ?? 0) };
}

function spendingView(run: Run): Pick<RunView, 'usage' | 'costUsd' | 'lateUsage'> {
  const { completed, lateUsage } = run;
  const { costUsd, usage } = completed ?? spendingOf(run);
  const isLate = Object.keys(lateUsage).length > 0;
  return { usage: { ...usage }, costUsd, lateUsage: isLate ? { ...lateUsage } : null };
}

export const logBytesOf = (run: Run): number =>
  run.jobs.reduce((sum, { logBytes }) => sum + logBytes, 0);

export const startedAt = (run: Run): number | null =>
  run.jobs.reduce<number | null>(
    (first, job) =>
      job.startedAt === null || (first !== null && first <= job.startedAt) ? first : job.startedAt,
    null,
  );

/** What `run.completed` carries: everything derived, computed from stored times alone. Undefined while a job is open. */
export function completionOf(run: Run):
  | Readonly<{
      state: 'success' | 'failed' | 'cancelled';
      startedAt: number | null;
      completedAt: number;
      durationMs: number;
      queuedMs: number;
    }>
  | undefined {
  const state = rollUp(run.jobs);
  if (state === undefined || run.created === null) return undefined;
  const completedAt = Math.max(run.createdAt, ...run.jobs.map((job) => job.completedAt ?? 0));
  const began = startedAt(run);
  return {
    state,
    startedAt: began,
    completedAt,
    durationMs: completedAt - (began ?? run.createdAt),
    // A clock of the log may step back between the creation and the start.
    queuedMs: Math.max(0, (began ?? completedAt) - run.createdAt),
  };
}

export const cancelView = (cancel: Cancel | null): Readonly<Record<string, unknown>> | null =>
  cancel && { at: iso(cancel.at), by: cancel.by, reason: cancel.reason, force: cancel.force };

function jobView(job: Job, run: Run, beside: Beside): Readonly<Record<string, unknown>> {
  const { spec, spent, unspent } = job;
  return {
    jobId: job.spec.jobId,
    name: job.spec.name,
    state: job.state,
    agentId: currentAttempt(job)?.agentId ?? null,
    runsOn: job.spec.runsOn,
    needs: job.spec.needs,
    blockedBy: blockedBy(job, run, beside.agents, beside.now),
    queuedAt: iso(job.queuedAt),
    startedAt: iso(job.startedAt),
    completedAt: iso(job.completedAt),
    failure: job.failure,
    usage: withoutCost(job.usage),
    costUsd: usd(job.usage.costNanoUsd ?? 0),
    logBytes: job.logBytes,
    secretOutputs: Object.keys(job.secretOutputs),
    group: spec.group ?? null,
    matrixValues: spec.matrixValues ?? null,
    offers: { max: run.created?.offersMax ?? null, ...spent, ...unspent },
    retries: {
      max: (spec.retries ?? []).reduce((sum, each) => sum + each.max, 0),
      used: retriesUsed(job),
    },
    cancel: cancelView(job.cancel),
    approvals: job.approvals.map(approvalView),
    attempts: job.attempts.map((each) => attemptView(each, job)),
    steps: job.steps.map(stepView),
  };
}

/** `open`, or how it ended. */
export const approvalState = ({ outcome }: Approval): string => outcome ?? 'open';

export const votesView = ({ votes }: Approval): readonly Readonly<Record<string, unknown>>[] =>
  votes.map(({ by, teams, decision, reason, at }) => ({
    by,
    teams,
    decision,
    reason,
    at: iso(at),
  }));

export const approvalView = (each: Approval) => ({
  id: each.id,
  attempt: each.attempt === 0 ? null : each.attempt,
  stepIndex: each.stepIndex,
  stepName: each.stepName,
  reason: each.reason,
  clauses: each.clauses,
  votes: votesView(each),
  state: approvalState(each),
  outcome: each.outcome,
  requestedAt: iso(each.requestedAt),
  expiresAt: iso(each.expiresAt),
  resolvedAt: iso(each.resolvedAt),
});

const attemptView = (each: Attempt, { state }: Job): Readonly<Record<string, unknown>> => ({
  attempt: each.attempt,
  agentId: each.agentId,
  session: each.session,
  resolution: each.resolution,
  reason: each.reason,
  cause: each.cause,
  offeredAt: iso(each.offeredAt),
  resolvedAt: iso(each.resolvedAt),
  outcome: each.outcome,
  endedAt: iso(each.endedAt),
  stop: each.stop && {
    reason: each.stop.reason,
    askedAt: iso(each.stop.askedAt),
    until: iso(each.stop.until),
    force: each.stop.force,
  },
  // Only while somebody waits for its agent.
  ...(state === 'recovering' && each.outcome === null && each.recoverUntil !== null
    ? { recoverUntil: iso(each.recoverUntil) }
    : {}),
  steps: each.steps.map(stepView),
});

const stepView = (each: Step): Readonly<Record<string, unknown>> => ({
  index: each.index,
  name: each.name,
  type: each.kind,
  state: each.state,
  startedAt: iso(each.startedAt),
  completedAt: iso(each.completedAt),
  exitCode: each.exitCode,
  secretsAccessed: each.secretsAccessed,
  logBytes: each.logBytes,
});
