/** What this runner reads of the free `jobConfig` of a dispatch. Other fields are others' and are left alone. */
import { z } from 'zod';

const Variables = z
  .record(z.string(), z.union([z.string(), z.number(), z.boolean()]))
  .transform((variables) =>
    Object.fromEntries(Object.entries(variables).map(([name, value]) => [name, String(value)])),
  );
const durationMs = z.number().positive().nullish();
const text = z.string().min(1);
/** One or several, as a list. */
const texts = z
  .union([text, z.array(text)])
  .transform((value): readonly string[] => (typeof value === 'string' ? [value] : value));

const Emit = z.object({
  event: text,
  payload: z.record(z.string(), z.unknown()).nullish(),
  target: z.object({ repos: z.array(z.string()).optional() }).nullish(),
});

const Approval = z.object({
  users: z.array(text).nullish(),
  teams: z.array(text).nullish(),
  reason: z.string().nullish(),
  timeoutSeconds: z.number().positive().nullish(),
});

const PlannedStep = z.object({
  name: text.nullish(),
  run: text,
  env: Variables.nullish(),
  timeoutMs: durationMs,
  if: z.union([text, z.boolean().transform(String)]).nullish(),
  continueOnError: z.boolean().nullish(),
  secrets: z.array(text).nullish(),
  emit: z.array(Emit).nullish(),
  requireApproval: Approval.nullish(),
});

const hookNames = [
  'beforeStep',
  'afterStep',
  'onSuccess',
  'onFailure',
  'onCancel',
  'cleanup',
] as const;
export type HookName = (typeof hookNames)[number];
const hook = texts.nullish();

const Hooks = z.object({
  beforeStep: hook,
  afterStep: hook,
  onSuccess: hook,
  onFailure: hook,
  onCancel: hook,
  cleanup: hook,
} satisfies Record<HookName, typeof hook>);

export const JobConfig = z.object({
  name: z.string().nullish(),
  workflowName: z.string().nullish(),
  steps: z.array(PlannedStep).min(1),
  env: Variables.nullish(),
  timeout: durationMs,
  checkout: z.boolean().nullish(),
  event: z.unknown().optional(),
  matrixValues: z.record(z.string(), z.unknown()).nullish(),
  hooks: Hooks.nullish(),
  cache: z
    .array(z.object({ key: text, restoreKeys: z.array(text).nullish(), path: texts }))
    .nullish(),
  install: z.union([z.boolean(), text]).nullish(),
  contentHash: z.string().nullish(),
  workflowRepoUrl: z.string().nullish(),
  workflowRef: z.string().nullish(),
  workflowSha: z.string().nullish(),
  concurrencyGroup: text.nullish(),
});
export type JobConfig = z.infer<typeof JobConfig>;
