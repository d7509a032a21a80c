/**
 * The run that a trigger leads to, as its `run.created` will say it, or why there can be none. A pure function of what the log
 * holds: whoever finds a decided run missing makes exactly the same one.
 */

import type {
  JobRequest,
  OrgSettings,
  Rule,
  RunCreated,
  TriggerReceived,
  Trust,
} from '@waybill/protocol';
import {
  checkNeeds,
  EmittedEvent,
  jobSpecs,
  needOf,
  RunRequest,
  repositoryOf,
  wire,
} from '@waybill/protocol';
import { aboutTrigger } from './source-event.ts';
import { render } from './template.ts';

/** A generation of a rule with its place in WB_CONFIG. */
export type PlacedRule = Readonly<{ generation: number; seq: number; rule: Rule }>;

/** Defaults of DESIGN section 5. */
export const timing = {
  offersMax: 5,
  ackTimeoutMs: 10_000,
  recoveryMs: 120_000,
  staleMs: 120_000,
} as const;

/** Without a rule: as the trigger itself asks for it. */
export type PlannedRun = Readonly<{ runId: string; rule: PlacedRule | null }>;

export type RunPlan =
  /** `text`: the body as JSON. */
  Readonly<{ created: RunCreated; text: string }> | Readonly<{ impossible: string }>;

/** What a dispatch has beside the payload and the job: ids, addresses, outputs of other jobs. */
const FRAME_RESERVE_BYTES = 64 * 1024;

/**
 * What the org has set is pinned as it is now; another dispatcher may know it otherwise, and the log keeps the run of the first.
 * `maxBytes` bounds the body, and so does the frame that an agent takes: the trigger's payload is left out (null) where it would
 * not fit beside the rest.
 */
export function planRun(
  trigger: TriggerReceived,
  planned: PlannedRun,
  maxBytes: number,
  { approvalTimeoutMs }: Pick<OrgSettings, 'approvalTimeoutMs'> = {},
): RunPlan {
  const made =
    planned.rule === null
      ? fromRequest(trigger, planned.runId)
      : fromRule(trigger, planned.runId, planned.rule);
  if ('impossible' in made) return made;
  const pinned = approvalTimeoutMs === undefined ? {} : { approvalTimeoutMs };
  return fitted({ ...made.created, ...pinned }, maxBytes);
}

/** Whole, or without the payload, or not at all. */
function fitted(made: RunCreated, maxBytes: number): RunPlan {
  const bound = Math.min(maxBytes, wire.wireLimits.frameBytesMax - FRAME_RESERVE_BYTES);
  const whole = { created: made, text: JSON.stringify(made) };
  if (bytesOf(whole.text, bound) < bound) return whole;
  const created = { ...made, event: null };
  const text = JSON.stringify(created);
  const bytes = bytesOf(text, bound);
  return bytes < bound
    ? { created, text }
    : {
        impossible: `the run would have ${bytes} bytes, ${bound - 1} at most fit the log and a frame`,
      };
}

/** No character of a text has more than three bytes: mostly that is answer enough. */
const bytesOf = (text: string, bound: number): number =>
  text.length * 3 < bound ? text.length * 3 : new TextEncoder().encode(text).length;

/** Secrets are sealed before they reach the log: in the stored request they are no longer a record of strings. */
function requestOf(
  trigger: TriggerReceived,
):
  | Readonly<{ request: RunRequest; sealed: Pick<RunCreated, 'secrets' | 'credentials'> }>
  | undefined {
  if (typeof trigger.data !== 'object' || trigger.data === null) return undefined;
  const { secrets, credentials, ...rest } = {
    secrets: undefined,
    credentials: undefined,
    ...trigger.data,
  };
  const request = RunRequest.safeParse(rest);
  if (!request.success) return undefined;
  const sealed = {
    ...(secrets === undefined ? {} : { secrets }),
    ...(credentials === undefined ? {} : { credentials }),
  };
  return { request: request.data, sealed };
}

type Made = Readonly<{ created: RunCreated } | { impossible: string }>;

