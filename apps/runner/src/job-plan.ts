/** What a job of this runner is, read from the free `jobConfig` of its dispatch. Values never appear in what is refused. */
import { z } from 'zod';

const Variables = z
  .record(z.string(), z.union([z.string(), z.number(), z.boolean()]))
  .transform((variables) =>
    Object.fromEntries(Object.entries(variables).map(([name, value]) => [name, String(value)])),
  );
const durationMs = z.number().positive().nullish();

const PlannedStep = z.object({
  name: z.string().min(1).nullish(),
  run: z.string().min(1),
  env: Variables.nullish(),
  timeoutMs: durationMs,
});

const JobConfig = z.object({
  name: z.string().nullish(),
  workflowName: z.string().nullish(),
  steps: z.array(PlannedStep).min(1),
  env: Variables.nullish(),
  timeout: durationMs,
  checkout: z.boolean().nullish(),
  event: z.unknown().optional(),
  matrixValues: z.record(z.string(), z.unknown()).nullish(),
});

type Variables = Readonly<Record<string, string>>;

export type StepPlan = Readonly<{
  index: number;
  name: string;
  run: string;
  env: Variables;
  timeoutMs: number | undefined;
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
  const { name, workflowName, steps, env, timeout, checkout, event, matrixValues } = parsed.data;
  return {
    plan: {
      name: name ?? '',
      workflowName: workflowName ?? '',
      steps: steps.map((step, index) => ({
        index,
        name: step.name ?? `step ${index + 1}`,
        run: step.run,
        env: step.env ?? {},
        timeoutMs: step.timeoutMs ?? undefined,
      })),
      env: env ?? {},
      timeoutMs: timeout ?? undefined,
      checkout: checkout ?? true,
      event,
      matrixValues: matrixValues ?? {},
    },
  };
}
