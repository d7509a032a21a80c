/**
 * A run as a person or a rule asks for it: jobs with steps, needs and labels, and what they run on. Parsed at the edge
 * (api, rule files); every mistake is found at once, cycles are named by their path.
 */
import { z } from 'zod';
import { jobId as jobIdOf } from './ids.ts';
import { checkNeeds } from './needs.ts';
import type { JobSpec, Need } from './run-created.ts';
import { Outcome } from './states.ts';

export const requestLimits = {
  jobs: 256,
  steps: 256,
  labels: 64,
  nameLength: 128,
  labelLength: 256,
  timeoutMs: 7 * 24 * 3_600_000,
  secrets: 256,
} as const;

/** A check between fields runs whatever else is wrong, so that every mistake is told at once; it sees unchecked values. */
const always = (): boolean => true;
const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null;

const name = z.string().min(1).max(requestLimits.nameLength);
const env = z.record(z.string().regex(/^[A-Za-z_][A-Za-z0-9_]*$/), z.string(), {
  error: ({ code }) =>
    code === 'invalid_key' ? 'must be a variable name: letters, digits and "_"' : undefined,
});
const timeoutMs = z.int().positive().max(requestLimits.timeoutMs);

export const StepRequest = z.strictObject({
  name: name.optional(),
  run: z.string().min(1),
  env: env.optional(),
  timeoutMs: timeoutMs.optional(),
});

export const NeedRequest = z.union(
  [
    z.string().min(1),
    z.strictObject({ job: z.string().min(1), on: z.array(Outcome).min(1).optional() }),
  ],
  { error: 'a need is the name of a job, or { job, on: [outcomes] }' },
);

export const JobRequest = z
  .strictObject({
    name,
    runsOn: z
      .array(z.string().min(1).max(requestLimits.labelLength))
      .max(requestLimits.labels)
      .optional(),
    needs: z.array(NeedRequest).max(requestLimits.jobs).optional(),
    steps: z.array(StepRequest).min(1).max(requestLimits.steps).optional(),
    timeoutMs: timeoutMs.optional(),
    env: env.optional(),
    config: z.record(z.string(), z.unknown()).optional(),
  })
  .refine(
    (job: unknown) => !isRecord(job) || job['steps'] !== undefined || job['config'] !== undefined,
    {
      when: always,
      path: ['steps'],
      error: 'a job has steps, or a config that is passed to its agent as it stands',
    },
  );
export type JobRequest = z.infer<typeof JobRequest>;

export const JobRequests = z
  .array(JobRequest)
  .min(1, 'a run has at least one job')
  .max(requestLimits.jobs)
  .superRefine(
    (value: unknown, ctx) => {
      const jobs = Array.isArray(value) ? value.map(namedOf) : [];
      for (const { index, message } of checkNeeds(jobs))
        ctx.addIssue({ code: 'custom', message, path: [index] });
    },
    { when: always },
  );
export type JobRequests = z.infer<typeof JobRequests>;

/** What a job that may have mistakes of its own says of names and needs; a job without a name differs from every other. */
function namedOf(
  job: unknown,
  index: number,
): Readonly<{ name: string; needs: readonly Readonly<{ job: string }>[] }> {
  const { name: said, needs } = isRecord(job) ? job : {};
  const named: readonly unknown[] = Array.isArray(needs) ? needs : [];
  const jobs = named.map((need) => (isRecord(need) ? need['job'] : need));
  return {
    name: typeof said === 'string' && said !== '' ? said : `(job ${index + 1})`,
    needs: jobs
      .filter((each) => typeof each === 'string' && each !== '')
      .map((each) => ({ job: String(each) })),
  };
}

/** The body of `POST /v1/orgs/{org}/runs`. */
export const RunRequest = z.strictObject({
  jobs: JobRequests,
  workflow: name.optional(),
  repoUrl: z.string().max(2048).optional(),
  ref: z.string().max(1024).optional(),
  sha: z.string().max(64).optional(),
  input: z.unknown().optional(),
  secrets: z
    .record(z.string(), z.string())
    .refine(
      (secrets) => Object.keys(secrets).length <= requestLimits.secrets,
      `a run has at most ${requestLimits.secrets} secrets`,
    )
    .optional(),
});
export type RunRequest = z.infer<typeof RunRequest>;

export const needOf = (need: z.infer<typeof NeedRequest>): Need =>
  typeof need === 'string'
    ? { job: need, on: ['success'] }
    : { job: need.job, on: need.on ?? ['success'] };

export type JobsContext = Readonly<{
  runId: string;
  workflow: string;
  checkout: boolean;
  input: unknown;
}>;

/** The jobs of a run as `run.created` carries them, with ids, and the wire's `jobConfig` but for the trigger's event. */
export function jobSpecs(requests: readonly JobRequest[], context: JobsContext): JobSpec[] {
  return requests.map((job, index) => {
    const needs = (job.needs ?? []).map(needOf);
    const config = job.config ?? {
      name: job.name,
      workflowName: context.workflow,
      steps: (job.steps ?? []).map((step, at) => ({
        ...step,
        name: step.name ?? `step ${at + 1}`,
      })),
      env: job.env ?? {},
      timeout: job.timeoutMs ?? null,
      needs: needs.map((need) => need.job),
      matrixValues: {},
      dispatchInputs: context.input ?? {},
      checkout: context.checkout,
    };
    return {
      jobId: jobIdOf(context.runId, index),
      name: job.name,
      runsOn: job.runsOn ?? [],
      needs,
      config,
      withEvent: job.config === undefined,
      ...(job.timeoutMs === undefined ? {} : { timeoutMs: job.timeoutMs }),
    };
  });
}
