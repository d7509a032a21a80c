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

export function stepEnvironment(
  o: EnvironmentOptions,
  step: StepPlan,
  outputFile: string,
): Variables {
  const { dispatch, plan, workspace } = o;
  const given = { ...plan.env, ...dispatch.secrets, ...step.env };
  const usable = Object.entries(given).filter(
    ([name, value]) => namePattern.test(name) && !value.includes('\0'),
  );
  return {
    ...baseEnvironment(o.base, workspace),
    CI: 'true',
    ...Object.fromEntries(usable),
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
    WAYBILL_STEP_INDEX: `${step.index}`,
    WAYBILL_STEP_NAME: step.name,
    WAYBILL_WORKSPACE: workspace.work,
    WAYBILL_REPO_URL: o.repoUrl,
    WAYBILL_REF: dispatch.ref,
    WAYBILL_SHA: dispatch.sha,
    WAYBILL_EVENT_PATH: `${workspace.files}/event.json`,
    WAYBILL_NEEDS_PATH: `${workspace.files}/needs.json`,
    WAYBILL_OUTPUT: outputFile,
  };
}

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
