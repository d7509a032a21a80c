/** One step of a job: its states, its command, what it said on the way and what came of it. */
import { rm } from 'node:fs/promises';
import path from 'node:path';
import { JobAborted, type JobHandle } from '@waybill/agent';
import { safeError } from '@waybill/process';
import { type CommandContext, type CommandEnd, runCommand } from './command.ts';
import type { StepPlan } from './job-plan.ts';
import type { GrowingMask } from './secret-mask.ts';
import { secretSet, writeContexts } from './secret-set.ts';
import { openChannel } from './step-channel.ts';
import type { Variables, Worker } from './step-environment.ts';
import { readOutputs, type StepOutputs } from './step-outputs.ts';
import { TimedOut, timeLimit } from './time-limit.ts';
import type { Workspace } from './work-folder.ts';

export type StepResult = Readonly<{
  name: string;
  status: 'success' | 'failed' | 'cancelled' | 'skipped';
  durationMs: number;
  exitCode?: number | null;
  error?: Readonly<{ message: string }>;
}>;

export type StepEnd = Readonly<{
  result: StepResult;
  outputs: StepOutputs;
  secretOutputs: Readonly<Record<string, string>>;
  timedOut: boolean;
}>;

export type StepContext = Omit<CommandContext, 'onLines' | 'pause' | 'mask'> &
  Readonly<{
    mask: GrowingMask;
    job: JobHandle;
    workspace: Workspace;
    environment: (worker: Worker, secrets: Variables, own: Variables) => Variables;
  }>;

export async function runStep(step: StepPlan, o: StepContext): Promise<StepEnd> {
  const { job, workspace, mask } = o;
  const secrets = secretSet(job.dispatch, step.secrets);
  const { accessed } = secrets;
  const more = accessed === undefined ? {} : { secretsAccessed: accessed };
  const outputFile = path.join(workspace.files, `output-${step.index}`);
  const secretsFile = path.join(workspace.files, `secrets-${step.index}.json`);
  const channel = openChannel({ ...o, stepIndex: step.index });
  const own = {
    ...channel.variables,
    WAYBILL_OUTPUT: outputFile,
    WAYBILL_SECRETS_PATH: secretsFile,
  };
  await writeContexts(secretsFile, secrets);
  const limit = timeLimit({
    clock: o.clock,
    parent: o.signal,
    what: 'step',
    limitMs: step.timeoutMs,
  });
  job.step(step.index, step.name, 'running');
  const end = await runCommand(
    {
      argv: ['sh', '-e', '-c', step.run],
      cwd: workspace.work,
      env: o.environment(step, secrets.variables, own),
    },
    { ...o, ...outputTo(job, step.index), signal: limit.signal },
  );
  limit.cancel();
  await rm(secretsFile, { force: true });
  const why: unknown = limit.signal.aborted ? limit.signal.reason : undefined;
  const told = await channel.end();
  const first = verdictOf(end, why);
  const failures =
    first.status === 'success' ? [...told.failures, ...(await emitAll(step, o))] : [];
  const { status, message }: Verdict =
    failures.length > 0 ? { status: 'failed', message: failures.join('; ') } : first;
  const error = message === undefined ? {} : { error: { message: mask.hide(message) } };
  const { exitCode, signal, durationMs } = end;
  job.step(step.index, step.name, status, { exitCode, signal, durationMs, ...error }, more);
  return {
    result: { name: step.name, status, durationMs, exitCode, ...error },
    outputs: status === 'success' ? readOutputs(outputFile, mask) : {},
    secretOutputs: status === 'success' ? told.secretOutputs : {},
    timedOut: why instanceof TimedOut,
  };
}

/** The events that the step declares; why they were not taken. */
async function emitAll(step: StepPlan, { job }: StepContext): Promise<readonly string[]> {
  const failures: string[] = [];
  for (const { event, payload, target } of step.emit) {
    try {
      await job.emit(event, payload, target);
    } catch (error) {
      failures.push(`event "${event}" was not taken: ${safeError(error).message}`);
    }
  }
  return failures;
}

export function outputTo(
  job: JobHandle,
  stepIndex: number,
): Pick<CommandContext, 'onLines' | 'pause'> {
  return {
    onLines: (lines) => job.log(stepIndex, lines),
    pause: () => (job.congested ? job.drained() : undefined),
  };
}

export type Verdict = Readonly<{
  status: 'success' | 'failed' | 'cancelled';
  message: string | undefined;
}>;

export function verdictOf({ exitCode, signal, error }: CommandEnd, why: unknown): Verdict {
  if (why instanceof JobAborted) return { status: 'cancelled', message: why.message };
  if (why instanceof TimedOut) return { status: 'failed', message: why.message };
  if (error !== undefined) return { status: 'failed', message: error };
  if (signal !== null) return { status: 'failed', message: `killed by ${signal}` };
  if (exitCode === 0) return { status: 'success', message: undefined };
  return { status: 'failed', message: `exit code ${exitCode ?? 'unknown'}` };
}
