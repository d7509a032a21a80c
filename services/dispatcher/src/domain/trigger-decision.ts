/**
 * The one decision about a trigger, and the runs that follow from it. Both are pure functions of what the log holds: whoever
 * finds a decided run missing makes exactly the same one.
 */

import type {
  PinnedRule,
  Rule,
  RunCreated,
  TriggerDecided,
  TriggerReceived,
} from '@waybill/protocol';
import { jobSpecs, RunRequest, runId, wire } from '@waybill/protocol';
import { ruleMatches } from './rule-match.ts';
import { sourceEvent } from './source-event.ts';
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

const isDirect = (trigger: TriggerReceived): boolean =>
  trigger.source === 'api' && trigger.event === 'run';

export function decideTrigger(
  trigger: TriggerReceived,
  rules: readonly PlacedRule[],
): TriggerDecided {
  const { triggerId, seq } = trigger;
  const decided = { triggerId, receivedSeq: seq };
  if (isDirect(trigger)) {
    if (requestOf(trigger) !== undefined)
      return { ...decided, decision: 'run', runs: [{ rule: null, runId: runId(triggerId, 0) }] };
    return {
      ...decided,
      decision: 'invalid',
      detail: 'the stored request is not a run request',
      runs: [],
    };
  }
  const about = sourceEvent(trigger.data);
  const matching = rules
    .filter(({ rule }) => ruleMatches(rule, trigger, about))
    .toSorted((a, b) => (a.rule.metadata.name < b.rule.metadata.name ? -1 : 1));
  const runs = matching.map((each, index) => ({ rule: pin(each), runId: runId(triggerId, index) }));
  return { ...decided, decision: runs.length === 0 ? 'no_rule' : 'run', runs };
}

const pin = ({ generation, seq, rule }: PlacedRule): PinnedRule => ({
  name: rule.metadata.name,
  generation,
  seq,
});

/** Secrets are sealed before they reach the log: in the stored request they are no longer a record of strings. */
function requestOf(
  trigger: TriggerReceived,
): Readonly<{ request: RunRequest; secrets: unknown }> | undefined {
  if (typeof trigger.data !== 'object' || trigger.data === null) return undefined;
  const { secrets, ...rest } = { secrets: undefined, ...trigger.data };
  const request = RunRequest.safeParse(rest);
  return request.success ? { request: request.data, secrets } : undefined;
}

export type PlannedRun = Readonly<{ runId: string; rule: PlacedRule | null }>;

/** What a dispatch has beside the payload and the job: ids, addresses, outputs of other jobs. */
const FRAME_RESERVE_BYTES = 64 * 1024;

/**
 * `run.created` of a decided run. `maxBytes` bounds the body, and so does the frame that an agent takes: the trigger's payload
 * is left out (null) where it would not fit beside the rest. Undefined if the trigger cannot make such a run, which `decideTrigger` has ruled out.
 */
export function planRun(
  trigger: TriggerReceived,
  planned: PlannedRun,
  maxBytes: number,
): RunCreated | undefined {
  const made =
    planned.rule === null
      ? fromRequest(trigger, planned.runId)
      : fromRule(trigger, planned.runId, planned.rule);
  const bound = Math.min(maxBytes, wire.wireLimits.frameBytesMax - FRAME_RESERVE_BYTES);
  if (made === undefined || JSON.stringify(made).length * 3 < bound) return made;
  return new TextEncoder().encode(JSON.stringify(made)).length < bound
    ? made
    : { ...made, event: null };
}

function fromRequest(trigger: TriggerReceived, id: string): RunCreated | undefined {
  const stored = requestOf(trigger);
  if (stored === undefined) return undefined;
  const { request, secrets } = stored;
  const workflow = request.workflow ?? request.jobs[0]?.name ?? 'run';
  const repoUrl = request.repoUrl ?? '';
  return {
    ...common(trigger, id),
    rule: null,
    workflow,
    repoUrl,
    ref: request.ref ?? '',
    sha: request.sha ?? '',
    ...(request.input === undefined ? {} : { input: request.input }),
    ...(secrets === undefined ? {} : { secrets }),
    event: null,
    jobs: jobSpecs(request.jobs, {
      runId: id,
      workflow,
      checkout: repoUrl !== '',
      input: request.input,
    }),
    offersMax: timing.offersMax,
  };
}

function fromRule(trigger: TriggerReceived, id: string, placed: PlacedRule): RunCreated {
  const { spec, metadata } = placed.rule;
  const about = sourceEvent(trigger.data);
  const workflow = spec.workflow ?? metadata.name;
  const repoUrl = spec.repo === undefined ? about.repoUrl : render(spec.repo, trigger.data);
  return {
    ...common(trigger, id),
    rule: { name: metadata.name, generation: placed.generation },
    workflow,
    repoUrl,
    ref: repoUrl === '' ? '' : about.ref,
    sha: repoUrl === '' ? '' : about.sha,
    event: trigger.data,
    jobs: jobSpecs(render(spec.jobs, trigger.data), {
      runId: id,
      workflow,
      checkout: repoUrl !== '',
      input: undefined,
    }),
    offersMax: spec.attemptsMax ?? timing.offersMax,
  };
}

const common = (trigger: TriggerReceived, id: string) => ({
  runId: id,
  org: trigger.org,
  trigger: {
    triggerId: trigger.triggerId,
    source: trigger.source,
    kind: trigger.kind,
    event: trigger.event,
    deliveryId: trigger.deliveryId,
  },
  ackTimeoutMs: timing.ackTimeoutMs,
  recoveryMs: timing.recoveryMs,
  staleMs: timing.staleMs,
});
