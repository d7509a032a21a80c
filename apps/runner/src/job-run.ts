/**
 * A job from its dispatch to its outcome: a fresh workspace, the checkout, the steps one after the other until one
 * fails, and nothing left of them afterwards, whatever happened.
 */
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { JobAborted, type JobHandle, type JobOutcome } from '@waybill/agent';
import type { Clock, Logger } from '@waybill/process';
import { checkout } from './checkout.ts';
import { runCommand } from './command.ts';
import { type JobPlan, readPlan } from './job-plan.ts';
import { type Repository, repositoryOf } from './repository.ts';
import { secretMask, secretsOf } from './secret-mask.ts';
import { type Base, baseEnvironment, stepEnvironment, unusableNames } from './step-environment.ts';
import type { StepOutputs } from './step-outputs.ts';
import { outputTo, runStep, type StepContext, type StepResult } from './step-run.ts';
import { TimedOut, timeLimit } from './time-limit.ts';
import type { Watchdog } from './watchdog.ts';
import type { WorkFolder, Workspace } from './work-folder.ts';

export type JobRunOptions = Readonly<{
  clock: Clock;
  log: Logger;
  folder: WorkFolder;
  watchdog: Watchdog;
  base: Base;
  /** Between SIGTERM and SIGKILL. */
  graceMs: number;
}>;

const preparation = -1;
const checkoutWithinMs = 600_000;

type Failure = Readonly<{ reason: string; message: string }>;
type StepsEnd = Readonly<{
  results: readonly StepResult[];
  outputs: Readonly<Record<string, StepOutputs>>;
  failure?: Failure | undefined;
}>;

export async function runJob(job: JobHandle, o: JobRunOptions): Promise<JobOutcome> {
  const startedMs = o.clock.monotonicMs();
  const read = readPlan(job.dispatch.jobConfig);
  if ('refusal' in read) {
    const { code, message } = read.refusal;
    job.log(preparation, [message]);
    return { state: 'failed', data: { reason: code, error: { message }, stepResults: [] } };
  }
  const { plan } = read;
  const limit = timeLimit({
    clock: o.clock,
    parent: job.signal,
    what: 'job',
    limitMs: plan.timeoutMs,
  });
  const workspace = await o.folder.create();
  try {
    const end = await work(job, plan, {
      ...o,
      workspace,
      signal: limit.signal,
      forced: job.forced,
    });
    const durationMs = Math.round(o.clock.monotonicMs() - startedMs);
    return outcomeOf(end, limit.signal, durationMs);
  } finally {
    limit.cancel();
    await workspace.remove();
  }
}

type Here = JobRunOptions &
  Readonly<{ workspace: Workspace; signal: AbortSignal; forced: AbortSignal }>;

async function work(job: JobHandle, plan: JobPlan, o: Here): Promise<StepsEnd> {
  const { dispatch } = job;
  const { workspace, base } = o;
  const repository = repositoryOf(dispatch);
  const mask = secretMask([...secretsOf(dispatch), repository.auth?.secret ?? '']);
  for (const name of unusableNames(dispatch.secrets ?? {}))
    job.log(preparation, [`The secret "${name}" is in no environment: that is no variable's name`]);
  await writeInputs(job, plan, workspace);
  const context: StepContext = {
    ...o,
    mask,
    job,
    onLease: job.onLease,
    environment: (step, file) =>
      stepEnvironment({ base, dispatch, plan, workspace, repoUrl: repository.url }, step, file),
  };
  const missing =
    repository.url === '' || !plan.checkout ? undefined : await fetchSource(repository, context, o);
  if (missing === undefined) return runSteps(plan, context);
  const failure = { reason: 'checkout_failed', message: mask.hide(missing) };
  job.log(preparation, [failure.message]);
  return { results: plan.steps.map((step) => skip(step, job)), outputs: {}, failure };
}

async function runSteps(plan: JobPlan, context: StepContext): Promise<StepsEnd> {
  const results: StepResult[] = [];
  const outputs: Record<string, StepOutputs> = {};
  let failure: Failure | undefined;
  for (const step of plan.steps) {
    if (failure || context.signal.aborted) {
      results.push(skip(step, context.job));
      continue;
    }
    const end = await runStep(step, context);
    results.push(end.result);
    if (Object.keys(end.outputs).length > 0)
      outputs[step.name] = { ...outputs[step.name], ...end.outputs };
    if (end.result.status === 'success') continue;
    const why = end.result.error?.message ?? end.result.status;
    const reason = end.timedOut ? 'step_timeout' : 'step_failed';
    failure = { reason, message: context.mask.hide(`step "${step.name}": ${why}`) };
  }
  return { results, outputs, failure };
}

function skip(step: Readonly<{ index: number; name: string }>, job: JobHandle): StepResult {
  job.step(step.index, step.name, 'skipped');
  return { name: step.name, status: 'skipped', durationMs: 0 };
}

async function fetchSource(
  repository: Repository,
  context: StepContext,
  { clock, workspace, base }: Here,
): Promise<string | undefined> {
  const { job } = context;
  const { ref, sha } = job.dispatch;
  const limit = timeLimit({
    clock,
    parent: context.signal,
    what: 'checkout',
    limitMs: checkoutWithinMs,
  });
  const output = outputTo(job, preparation);
  try {
    return await checkout({
      repository,
      ref,
      sha,
      workspace,
      say: (line) => job.log(preparation, [context.mask.hide(line)]),
      git: (args, env) =>
        runCommand(
          {
            argv: ['git', ...args],
            cwd: workspace.work,
            env: { ...baseEnvironment(base, workspace), ...env },
          },
          { ...context, ...output, signal: limit.signal },
        ),
    });
  } finally {
    limit.cancel();
  }
}

/** What a step may want to read: the event behind the run, and how the jobs before it ended. */
async function writeInputs(job: JobHandle, plan: JobPlan, { files }: Workspace): Promise<void> {
  const { upstreamJobOutputs = {}, upstreamJobStatuses = {} } = job.dispatch;
  const names = [
    ...new Set([...Object.keys(upstreamJobStatuses), ...Object.keys(upstreamJobOutputs)]),
  ];
  const needs = Object.fromEntries(
    names.map((name) => [
      name,
      { status: upstreamJobStatuses[name] ?? null, outputs: upstreamJobOutputs[name] ?? {} },
    ]),
  );
  await writeFile(path.join(files, 'event.json'), JSON.stringify(plan.event ?? null));
  await writeFile(path.join(files, 'needs.json'), JSON.stringify(needs));
}

function outcomeOf(end: StepsEnd, signal: AbortSignal, durationMs: number): JobOutcome {
  const why: unknown = signal.aborted ? signal.reason : undefined;
  const stepResults = end.results;
  const ended = (reason: string, message: string) => ({
    data: { reason, error: { message }, durationMs, stepResults },
  });
  if (why instanceof JobAborted) {
    const state = why.code === 'cancelled' ? 'cancelled' : 'failed';
    return { state, ...ended(why.code, why.message) };
  }
  if (why instanceof TimedOut) return { state: 'failed', ...ended('job_timeout', why.message) };
  if (end.failure) return { state: 'failed', ...ended(end.failure.reason, end.failure.message) };
  const outputs = Object.keys(end.outputs).length === 0 ? {} : { outputs: end.outputs };
  return { state: 'success', data: { durationMs, stepResults, ...outputs } };
}
