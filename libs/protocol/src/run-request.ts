/**
 * A run as a person or a rule asks for it: jobs with steps, needs and labels, and what they run on. Parsed at the edge
 * (api, rule files); every mistake is found at once, cycles are named by their path.
 */
import { z } from 'zod';
import { variantName, variantsCount, variantsOf } from './matrix.ts';
import { checkNeeds } from './needs.ts';
import { orgSettingsLimits, PersonName } from './org-settings.ts';
import { type Need, RetryCause, Trust } from './run-created.ts';
import { credentialFields } from './run-credentials.ts';
import { Outcome } from './states.ts';
import { jobWork, maxLogSizeBytes, stepWork } from './work-request.ts';

export const requestLimits = {
  jobs: 256,
  steps: 256,
  labels: 64,
  nameLength: 128,
  labelLength: 256,
  timeoutMs: 7 * 24 * 3_600_000,
  ackTimeoutMinMs: orgSettingsLimits.dispatchAckTimeoutMinMs,
  ackTimeoutMaxMs: orgSettingsLimits.dispatchAckTimeoutMaxMs,
  /** Two heartbeats of agents that send one a minute. */
  heartbeatTimeoutMinMs: 120_000,
  secrets: 256,
  matrixValues: 256,
  retries: 100,
  approvers: 32,
  reasonLength: 500,
  backoffMs: 24 * 3_600_000,
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

const atLeastMs = (least: number, most: number) =>
  z.int().min(least, `must be ${least} ms or more`).max(most, `must be ${most} ms or less`);

export const StepRequest = z.strictObject({
  name: name.optional(),
  run: z.string().min(1),
  env: env.optional(),
  timeoutMs: timeoutMs.optional(),
  ...stepWork,
});

export const NeedRequest = z.union(
  [
    z.string().min(1),
    z.strictObject({ job: z.string().min(1), on: z.array(Outcome).min(1).optional() }),
  ],
  { error: 'a need is the name of a job, or { job, on: [outcomes] }' },
);

const backoffMs = z.int().nonnegative().max(requestLimits.backoffMs);
const retriesMax = z.int().positive().max(requestLimits.retries);

export const RetryRequest = z.strictObject({
  /** Every cause unless given. */
  on: z.array(RetryCause).min(1).optional(),
  exitCodes: z.array(z.int()).min(1).max(requestLimits.labels).optional(),
  max: retriesMax,
  /** 1 s unless given; doubles each time up to `backoffMaxMs`, 5 min unless given. */
  backoffMs: backoffMs.optional(),
  backoffMaxMs: backoffMs.optional(),
});

const approvers = z.array(PersonName).max(requestLimits.approvers);
/** Each of these people, and somebody of each of these teams; anybody where none is named. */
export const ApprovalRequest = z.strictObject({
  users: approvers.optional(),
  teams: approvers.optional(),
  reason: z.string().min(1).max(requestLimits.reasonLength).optional(),
  /** How long people have: as the org has set unless given, a day else. */
  timeoutMs: atLeastMs(
    orgSettingsLimits.approvalTimeoutMinMs,
    orgSettingsLimits.approvalTimeoutMaxMs,
  ).optional(),
});

const MatrixValue = z.union([z.string().max(requestLimits.labelLength), z.number(), z.boolean()]);

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
    /** The only agent that may have it. */
    agent: z.string().min(1).max(requestLimits.labelLength).optional(),
    queueTimeoutMs: timeoutMs.optional(),
    /** How long an agent has to answer an offer of it: as the org has set unless given. */
    ackTimeoutMs: atLeastMs(
      requestLimits.ackTimeoutMinMs,
      requestLimits.ackTimeoutMaxMs,
    ).optional(),
    /** How long it may be silent before its agent is given up: two minutes unless given. */
    heartbeatTimeoutMs: atLeastMs(
      requestLimits.heartbeatTimeoutMinMs,
      requestLimits.timeoutMs,
    ).optional(),
    retries: z.union([retriesMax, z.array(RetryRequest).max(requestLimits.labels)]).optional(),
    /** One job for each combination of values, named after them. */
    matrix: z
      .record(z.string().min(1).max(64), z.array(MatrixValue).min(1))
      .refine((matrix) => Object.keys(matrix).length > 0, 'a matrix has at least one name')
      .optional(),
    /** Who must approve before it is offered to anybody. */
    approval: ApprovalRequest.optional(),
    /** Whether the other jobs of the matrix are cancelled when one fails: yes unless given. */
    failFast: z.boolean().optional(),
    env: env.optional(),
    maxLogSizeBytes,
    ...jobWork,
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
  .superRefine((jobs, ctx) => {
    const count = jobs.reduce((sum, job) => sum + variantsCount(job), 0);
    const problems = count > requestLimits.jobs ? [TOO_MANY] : misnamed(jobs);
    for (const problem of problems) ctx.addIssue({ code: 'custom', ...problem });
  })
  .superRefine(
    (value: unknown, ctx) => {
      const jobs = Array.isArray(value) ? value.map(namedOf) : [];
      for (const { index, message } of checkNeeds(jobs))
        ctx.addIssue({ code: 'custom', message, path: [index] });
    },
    { when: always },
  );
export type JobRequests = z.infer<typeof JobRequests>;

type Problem = Readonly<{ message: string; path?: (string | number)[] }>;
const TOO_MANY: Problem = {
  message: `a run has at most ${requestLimits.jobs} jobs, every combination of a matrix counted`,
};

/** What a matrix makes is a job like every other: no two have one name, and none a longer one than may be written. */
function misnamed(jobs: readonly JobRequest[]): readonly Problem[] {
  const problems: Problem[] = [];
  const names = new Set(jobs.map((job) => job.name));
  for (const [index, job] of jobs.entries()) {
    if (job.matrix === undefined) continue;
    for (const variant of variantsOf(job)) {
      const each = variantName(job, variant);
      if (each.length > requestLimits.nameLength)
        problems.push({ path: [index, 'matrix'], message: `"${each}" is too long for a name` });
      if (names.has(each))
        problems.push({ path: [index, 'matrix'], message: `two jobs would be named "${each}"` });
      names.add(each);
    }
  }
  return problems;
}

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

/** What a rule and a run that is asked for directly may say of all their jobs. */
export const runLimits = {
  /** Offers that may come to nothing before a job fails: 5 unless given. */
  attemptsMax: z.int().positive().max(100).optional(),
  /** How long a job that is told to stop may take before it is forced: 30 s unless given. */
  cancelGraceMs: timeoutMs.optional(),
  /** Whether all other jobs are cancelled when one has failed, also those with `on: [failed]`: no unless given. */
  failFast: z.boolean().optional(),
} as const;

/** The body of `POST /v1/orgs/{org}/runs`. */
export const RunRequest = z.strictObject({
  jobs: JobRequests,
  workflow: name.optional(),
  repoUrl: z.string().max(2048).optional(),
  ref: z.string().max(1024).optional(),
  sha: z.string().max(64).optional(),
  input: z.unknown().optional(),
  /** `fork` for code of somebody who may not write to the repository. */
  trust: Trust.optional(),
  ...runLimits,
  secrets: z
    .record(z.string(), z.string())
    .refine(
      (secrets) => Object.keys(secrets).length <= requestLimits.secrets,
      `a run has at most ${requestLimits.secrets} secrets`,
    )
    .optional(),
  ...credentialFields,
});
export type RunRequest = z.infer<typeof RunRequest>;

export const needOf = (need: z.infer<typeof NeedRequest>): Need =>
  typeof need === 'string'
    ? { job: need, on: ['success'] }
    : { job: need.job, on: need.on ?? ['success'] };