function fromRequest(trigger: TriggerReceived, id: string): Made {
  const stored = requestOf(trigger);
  if (stored === undefined) return { impossible: 'the stored request is not a run request' };
  const { request, sealed } = stored;
  const workflow = request.workflow ?? request.jobs[0]?.name ?? 'run';
  const repoUrl = request.repoUrl ?? '';
  const created: RunCreated = {
    ...common(trigger, id),
    rule: null,
    workflow,
    ...codeOf(repoUrl, request.trust ?? 'trusted'),
    ref: request.ref ?? '',
    sha: request.sha ?? '',
    ...(request.input === undefined ? {} : { input: request.input }),
    ...sealed,
    event: null,
    jobs: jobSpecs(request.jobs, {
      runId: id,
      workflow,
      checkout: repoUrl !== '',
      input: request.input,
    }),
    ...limitsOf(request),
  };
  return { created };
}

function fromRule(trigger: TriggerReceived, id: string, placed: PlacedRule): Made {
  const { spec, metadata } = placed.rule;
  const workflow = spec.workflow ?? metadata.name;
  const asked = spec.repo === undefined ? undefined : render(spec.repo, trigger.data);
  const about = aboutTrigger(trigger, asked);
  const repoUrl = asked ?? about.repoUrl;
  const jobs = render(spec.jobs, trigger.data);
  const problem = problemOf(jobs);
  if (problem !== undefined) return problem;
  const created: RunCreated = {
    ...common(trigger, id),
    rule: { name: metadata.name, generation: placed.generation },
    workflow,
    ...codeOf(repoUrl, about.trust),
    ref: repoUrl === '' ? '' : about.ref,
    sha: repoUrl === '' ? '' : about.sha,
    event: trigger.data,
    jobs: jobSpecs(jobs, { runId: id, workflow, checkout: repoUrl !== '', input: undefined }),
    ...limitsOf(spec),
  };
  return { created };
}

/** Whose code the run is about. */
function codeOf(repoUrl: string, trust: Trust) {
  const repository = repositoryOf(repoUrl);
  return {
    repoUrl,
    ...(repository === '' ? {} : { repository }),
    ...(trust === 'trusted' ? {} : { trust }),
  };
}

/** What an expression may have made of jobs that made sense: no name, or one that others do not need any more. */
function problemOf(jobs: readonly JobRequest[]): Readonly<{ impossible: string }> | undefined {
  if (jobs.some(({ name }) => name === ''))
    return { impossible: 'a job has no name once its expressions are filled in' };
  const named = jobs.map(({ name, needs = [] }) => ({ name, needs: needs.map(needOf) }));
  const [problem] = checkNeeds(named);
  return problem && { impossible: problem.message };
}

type Limits = Pick<RunRequest, 'attemptsMax' | 'cancelGraceMs' | 'failFast'>;

const limitsOf = ({ attemptsMax, cancelGraceMs, failFast }: Limits) => ({
  offersMax: attemptsMax ?? timing.offersMax,
  ...(cancelGraceMs === undefined ? {} : { cancelGraceMs }),
  ...(failFast === undefined ? {} : { failFast }),
});

const common = (trigger: TriggerReceived, id: string) => ({
  runId: id,
  org: trigger.org,
  trigger: {
    triggerId: trigger.triggerId,
    source: trigger.source,
    kind: trigger.kind,
    event: trigger.event,
    deliveryId: trigger.deliveryId,
    ...(trigger.askedBy === undefined ? {} : { by: trigger.askedBy }),
    ...chainOf(trigger),
  },
  ackTimeoutMs: timing.ackTimeoutMs,
  recoveryMs: timing.recoveryMs,
  staleMs: timing.staleMs,
});

/** Of an event that a step emitted. */
function chainOf({ kind, chainDepth, data }: TriggerReceived) {
  const source = kind === 'upstream' ? EmittedEvent.safeParse(data).data?.source : undefined;
  if (source === undefined) return {};
  const { runId, jobId, originalRunId = runId } = source;
  return { chainDepth, from: { runId, jobId, originalRunId } };
}
