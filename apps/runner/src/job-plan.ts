/** What a job of this runner is, read from the free `jobConfig` of its dispatch. Values never appear in what is refused. */
import type { wire } from '@waybill/protocol';
import { type Condition, ConditionError, readCondition } from './condition.ts';
import { type HookName, JobConfig } from './job-config.ts';

type Variables = Readonly<Record<string, string>>;

export type EmitPlan = Readonly<{
  event: string;
  payload: Readonly<Record<string, unknown>>;
  target: wire.EventTarget | undefined;
}>;

export type ApprovalPlan = Readonly<{
  clauses: readonly wire.ApproverClause[];
  reason: string | undefined;
  timeoutSeconds: number | undefined;
}>;

export type StepPlan = Readonly<{
  index: number;
  name: string;
  run: string;
  env: Variables;
  timeoutMs: number | undefined;
  condition: Condition;
  continueOnError: boolean;
  /** The only ones that it gets; all where it does not say. */
  secrets: readonly string[] | undefined;
  emit: readonly EmitPlan[];
  approval: ApprovalPlan | undefined;
}>;

export type CachePlan = Readonly<{
  key: string;
  restoreKeys: readonly string[];
  paths: readonly string[];
}>;

export type JobPlan = Readonly<{
  name: string;
  workflowName: string;
  steps: readonly StepPlan[];
  env: Variables;
  timeoutMs: number | undefined;
  checkout: boolean;
  event: unknown;
  matrixValues: Readonly<Record<string, unknown>>;
  hooks: Readonly<Record<HookName, readonly string[]>>;
  caches: readonly CachePlan[];
  /** A command; `true` means the usual one, where there is a lock file. */
  install: string | boolean;
  contentHash: string | undefined;
  workflow: Readonly<{ repoUrl: string; ref: string; sha: string }> | undefined;
  concurrencyGroup: string | undefined;
}>;

export type PlanRefusal = Readonly<{ code: 'invalid_job_config'; message: string }>;

export function readPlan(
  config: Readonly<Record<string, unknown>>,
): Readonly<{ plan: JobPlan } | { refusal: PlanRefusal }> {
  const parsed = JobConfig.safeParse(config);
  if (!parsed.success) {
    const problems = parsed.error.issues
      .slice(0, 10)
      .map(({ path, message }) => `${['jobConfig', ...path].join('.')}: ${message}`);
    return { refusal: { code: 'invalid_job_config', message: problems.join('; ') } };
  }
  const problems: string[] = [];
  const steps = parsed.data.steps.map((step, index) =>
    stepPlan(step, index, (message) =>
      problems.push(`jobConfig.steps.${index}.if: the condition ${message}`),
    ),
  );
  if (problems.length > 0)
    return { refusal: { code: 'invalid_job_config', message: problems.join('; ') } };
  return { plan: jobPlan(parsed.data, steps) };
}

const jobPlan = (config: JobConfig, steps: readonly StepPlan[]): JobPlan => ({
  name: config.name ?? '',
  workflowName: config.workflowName ?? '',
  steps,
  env: config.env ?? {},
  timeoutMs: config.timeout ?? undefined,
  checkout: config.checkout ?? true,
  event: config.event,
  matrixValues: config.matrixValues ?? {},
  hooks: hooksOf(config.hooks),
  caches: (config.cache ?? []).map(({ key, restoreKeys, path }) => ({
    key,
    restoreKeys: restoreKeys ?? [],
    paths: path,
  })),
  install: config.install ?? false,
  contentHash: config.contentHash ?? undefined,
  workflow: workflowOf(config),
  concurrencyGroup: config.concurrencyGroup ?? undefined,
});

const workflowOf = ({
  workflowRepoUrl,
  workflowRef,
  workflowSha,
}: JobConfig): JobPlan['workflow'] =>
  workflowRepoUrl === undefined || workflowRepoUrl === null || workflowRepoUrl === ''
    ? undefined
    : { repoUrl: workflowRepoUrl, ref: workflowRef ?? '', sha: workflowSha ?? '' };

function stepPlan(
  step: JobConfig['steps'][number],
  index: number,
  refuse: (message: string) => void,
): StepPlan {
  const { requireApproval: approval } = step;
  return {
    index,
    name: step.name ?? `step ${index + 1}`,
    run: step.run,
    env: step.env ?? {},
    timeoutMs: step.timeoutMs ?? undefined,
    condition: conditionOf(step.if ?? undefined, refuse),
    continueOnError: step.continueOnError ?? false,
    secrets: step.secrets ?? undefined,
    emit: (step.emit ?? []).map(({ event, payload, target }) => ({
      event,
      payload: payload ?? {},
      target: target ?? undefined,
    })),
    approval: approval
      ? {
          clauses: [
            ...(approval.users ?? []).map((user) => ({ user })),
            ...(approval.teams ?? []).map((team) => ({ team })),
          ],
          reason: approval.reason ?? undefined,
          timeoutSeconds: approval.timeoutSeconds ?? undefined,
        }
      : undefined,
  };
}

const never: Condition = { holds: () => false };

function conditionOf(text: string | undefined, refuse: (message: string) => void): Condition {
  try {
    return readCondition(text);
  } catch (error) {
    if (!(error instanceof ConditionError)) throw error;
    refuse(error.message);
    return never;
  }
}

const hooksOf = (hooks: JobConfig['hooks']): JobPlan['hooks'] => ({
  beforeStep: hooks?.beforeStep ?? [],
  afterStep: hooks?.afterStep ?? [],
  onSuccess: hooks?.onSuccess ?? [],
  onFailure: hooks?.onFailure ?? [],
  onCancel: hooks?.onCancel ?? [],
  cleanup: hooks?.cleanup ?? [],
});
