/**
 * A run as the outside reads it (DESIGN: What the outside may rely on): the api's answer, the CLI's `--json` and the `run`
 * of a run record are this one function of the fold. Times are ISO 8601 in UTC, taken from stored events.
 */
import type { Attempt } from './attempt.ts';
import type { Job } from './job.ts';
import { currentAttempt } from './job.ts';
import { needsOf } from './needs.ts';
import type { Run } from './run.ts';
import { rollUp } from './run.ts';
import { isTerminalJob } from './states.ts';
import type { Step } from './step.ts';

export type BlockedBy = Readonly<{
  kind: 'needs' | 'backoff' | 'agent';
  detail: string;
  until: string | null;
}>;

export type RunView = Readonly<{
  runId: string;
  org: string;
  state: string;
  trigger: Readonly<Record<string, unknown>> | null;
  rule: Readonly<{ name: string; generation: number }> | null;
  workflow: string | null;
  repoUrl: string | null;
  ref: string | null;
  sha: string | null;
  requestId: string | null;
  createdAt: string | null;
  startedAt: string | null;
  completedAt: string | null;
  durationMs: number | null;
  costUsd: number;
  usage: Readonly<Record<string, number>>;
  jobs: readonly Readonly<Record<string, unknown>>[];
  record: Readonly<{ sha256: string; firstSeq: number; lastSeq: number }> | null;
  anomalies: number;
  seq: number;
}>;

export const iso = (at: number | null): string | null =>
  at === null ? null : new Date(at).toISOString();

/** What stands for a run whose trigger is stored and whose `run.created` is not decided yet. */
export const pendingView = (org: string, runId: string, trigger: RunView['trigger']): RunView => ({
  runId,
  org,
  state: 'pending',
  trigger,
  rule: null,
  workflow: null,
  repoUrl: null,
  ref: null,
  sha: null,
  requestId: null,
  createdAt: null,
  startedAt: null,
  completedAt: null,
  durationMs: null,
  costUsd: 0,
  usage: {},
  jobs: [],
  record: null,
  anomalies: 0,
  seq: 0,
});

/** `record` is null until the projector has written it; it comes from the read model, all else from the fold. */
export function runView(
  run: Run,
  org: string,
  runId: string,
  record: RunView['record'] = null,
): RunView {
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
    ref: made.ref,
    sha: made.sha,
    requestId: run.requestId,
    createdAt: iso(run.createdAt),
    startedAt: iso(startedAt(run)),
    completedAt: iso(done?.completedAt ?? null),
    durationMs: done?.durationMs ?? null,
    costUsd: done?.costUsd ?? 0,
    usage: done?.usage ?? {},
    jobs: run.jobs.map((job) => jobView(job, run)),
    record,
    anomalies: run.anomalies,
    seq: run.seq,
  };
}

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

function jobView(job: Job, run: Run): Readonly<Record<string, unknown>> {
  return {
    jobId: job.spec.jobId,
    name: job.spec.name,
    state: job.state,
    agentId: currentAttempt(job)?.agentId ?? null,
    runsOn: job.spec.runsOn,
    needs: job.spec.needs,
    blockedBy: blockedBy(job, run),
    queuedAt: iso(job.queuedAt),
    startedAt: iso(job.startedAt),
    completedAt: iso(job.completedAt),
    failure: job.failure,
    attempts: job.attempts.map(attemptView),
    steps: job.steps.map(stepView),
  };
}

const attemptView = (each: Attempt): Readonly<Record<string, unknown>> => ({
  attempt: each.attempt,
  agentId: each.agentId,
  session: each.session,
  resolution: each.resolution,
  reason: each.reason,
  cause: each.cause,
  offeredAt: iso(each.offeredAt),
  resolvedAt: iso(each.resolvedAt),
});

const stepView = (each: Step): Readonly<Record<string, unknown>> => ({
  index: each.index,
  name: each.name,
  type: each.kind,
  state: each.state,
  startedAt: iso(each.startedAt),
  completedAt: iso(each.completedAt),
  exitCode: each.exitCode,
});

function blockedBy(job: Job, run: Run): readonly BlockedBy[] {
  if (isTerminalJob(job.state)) return [];
  if (job.state === 'pending') {
    const needs = needsOf(job.spec.needs, run.jobs);
    const names = needs.kind === 'open' ? needs.waitingFor : [];
    return names.map((name) => ({ kind: 'needs', detail: `waits for ${name}`, until: null }));
  }
  if (job.state !== 'queued') return [];
  const labels = job.spec.runsOn.length === 0 ? 'any labels' : job.spec.runsOn.join(', ');
  const agent: BlockedBy = {
    kind: 'agent',
    detail: `waits for a free agent with ${labels}`,
    until: null,
  };
  if (job.notBefore <= (job.queuedAt ?? 0)) return [agent];
  return [
    { kind: 'backoff', detail: 'its last offer was rejected', until: iso(job.notBefore) },
    agent,
  ];
}
