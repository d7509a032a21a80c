/**
 * The environment of steps: built from nothing, never inherited. The runner's own variables, its token among them,
 * are not in it; what the run gives (job, secrets, step) is laid over a small clean base.
 */
import path from 'node:path';
import { parseWireJobId, type wire } from '@waybill/protocol';
import type { JobPlan, StepPlan } from './job-plan.ts';
import type { Workspace } from './work-folder.ts';

export type Base = Readonly<{ path: string; lang: string; agentId: string }>;
export type Variables = Readonly<Record<string, string>>;

const namePattern = /^[A-Za-z_][A-Za-z0-9_]*$/;

export const baseEnvironment = (base: Base, workspace: Workspace): Variables => ({
  PATH: base.path,
  LANG: base.lang,
  HOME: workspace.home,
  TMPDIR: workspace.tmp,
  // A repository that the workspace happens to lie in is none of the job's business.
  GIT_CEILING_DIRECTORIES: path.dirname(workspace.work),
});

export type EnvironmentOptions = Readonly<{
  base: Base;
  dispatch: wire.JobDispatch;
  plan: JobPlan;
  workspace: Workspace;
  /** Without the credentials that it may have come with. */
  repoUrl: string;
}>;

/** Whose environment it is: a step, a hook or the installation. */
export type Worker = Pick<StepPlan, 'index' | 'name' | 'env'>;

/** `own` are files and words of this one worker, over which nothing given prevails. */
export function stepEnvironment(
  o: EnvironmentOptions,
  worker: Worker,
  secrets: Variables,
  own: Variables,
): Variables {
  const { dispatch, plan, workspace } = o;
  return {
    ...baseEnvironment(o.base, workspace),
    CI: 'true',
    ...usable({ ...plan.env, ...secrets, ...worker.env }),
    WAYBILL: 'true',
    WAYBILL_AGENT_ID: o.base.agentId,
    WAYBILL_RUN_ID: dispatch.runId,
    WAYBILL_JOB_ID: parseWireJobId(dispatch.jobId)?.jobId ?? dispatch.jobId,
    WAYBILL_JOB_NAME: plan.name,
    WAYBILL_WORKFLOW: plan.workflowName,
    WAYBILL_ATTEMPT: `${dispatch.attempt ?? 1}`,
    ...(dispatch.fence === undefined ? {} : { WAYBILL_FENCE: `${dispatch.fence}` }),
    ...(dispatch.requestId === undefined ? {} : { WAYBILL_REQUEST_ID: dispatch.requestId }),
    ...(dispatch.traceparent === undefined ? {} : { TRACEPARENT: dispatch.traceparent }),
    ...matrixVariables(plan.matrixValues),
    WAYBILL_STEP_INDEX: `${worker.index}`,
    WAYBILL_STEP_NAME: worker.name,
    WAYBILL_WORKSPACE: workspace.work,
    WAYBILL_REPO_URL: o.repoUrl,
    WAYBILL_REF: dispatch.ref,
    WAYBILL_SHA: dispatch.sha,
    ...(plan.workflow === undefined
      ? {}
      : { WAYBILL_WORKFLOW_PATH: path.join(workspace.work, workflowFolder) }),
    WAYBILL_EVENT_PATH: `${workspace.files}/event.json`,
    WAYBILL_NEEDS_PATH: `${workspace.files}/needs.json`,
    ...own,
  };
}

/** Where the workflow's own repository is, where it is another one. */
export const workflowFolder = '.workflow';

const usable = (given: Variables): Variables =>
  Object.fromEntries(
    Object.entries(given).filter(
      ([name, value]) => namePattern.test(name) && !value.includes('\0'),
    ),
  );

/** `WAYBILL_MATRIX_NODE_VERSION` for `node-version`; what is no plain value stands there as JSON. */
const matrixVariables = (values: Readonly<Record<string, unknown>>): Variables =>
  Object.fromEntries(
    Object.entries(values).map(([name, value]) => [
      `WAYBILL_MATRIX_${name.toUpperCase().replaceAll(/[^A-Z0-9]/gu, '_')}`,
      typeof value === 'string' ? value : JSON.stringify(value),
    ]),
  );

/** Names of secrets that no environment can hold. */
export const unusableNames = (secrets: Variables): readonly string[] =>
  Object.keys(secrets).filter((name) => !namePattern.test(name));
