/** Jobs as they were asked for, and as `run.created` carries them: with ids, one for each combination of a matrix. */
import { jobId as jobIdOf } from './ids.ts';
import { type Variant, variantName, variantsOf } from './matrix.ts';
import { type JobApproval, type JobSpec, RetryCause, type RetryPolicy } from './run-created.ts';
import { type JobRequest, needOf } from './run-request.ts';
import { jobWorkOf } from './work-request.ts';

export type JobsContext = Readonly<{
  runId: string;
  workflow: string;
  checkout: boolean;
  input: unknown;
}>;

const policiesOf = (retries: NonNullable<JobRequest['retries']>): RetryPolicy[] =>
  (typeof retries === 'number' ? [{ max: retries }] : retries).map((each) => ({
    on: [...(each.on ?? RetryCause.options)],
    ...(each.exitCodes === undefined ? {} : { exitCodes: [...each.exitCodes] }),
    max: each.max,
    backoffMs: each.backoffMs ?? 1_000,
    backoffMaxMs: each.backoffMaxMs ?? 300_000,
  }));

/** The jobs of a run as `run.created` carries them, with ids, and the wire's `jobConfig` but for the trigger's event. */
export function jobSpecs(requests: readonly JobRequest[], context: JobsContext): JobSpec[] {
  return requests
    .flatMap((job) => variantsOf(job).map((variant) => [job, variant] as const))
    .map(([job, variant], index) => jobSpec(job, variant, index, context));
}

/** Those that are said. */
const timesOf = (job: JobRequest) => ({
  ...(job.timeoutMs === undefined ? {} : { timeoutMs: job.timeoutMs }),
  ...(job.queueTimeoutMs === undefined ? {} : { queueTimeoutMs: job.queueTimeoutMs }),
  ...(job.ackTimeoutMs === undefined ? {} : { ackTimeoutMs: job.ackTimeoutMs }),
  ...(job.heartbeatTimeoutMs === undefined ? {} : { heartbeatTimeoutMs: job.heartbeatTimeoutMs }),
  ...(job.maxLogSizeBytes === undefined ? {} : { maxLogSizeBytes: job.maxLogSizeBytes }),
});

const approvalOf = ({
  users,
  teams,
  reason,
  timeoutMs,
}: NonNullable<JobRequest['approval']>): JobApproval => ({
  ...(users === undefined ? {} : { users }),
  ...(teams === undefined ? {} : { teams }),
  ...(reason === undefined ? {} : { reason }),
  ...(timeoutMs === undefined ? {} : { timeoutMs }),
});

function jobSpec(job: JobRequest, variant: Variant, index: number, context: JobsContext): JobSpec {
  const needs = (job.needs ?? []).map(needOf);
  const isVariant = job.matrix !== undefined;
  const name = variantName(job, variant);
  const config = job.config ?? {
    name,
    workflowName: context.workflow,
    steps: (job.steps ?? []).map((step, at) => ({ ...step, name: step.name ?? `step ${at + 1}` })),
    env: job.env ?? {},
    timeout: job.timeoutMs ?? null,
    needs: needs.map((need) => need.job),
    matrixValues: variant,
    dispatchInputs: context.input ?? {},
    checkout: context.checkout,
    ...jobWorkOf(job),
  };
  return {
    jobId: jobIdOf(context.runId, index),
    name,
    runsOn: job.runsOn ?? [],
    needs,
    config: isVariant ? { ...config, matrixValues: variant } : config,
    withEvent: job.config === undefined,
    ...(job.agent === undefined ? {} : { agent: job.agent }),
    ...timesOf(job),
    ...(job.retries === undefined ? {} : { retries: policiesOf(job.retries) }),
    ...(job.approval === undefined ? {} : { approval: approvalOf(job.approval) }),
    ...(isVariant
      ? { group: job.name, matrixValues: variant, failFast: job.failFast ?? true }
      : {}),
  };
}
