/**
 * The steps of a job in their order, each with its condition, its approval and the hooks around it; then the hooks at the end.
 * A job that is cancelled, or has had its time, still gets a moment for what is meant for that; one that another agent may run
 * by now gets none.
 */
import { JobAborted } from '@waybill/agent';
import type { Standing } from './condition.ts';
import { createHooks } from './hook.ts';
import type { HookName } from './job-config.ts';
import type { JobPlan, StepPlan } from './job-plan.ts';
import { askApproval } from './step-gate.ts';
import type { StepOutputs } from './step-outputs.ts';
import { runStep, type StepContext, type StepResult } from './step-run.ts';
import { type TimeLimit, timeLimit } from './time-limit.ts';

export type Failure = Readonly<{ reason: string; message: string }>;
export type StepsEnd = Readonly<{
  results: readonly StepResult[];
  outputs: Readonly<Record<string, StepOutputs>>;
  secretOutputs: Readonly<Record<string, string>>;
  failure?: Failure | undefined;
}>;

export type SequenceOptions = Readonly<{
  plan: JobPlan;
  context: StepContext;
  /** Of the job: stands still while people are asked. */
  limit: TimeLimit;
  /** How long what comes after the end may take, together. */
  afterMs: number;
  /** After the last step, where the job stands well: caches are saved here. */
  onWell: () => Promise<void>;
  /** The installation went wrong: conditions and hooks still count. */
  failed?: Failure | undefined;
}>;

export async function runSequence(o: SequenceOptions): Promise<StepsEnd> {
  const { plan, context } = o;
  const { job } = context;
  const hooks = createHooks(plan);
  const results: StepResult[] = [];
  const outputs: Record<string, StepOutputs> = {};
  const secretOutputs: Record<string, string> = {};
  let failure = o.failed;
  let after: TimeLimit | undefined;

  const standing = (): Standing | undefined => standingOf(context, failure);
  /** Once the job has to end, its own signal would end everything at once. */
  const current = (): StepContext => {
    if (!context.signal.aborted) return context;
    after ??= timeLimit({
      clock: context.clock,
      parent: context.forced,
      what: 'hook',
      limitMs: o.afterMs,
    });
    return { ...context, signal: after.signal };
  };
  const isOver = (): boolean => standing() === undefined || after?.signal.aborted === true;
  const hook = async (
    name: HookName,
    step?: Readonly<{ name: string; outcome?: string }>,
  ): Promise<string | undefined> => {
    const now = standing();
    if (now === undefined || isOver()) return undefined;
    return hooks.run({ name, context: current(), standing: now, ...(step ? { step } : {}) });
  };
  const skip = (step: StepPlan, status: 'skipped' | 'failed', message?: string): void => {
    const error = message === undefined ? {} : { error: { message: context.mask.hide(message) } };
    job.step(step.index, step.name, status, ...(message === undefined ? [] : [error]));
    results.push({ name: step.name, status, durationMs: 0, ...error });
  };
  const fail = (step: StepPlan, reason: string, why: string): void => {
    if (step.continueOnError) return;
    failure ??= { reason, message: context.mask.hide(`step "${step.name}": ${why}`) };
  };
  const bar = (step: StepPlan, reason: string, why: string): void => {
    skip(step, 'failed', why);
    fail(step, reason, why);
  };

  const one = async (step: StepPlan): Promise<void> => {
    const now = standing();
    const env = { ...plan.env, ...step.env };
    const wanted =
      now !== undefined &&
      !isOver() &&
      step.condition.holds({ standing: now, env, matrix: plan.matrixValues });
    if (!wanted) return skip(step, 'skipped');
    o.limit.pause();
    const barred = await askApproval(step, job).catch(() => 'ended' as const);
    o.limit.resume();
    if (barred === 'ended') return skip(step, 'skipped');
    if (barred) return bar(step, barred.reason, barred.message);
    const before = await hook('beforeStep', { name: step.name });
    if (before !== undefined) return bar(step, 'hook_failed', before);
    const end = await runStep(step, current());
    results.push(end.result);
    if (Object.keys(end.outputs).length > 0)
      outputs[step.name] = { ...outputs[step.name], ...end.outputs };
    Object.assign(secretOutputs, end.secretOutputs);
    if (end.result.status !== 'success') {
      const why = end.result.error?.message ?? end.result.status;
      fail(step, end.timedOut ? 'step_timeout' : 'step_failed', why);
    }
    const problem = await hook('afterStep', { name: step.name, outcome: end.result.status });
    if (problem !== undefined) fail(step, 'hook_failed', problem);
  };

  try {
    for (const step of plan.steps) await one(step);
    if (standing() === 'success') await o.onWell();
    if (standing() === 'success') {
      const message = await hook('onSuccess');
      if (message !== undefined) failure ??= { reason: 'hook_failed', message };
    }
    if (standing() === 'failure') await hook('onFailure');
    if (standing() === 'cancelled') await hook('onCancel');
    await hook('cleanup');
  } finally {
    after?.cancel();
  }
  return { results, outputs, secretOutputs, failure };
}

/** Undefined where nothing of the job may run any more. */
function standingOf(
  { signal, forced }: StepContext,
  failure: Failure | undefined,
): Standing | undefined {
  if (forced.aborted) return undefined;
  if (!signal.aborted) return failure ? 'failure' : 'success';
  const reason: unknown = signal.reason;
  if (!(reason instanceof JobAborted)) return 'failure';
  return reason.code === 'cancelled' ? 'cancelled' : undefined;
}
