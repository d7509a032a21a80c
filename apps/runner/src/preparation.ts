/**
 * Everything before the first step: the job's turn in its group, the source as an archive or a clone, the workflow's own
 * repository, the dependencies, the caches. Whatever fails here fails the job before anything of it has run.
 */
import { mkdir, rm } from 'node:fs/promises';
import path from 'node:path';
import { type Clock, safeError } from '@waybill/process';
import { unpack } from './archive.ts';
import { checkout } from './checkout.ts';
import { runCommand } from './command.ts';
import { contentHash } from './content-hash.ts';
import { download } from './download.ts';
import { install } from './install.ts';
import type { JobPlan } from './job-plan.ts';
import { type Repository, workflowRepositoryOf } from './repository.ts';
import { type Base, baseEnvironment, workflowFolder } from './step-environment.ts';
import { outputTo, type StepContext } from './step-run.ts';
import type { Failure } from './step-sequence.ts';
import { timeLimit } from './time-limit.ts';

export type PreparationOptions = Readonly<{
  plan: JobPlan;
  context: StepContext;
  clock: Clock;
  base: Base;
  repository: Repository;
}>;

const preparation = -1;
const checkoutWithinMs = 600_000;
const downloadWithinMs = 300_000;
const tarBytesMax = 1_073_741_824;

/** Undefined when the steps may begin. */
export async function prepare(o: PreparationOptions): Promise<Failure | undefined> {
  for (const part of [turn, source, drift, workflow, dependencies]) {
    const failure = await part(o);
    if (failure === undefined) continue;
    const told = { ...failure, message: o.context.mask.hide(failure.message) };
    o.context.job.log(preparation, [told.message]);
    return told;
  }
  return undefined;
}

async function turn({ plan, context }: PreparationOptions): Promise<Failure | undefined> {
  if (plan.concurrencyGroup === undefined) return undefined;
  const reason = 'concurrency_cancelled';
  try {
    const { action, reason: why } = await context.job.concurrency(plan.concurrencyGroup);
    if (action === 'proceed') return undefined;
    return { reason, message: why ?? `the group "${plan.concurrencyGroup}" has no room` };
  } catch (error) {
    return { reason, message: safeError(error).message };
  }
}

async function source(o: PreparationOptions): Promise<Failure | undefined> {
  const { plan, context, repository } = o;
  const { sourceTarUrl, ref, sha } = context.job.dispatch;
  if (sourceTarUrl !== undefined) {
    const problem = await fetchTar(o, 'source', sourceTarUrl, undefined);
    return problem === undefined
      ? undefined
      : { reason: 'source_unavailable', message: `the source could not be had: ${problem}` };
  }
  if (repository.url === '' || !plan.checkout) return undefined;
  const problem = await clone(o, repository, { ref, sha, folder: context.workspace.work });
  if (problem !== undefined) return { reason: 'checkout_failed', message: problem };
  tellWorkspace(o);
  return undefined;
}

/** The source is what the workflow was read from, or the job is not the one that was meant. */
async function drift({ plan, context }: PreparationOptions): Promise<Failure | undefined> {
  const { sourceTarUrl, sourceTarHash } = context.job.dispatch;
  const hasSource = sourceTarUrl !== undefined || plan.checkout;
  const expected = (sourceTarUrl === undefined ? undefined : sourceTarHash) ?? plan.contentHash;
  if (expected === undefined || !hasSource) return undefined;
  const found = await contentHash(context.workspace.work);
  if (found === expected.toLowerCase()) return undefined;
  const message = `the source has changed: its content hash is ${found}, not ${expected}`;
  return { reason: 'source_drift', message };
}

async function workflow(o: PreparationOptions): Promise<Failure | undefined> {
  const { plan, context, repository } = o;
  if (plan.workflow === undefined) return undefined;
  const { repoUrl, ref, sha } = plan.workflow;
  const own = workflowRepositoryOf(repoUrl, context.job.dispatch, repository);
  const folder = path.join(context.workspace.work, workflowFolder);
  await rm(folder, { recursive: true, force: true });
  await mkdir(folder);
  const problem = await clone(o, own, { ref, sha, folder });
  if (problem === undefined) return undefined;
  return { reason: 'checkout_failed', message: `the workflow’s repository: ${problem}` };
}

async function dependencies(o: PreparationOptions): Promise<Failure | undefined> {
  const { plan, context } = o;
  const { depsUrl, depsHash } = context.job.dispatch;
  if (depsUrl !== undefined) {
    const problem = await fetchTar(o, 'dependencies', depsUrl, depsHash);
    if (problem !== undefined)
      return {
        reason: 'deps_unavailable',
        message: `the dependencies could not be had: ${problem}`,
      };
  }
  if (context.signal.aborted) return undefined;
  const problem = await install(plan, context);
  if (problem === undefined) return undefined;
  return { reason: 'install_failed', message: `the installation failed: ${problem}` };
}

async function fetchTar(
  { context, clock }: PreparationOptions,
  what: string,
  url: string,
  sha256: string | undefined,
): Promise<string | undefined> {
  const { job, workspace, signal: parent } = context;
  const file = path.join(workspace.files, `${what}.tar.gz`);
  const limit = timeLimit({ clock, parent, what: 'download', limitMs: downloadWithinMs });
  job.log(preparation, [`Fetching the ${what}`]);
  try {
    const { signal } = limit;
    await download({ url: job.reachable(url), file, sha256, bytesMax: tarBytesMax, signal });
    await unpack(file, workspace.work);
    return undefined;
  } catch (error) {
    return safeError(error).message;
  } finally {
    limit.cancel();
    await rm(file, { force: true });
  }
}

async function clone(
  { context, clock, base }: PreparationOptions,
  repository: Repository,
  { ref, sha, folder }: Readonly<{ ref: string; sha: string; folder: string }>,
): Promise<string | undefined> {
  const { job, workspace, mask, signal: parent } = context;
  const limit = timeLimit({ clock, parent, what: 'checkout', limitMs: checkoutWithinMs });
  try {
    return await checkout({
      repository,
      ref,
      sha,
      workspace,
      say: (line) => job.log(preparation, [mask.hide(line)]),
      git: (args, env) =>
        runCommand(
          {
            argv: ['git', ...args],
            cwd: folder,
            env: { ...baseEnvironment(base, workspace), ...env },
          },
          { ...context, ...outputTo(job, preparation), signal: limit.signal },
        ),
    });
  } finally {
    limit.cancel();
  }
}

/** What the job works on, for those who follow it; it works without being told. */
function tellWorkspace({ context, repository }: PreparationOptions): void {
  const { ref, sha } = context.job.dispatch;
  try {
    context.job.workspaceRef({
      workspaceId: 'source',
      kind: 'git',
      uri: repository.url,
      ...(ref === '' ? {} : { ref }),
      ...(sha === '' ? {} : { sha }),
      access: 'write',
    });
  } catch (error) {
    context.job.log(preparation, [`The workspace is not told of: ${safeError(error).message}`]);
  }
}
