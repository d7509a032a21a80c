/**
 * A job from its dispatch to its outcome: a fresh workspace, its preparation, its steps and hooks, and nothing left of them
 * afterwards, whatever happened.
 */
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { JobAborted, type JobHandle, type JobOutcome } from '@waybill/agent';
import type { Clock, Logger } from '@waybill/process';
import { createCaches } from './job-cache.ts';
import { type JobPlan, readPlan } from './job-plan.ts';
import { prepare } from './preparation.ts';
import { repositoryOf } from './repository.ts';
import { growingMask, secretsOf } from './secret-mask.ts';
import { type Base, stepEnvironment, unusableNames } from './step-environment.ts';
import type { StepContext } from './step-run.ts';
import { runSequence, type StepsEnd } from './step-sequence.ts';
import { TimedOut, type TimeLimit, timeLimit } from './time-limit.ts';
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
  /** For hooks and steps that are meant for the end of a job that was cancelled or took too long. */
  afterMs: number;
}>;

const preparation = -1;

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
    const end = await work({ ...o, job, plan, limit, workspace });
    const durationMs = Math.round(o.clock.monotonicMs() - startedMs);
    return outcomeOf(end, limit.signal, durationMs);
  } finally {
    limit.cancel();
    await workspace.remove();
  }
}

type Here = JobRunOptions &
  Readonly<{ job: JobHandle; plan: JobPlan; limit: TimeLimit; workspace: Workspace }>;

async function work(o: Here): Promise<StepsEnd> {
  const { job, plan, workspace, base, limit } = o;
  const { dispatch } = job;
  const repository = repositoryOf(dispatch);
  const mask = growingMask([...secretsOf(dispatch), repository.auth?.secret ?? '']);
  for (const name of unusableNames(dispatch.secrets ?? {}))
    job.log(preparation, [`The secret "${name}" is in no environment: that is no variable's name`]);
  await writeInputs(job, plan, workspace);
  const context: StepContext = {
    ...o,
    mask,
    signal: limit.signal,
    forced: job.forced,
    onLease: job.onLease,
    environment: (worker, secrets, own) =>
      stepEnvironment(
        { base, dispatch, plan, workspace, repoUrl: repository.url },
        worker,
        secrets,
        own,
      ),
  };
  const caches = createCaches(plan, context);
  const failed = await prepare({ ...o, context, repository });
  if (failed && failed.reason !== 'install_failed') {
    // Not what was meant to run is there, so nothing runs: no hook either.
    const results = plan.steps.map(({ index, name }) => {
      job.step(index, name, 'skipped');
      return { name, status: 'skipped' as const, durationMs: 0 };
    });
    return { results, outputs: {}, secretOutputs: {}, failure: failed };
  }
  if (!failed) await caches.restore();
  return runSequence({ plan, context, limit, afterMs: o.afterMs, onWell: caches.save, failed });
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
  // What a job before has handed on in secret may stand in it.
  const mode = 0o600;
  await writeFile(path.join(files, 'event.json'), JSON.stringify(plan.event ?? null), { mode });
  await writeFile(path.join(files, 'needs.json'), JSON.stringify(needs), { mode });
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
  return {
    state: 'success',
    data: { durationMs, stepResults, ...outputs },
    secretOutputs: end.secretOutputs,
  };
}
