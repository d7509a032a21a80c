/** A folded run as rows of `runs`, `jobs`, `attempts`, `steps` and `approvals`. A run that was never created has none. */
import {
  type Approval,
  type Attempt,
  approvalState,
  cancelView,
  chainDepthOf,
  currentAttempt,
  type Job,
  logBytesOf,
  type Run,
  type RunCreated,
  retriesUsed,
  type Step,
  spendingOf,
  startedAt,
  trustOf,
  usd,
  votesView,
  withoutCost,
} from '@waybill/protocol';
import type { FoldedRun } from './folded-run.ts';

export type RunRow = ReturnType<typeof runRow>;
export type JobRow = ReturnType<typeof jobRow>;
export type AttemptRow = ReturnType<typeof attemptRow>;
export type StepRow = ReturnType<typeof stepRow>;
export type ApprovalRow = ReturnType<typeof approvalRow>;
export type RunRows = Readonly<{
  runs: readonly RunRow[];
  jobs: readonly JobRow[];
  attempts: readonly AttemptRow[];
  steps: readonly StepRow[];
  approvals: readonly ApprovalRow[];
}>;

const noRows: RunRows = { runs: [], jobs: [], attempts: [], steps: [], approvals: [] };

/** The run's row, and all rows of the jobs that changed after `sinceSeq`. */
export function runRows({ run, jobSeqs }: FoldedRun, sinceSeq: number): RunRows {
  const made = run.created;
  if (made === null) return noRows;
  const changed = run.jobs.flatMap((job, index) => {
    const seq = jobSeqs[index] ?? run.seq;
    return seq > sinceSeq ? [{ job, index, seq }] : [];
  });
  return {
    runs: [runRow(run, made)],
    jobs: changed.map(({ job, index, seq }) => jobRow(made, job, index, seq)),
    attempts: changed.flatMap(({ job, seq }) =>
      job.attempts.map((each) => attemptRow(placeOf(made, job), each, seq)),
    ),
    steps: changed.flatMap(({ job, seq }) =>
      stepsByAttempt(job).flatMap(({ attempt, steps }) =>
        steps.map((each) => stepRow(placeOf(made, job), attempt, each, seq)),
      ),
    ),
    approvals: changed.flatMap(({ job, seq }) =>
      job.approvals.map((each) => approvalRow(placeOf(made, job), each, seq)),
    ),
  };
}

const runRow = (run: Run, made: RunCreated) => ({
  org: made.org,
  run_id: made.runId,
  state: run.state,
  trigger: made.trigger,
  trigger_id: made.trigger.triggerId,
  trigger_source: made.trigger.source,
  trigger_kind: made.trigger.kind,
  trigger_event: made.trigger.event,
  rule_name: made.rule?.name ?? null,
  rule_generation: made.rule?.generation ?? null,
  workflow: made.workflow,
  repo_url: made.repoUrl,
  repository: made.repository ?? null,
  trust: trustOf(made),
  chain_depth: chainDepthOf(made),
  upstream: upstreamOf(made),
  ref: made.ref,
  sha: made.sha,
  request_id: run.requestId,
  created_at: run.createdAt,
  started_at: startedAt(run),
  completed_at: run.completed?.completedAt ?? null,
  duration_ms: run.completed?.durationMs ?? null,
  ...spent(run),
  late_usage: Object.keys(run.lateUsage).length === 0 ? null : run.lateUsage,
  log_bytes: logBytesOf(run),
  cancel: cancelView(run.cancel),
  anomalies: run.anomalies,
  first_seq: run.firstSeq,
  seq: run.seq,
});

const upstreamOf = ({ trigger: { from } }: RunCreated) =>
  from === undefined ? null : { runId: from.runId, jobId: from.jobId };

/** What its end says, once it has ended. */
function spent(run: Run) {
  const { usage, costUsd } = run.completed ?? spendingOf(run);
  return { cost_usd: costUsd, usage };
}

type Place = Readonly<{ org: string; run_id: string; job_id: string }>;
const placeOf = (made: RunCreated, job: Job): Place => ({
  org: made.org,
  run_id: made.runId,
  job_id: job.spec.jobId,
});

/** The steps of attempts that others followed lie with them, those of the last one with the job. */
const stepsByAttempt = (
  job: Job,
): readonly Readonly<{ attempt: number; steps: readonly Step[] }>[] => {
  const current = currentAttempt(job);
  if (current === undefined) return [];
  return [...job.attempts, { attempt: current.attempt, steps: job.steps }];
};

const jobRow = (made: RunCreated, job: Job, index: number, seq: number) => ({
  ...placeOf(made, job),
  index,
  name: job.spec.name,
  state: job.state,
  agent_id: currentAttempt(job)?.agentId ?? null,
  runs_on: job.spec.runsOn,
  needs: job.spec.needs,
  timeout_ms: job.spec.timeoutMs ?? null,
  group: job.spec.group ?? null,
  matrix_values: job.spec.matrixValues ?? null,
  attempts: job.attempts.length,
  offers: { max: made.offersMax, ...job.spent, ...job.unspent },
  retries_used: retriesUsed(job),
  usage: withoutCost(job.usage),
  cost_usd: usd(job.usage.costNanoUsd ?? 0),
  log_bytes: job.logBytes,
  not_before: job.notBefore === 0 ? null : job.notBefore,
  cancel: cancelView(job.cancel),
  queued_at: job.queuedAt,
  started_at: job.startedAt,
  completed_at: job.completedAt,
  failure: job.failure,
  seq,
});

const attemptRow = (place: Place, each: Attempt, seq: number) => ({
  ...place,
  attempt: each.attempt,
  agent_id: each.agentId,
  session: each.session,
  fence: each.fence,
  reason: each.reason,
  offered_at: each.offeredAt,
  until: each.until,
  resolution: each.resolution,
  cause: each.cause,
  resolved_at: each.resolvedAt,
  outcome: each.outcome,
  ended_at: each.endedAt,
  seq,
});

const approvalRow = (place: Place, each: Approval, seq: number) => ({
  ...place,
  id: each.id,
  attempt: each.attempt === 0 ? null : each.attempt,
  step_index: each.stepIndex,
  step_name: each.stepName,
  reason: each.reason,
  clauses: each.clauses,
  votes: votesView(each),
  state: approvalState(each),
  requested_at: each.requestedAt,
  expires_at: each.expiresAt,
  resolved_at: each.resolvedAt,
  outcome: each.outcome,
  seq,
});

/** An index entry of Postgres has a limit that a foreign word could pass. */
const typeLengthMax = 64;

const stepRow = (place: Place, attempt: number, each: Step, seq: number) => ({
  ...place,
  attempt,
  type: each.kind.slice(0, typeLengthMax),
  index: each.index,
  name: each.name,
  state: each.state,
  started_at: each.startedAt,
  completed_at: each.completedAt,
  exit_code: each.exitCode,
  seq,
});
