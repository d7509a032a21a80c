/**
 * Hooks of a job: commands around its steps and at its end. Each is reported like a step, under an index beyond all steps and
 * with its own type, so that no server takes it for one.
 */
import path from 'node:path';
import { runCommand } from './command.ts';
import type { Standing } from './condition.ts';
import type { HookName } from './job-config.ts';
import type { JobPlan } from './job-plan.ts';
import { secretSet } from './secret-set.ts';
import { outputTo, type StepContext, verdictOf } from './step-run.ts';

export type HookRun = Readonly<{
  name: HookName;
  context: StepContext;
  standing: Standing;
  /** Of the step that it is for. */
  step?: Readonly<{ name: string; outcome?: string }>;
}>;

export type Hooks = Readonly<{
  /** Undefined where all of it went well, or there is none; else what did not. */
  run(o: HookRun): Promise<string | undefined>;
}>;

/** No job has so many steps. */
const firstIndex = 1_000_000;

export function createHooks(plan: JobPlan): Hooks {
  let nextIndex = firstIndex;

  const one = async (script: string, o: HookRun): Promise<string | undefined> => {
    const { job, workspace, mask } = o.context;
    const index = nextIndex++;
    const name = o.step === undefined ? o.name : `${o.name}: ${o.step.name}`;
    const type = `hook:${o.name}` as const;
    job.step(index, name, 'running', undefined, { type });
    const end = await runCommand(
      {
        argv: ['sh', '-e', '-c', script],
        cwd: workspace.work,
        env: o.context.environment(
          { index, name, env: {} },
          secretSet(job.dispatch).variables,
          variablesOf(o, path.join(workspace.files, `output-${index}`)),
        ),
      },
      { ...o.context, ...outputTo(job, index) },
    );
    const { signal } = o.context;
    const { status, message } = verdictOf(end, signal.aborted ? signal.reason : undefined);
    const error = message === undefined ? {} : { error: { message: mask.hide(message) } };
    const { exitCode, durationMs } = end;
    job.step(index, name, status, { exitCode, signal: end.signal, durationMs, ...error }, { type });
    return message === undefined ? undefined : mask.hide(`hook "${name}": ${message}`);
  };

  return {
    run: async (o) => {
      for (const script of plan.hooks[o.name]) {
        const problem = await one(script, o);
        if (problem !== undefined) return problem;
      }
      return undefined;
    },
  };
}

const variablesOf = ({ name, standing, step }: HookRun, outputFile: string) => ({
  WAYBILL_HOOK: name,
  WAYBILL_JOB_STATUS: standing,
  // Hooks hand on nothing; what they write there is lost.
  WAYBILL_OUTPUT: outputFile,
  ...(step === undefined ? {} : { WAYBILL_HOOK_STEP: step.name }),
  ...(step?.outcome === undefined ? {} : { WAYBILL_HOOK_STEP_STATUS: step.outcome }),
});
