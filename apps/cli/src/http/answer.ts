/** What the api answers, as far as commands show it. Fields may be added there; `--json` prints all that came. */
import { z } from 'zod';
import { CliError, exits } from '../cli-error.ts';

const when = z.string().nullable();

export const pageOf = <S extends z.ZodType>(item: S) =>
  z.looseObject({ items: z.array(item), next: z.string().nullable() });

const RecordRef = z.looseObject({ sha256: z.string(), firstSeq: z.number(), lastSeq: z.number() });

export const RunSummary = z.looseObject({
  runId: z.string(),
  state: z.string(),
  trigger: z.looseObject({ source: z.string(), event: z.string() }).nullable(),
  rule: z.looseObject({ name: z.string(), generation: z.number() }).nullable(),
  workflow: z.string().nullable(),
  ref: z.string().nullable(),
  sha: z.string().nullable(),
  createdAt: when,
  completedAt: when,
  durationMs: z.number().nullable(),
  record: RecordRef.nullable(),
});
export type RunSummary = z.infer<typeof RunSummary>;

const JobApproval = z.looseObject({
  id: z.string(),
  stepIndex: z.number().nullable(),
  stepName: z.string().nullable(),
  reason: z.string(),
  clauses: z.array(z.looseObject({ user: z.string().optional(), team: z.string().optional() })),
  votes: z.array(
    z.looseObject({
      by: z.string(),
      decision: z.string(),
      reason: z.string().nullable().optional(),
    }),
  ),
  state: z.string(),
  expiresAt: z.string(),
  resolvedAt: when,
});

export const Approval = JobApproval.extend({
  runId: z.string(),
  jobId: z.string(),
  jobName: z.string().nullable().optional(),
  workflow: z.string().nullable().optional(),
});
export type Approval = z.infer<typeof Approval>;

export const Job = z.looseObject({
  jobId: z.string(),
  name: z.string(),
  state: z.string(),
  agentId: z.string().nullable(),
  startedAt: when,
  completedAt: when,
  failure: z.string().nullable().optional(),
  blockedBy: z.array(
    z.looseObject({ kind: z.string(), detail: z.string(), until: when.optional() }),
  ),
  offers: z.looseObject({
    max: z.number().nullable(),
    expired: z.number(),
    rejected: z.number(),
    withdrawn: z.number(),
    busy: z.number(),
    lapsed: z.number(),
  }),
  retries: z.looseObject({ max: z.number(), used: z.number() }),
  approvals: z.array(JobApproval).optional(),
  attempts: z.array(
    z.looseObject({
      attempt: z.number(),
      agentId: z.string(),
      resolution: z.string().nullable(),
      cause: z.string().nullable().optional(),
      recoverUntil: z.string().optional(),
      offeredAt: when,
    }),
  ),
  steps: z.array(
    z.looseObject({
      index: z.number(),
      name: z.string(),
      type: z.string().optional(),
      state: z.string(),
      startedAt: when,
      completedAt: when,
      exitCode: z.number().nullable().optional(),
    }),
  ),
});
export type Job = z.infer<typeof Job>;

export const Run = RunSummary.extend({
  org: z.string(),
  startedAt: when,
  repoUrl: z.string().nullable(),
  trust: z.string().nullable(),
  chainDepth: z.number(),
  upstream: z.looseObject({ runId: z.string(), jobId: z.string() }).nullable(),
  costUsd: z.number().optional(),
  usage: z.record(z.string(), z.number()).optional(),
  artifacts: z.array(z.looseObject({ name: z.string(), sizeBytes: z.number() })).optional(),
  jobs: z.array(Job),
  anomalies: z.number(),
  seq: z.number(),
});
export type Run = z.infer<typeof Run>;

export const RunEvent = z.looseObject({
  seq: z.number(),
  at: z.string(),
  type: z.string(),
  data: z.unknown(),
  jobId: z.string().optional(),
  attempt: z.number().optional(),
  agentId: z.string().optional(),
});
export type RunEvent = z.infer<typeof RunEvent>;

export const LogChunk = z.looseObject({
  seq: z.number(),
  at: z.string(),
  jobId: z.string(),
  attempt: z.number(),
  stepIndex: z.number(),
  lines: z.array(z.string()),
});
export type LogChunk = z.infer<typeof LogChunk>;

const said = z.string().optional();

export const Agent = z.looseObject({
  agentId: z.string(),
  state: z.string(),
  labels: z.unknown(),
  maxConcurrency: z.number(),
  activeJobs: z.number(),
  scalerManaged: z.boolean(),
  draining: z.looseObject({ since: z.string(), by: z.string() }).nullable(),
  violations: z.looseObject({ count: z.number() }),
  connectedAt: when,
  disconnectedAt: when,
  lastStatusAt: when,
  /** What it said of its host when it registered. */
  host: z.looseObject({
    platform: said,
    arch: said,
    version: said,
    hostname: said,
    osRelease: said,
    osVersion: said,
    totalMemoryMb: z.number().optional(),
    cpuCount: z.number().optional(),
    nodeVersion: said,
    runningAsUser: said,
  }),
  lastStatus: z
    .looseObject({
      activeJobs: z.number(),
      memoryUsedMb: z.number().optional(),
      uptimeSeconds: z.number().optional(),
    })
    .nullable(),
});
export type Agent = z.infer<typeof Agent>;

export const Artifact = z.looseObject({
  name: z.string(),
  uri: z.string(),
  jobId: z.string(),
  sha256: z.string(),
  sizeBytes: z.number(),
  mediaType: z.string().nullable(),
  createdAt: when,
});

export const Attestation = z.looseObject({
  subjectName: z.string(),
  subjectDigest: z.string(),
  mediaType: z.string(),
  runId: z.string(),
  trust: z.string(),
  jobId: z.string(),
  sha256: z.string(),
  createdAt: when,
});

export const RuleRow = z.looseObject({
  name: z.string(),
  generation: z.number(),
  source: z.string(),
  event: z.string().nullable(),
  workflow: z.string().nullable(),
  appliedAt: when,
});

export const Triggered = z.looseObject({
  triggerId: z.string(),
  duplicate: z.boolean(),
  decision: z.string().nullable(),
  runs: z.array(z.looseObject({ rule: z.string().nullable(), runId: z.string() })),
});

/** The answer as the schema says; an api that answers otherwise is another version. */
export function answerAs<S extends z.ZodType>(schema: S, answer: unknown): z.infer<S> {
  const result = schema.safeParse(answer);
  if (result.success) return result.data;
  throw new CliError(
    exits.failure,
    'the answer is not what this command expects: is it Waybill, and of the same version?',
    {
      cause: result.error,
    },
  );
}
