/** One step of a job: its states, its command and what came of it. */
import path from 'node:path';
import { JobAborted, type JobHandle } from '@waybill/agent';
import { type CommandContext, type CommandEnd, runCommand } from './command.ts';
import type { StepPlan } from './job-plan.ts';
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

export type StepEnd = Readonly<{ result: StepResult; outputs: StepOutputs; timedOut: boolean }>;

export type StepContext = Omit<CommandContext, 'onLines' | 'pause'> &
  Readonly<{
    job: JobHandle;
    workspace: Workspace;
    environment: (step: StepPlan, outputFile: string) => Readonly<Record<string, string>>;
  }>;

export async function runStep(step: StepPlan, o: StepContext): Promise<StepEnd> {
  const { job, workspace, mask } = o;
  const outputFile = path.join(workspace.files, `output-${step.index}`);
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
      env: o.environment(step, outputFile),
    },
    { ...o, ...outputTo(job, step.index), signal: limit.signal },
  );
  limit.cancel();
  const why: unknown = limit.signal.aborted ? limit.signal.reason : undefined;
  const { status, message } = verdictOf(end, why);
  const error = message === undefined ? {} : { error: { message: mask.hide(message) } };
  const { exitCode, signal, durationMs } = end;
  job.step(step.index, step.name, status, { exitCode, signal, durationMs, ...error });
  return {
    result: { name: step.name, status, durationMs, exitCode, ...error },
    outputs: status === 'success' ? await readOutputs(outputFile, mask) : {},
    timedOut: why instanceof TimedOut,
  };
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

type Verdict = Readonly<{
  status: 'success' | 'failed' | 'cancelled';
  message: string | undefined;
}>;

function verdictOf({ exitCode, signal, error }: CommandEnd, why: unknown): Verdict {
  if (why instanceof JobAborted) return { status: 'cancelled', message: why.message };
  if (why instanceof TimedOut) return { status: 'failed', message: why.message };
  if (error !== undefined) return { status: 'failed', message: error };
  if (signal !== null) return { status: 'failed', message: `killed by ${signal}` };
  if (exitCode === 0) return { status: 'success', message: undefined };
  return { status: 'failed', message: `exit code ${exitCode ?? 'unknown'}` };
}
