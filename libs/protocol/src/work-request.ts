/**
 * What a rule or a person may say of how the reference runner does the work: conditions, hooks, caches, events, approvals in
 * the middle of a job. The server copies it into `jobConfig` as it stands; other agents may read it or not.
 */
import { z } from 'zod';
import { PersonName } from './org-settings.ts';

const script = z.string().min(1).max(65_536);
const scripts = z.union([script, z.array(script).min(1).max(32)]);
const approvers = z.array(PersonName).max(32);
const secretName = z.string().regex(/^[A-Za-z_][A-Za-z0-9_]{0,127}$/, 'must be a variable name');

const CacheRequest = z.strictObject({
  /** May hold `${{ hashFiles('…') }}`, `${{ matrix.x }}`, `${{ env.X }}`, `${{ runner.os }}`, `${{ runner.arch }}`. */
  key: z.string().min(1).max(512),
  /** Prefixes, tried in order where there is nothing under the key. */
  restoreKeys: z.array(z.string().min(1).max(512)).max(32).optional(),
  /** In the workspace, or in the job's home with `~/`. */
  path: z.union([z.string().min(1).max(512), z.array(z.string().min(1).max(512)).min(1).max(32)]),
});

const EmitRequest = z.strictObject({
  event: z.string().min(1).max(256),
  payload: z.record(z.string(), z.unknown()).optional(),
  target: z.strictObject({ repos: z.array(z.string().min(1)).max(64).optional() }).optional(),
});

const StepApproval = z.strictObject({
  users: approvers.optional(),
  teams: approvers.optional(),
  reason: z.string().min(1).max(500).optional(),
  timeoutSeconds: z.int().positive().max(7_776_000).optional(),
});

/** Of a step, beside what it runs. */
export const stepWork = {
  /** `always()`, `success()`, `failure()`, `cancelled()`, `env.X == 'v'`, with `!`, `&&`, `||` and parentheses. */
  if: z.string().min(1).max(1_024).optional(),
  continueOnError: z.boolean().optional(),
  /** The only secrets that it gets; all of them unless given. */
  secrets: z.array(secretName).max(256).optional(),
  /** Events, emitted once it has succeeded. */
  emit: z.array(EmitRequest).max(32).optional(),
  requireApproval: StepApproval.optional(),
} as const;

const hook = scripts.optional();

/** Of a job, beside its steps. */
export const jobWork = {
  hooks: z
    .strictObject({
      beforeStep: hook,
      afterStep: hook,
      onSuccess: hook,
      onFailure: hook,
      onCancel: hook,
      cleanup: hook,
    })
    .optional(),
  cache: z.array(CacheRequest).max(32).optional(),
  /** A command that installs dependencies before the steps; `true`: `npm ci` where there is a lock file. */
  install: z.union([z.boolean(), script]).optional(),
} as const;

/** Log of one step, at most. */
export const maxLogSizeBytes = z.int().positive().max(1_073_741_824).optional();

type JobWork = { readonly [Key in keyof typeof jobWork]?: z.infer<(typeof jobWork)[Key]> };

/** What of it is said, for `jobConfig`. */
export const jobWorkOf = ({
  hooks,
  cache,
  install,
}: JobWork): Readonly<Record<string, unknown>> => ({
  ...(hooks === undefined ? {} : { hooks }),
  ...(cache === undefined ? {} : { cache }),
  ...(install === undefined ? {} : { install }),
});
