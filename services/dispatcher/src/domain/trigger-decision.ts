/**
 * The one decision about a trigger. Its runs are planned before it is made: one that can never be created is named in the decision
 * instead of being waited for.
 */

import type { OrgSettings, PinnedRule, TriggerDecided, TriggerReceived } from '@waybill/protocol';
import { runId } from '@waybill/protocol';
import { ruleMatches } from './rule-match.ts';
import { type PlacedRule, planRun, type RunPlan } from './run-plan.ts';
import { aboutTrigger } from './source-event.ts';

export type DecidedTrigger = Readonly<{
  decided: TriggerDecided;
  /** The bodies of its runs as JSON, by `bodyKey`. */
  bodies: ReadonlyMap<string, string>;
}>;

/** A body follows from the trigger, the run and the generation of the rule, whoever has decided. */
export const bodyKey = ({ runId, rule }: TriggerDecided['runs'][number]): string =>
  `${runId}@${rule?.seq ?? 0}`;

const isDirect = (trigger: TriggerReceived): boolean =>
  trigger.source === 'api' && trigger.event === 'run';

export function decideTrigger(
  trigger: TriggerReceived,
  rules: readonly PlacedRule[],
  maxBytes: number,
  settings: Pick<OrgSettings, 'approvalTimeoutMs'> = {},
): DecidedTrigger {
  const wanted = isDirect(trigger) ? [null] : matching(trigger, rules);
  const runs: { rule: PinnedRule | null; runId: string }[] = [];
  const bodies = new Map<string, string>();
  const problems: string[] = [];
  for (const rule of wanted) {
    const id = runId(trigger.triggerId, runs.length);
    const plan: RunPlan = planRun(trigger, { runId: id, rule }, maxBytes, settings);
    if ('impossible' in plan) {
      const about = rule === null ? '' : `no run of the rule "${rule.rule.metadata.name}": `;
      problems.push(`${about}${plan.impossible}`);
      continue;
    }
    const run = { rule: rule === null ? null : pin(rule), runId: id };
    runs.push(run);
    bodies.set(bodyKey(run), plan.text);
  }
  const decision = runs.length > 0 ? 'run' : problems.length > 0 ? 'invalid' : 'no_rule';
  const decided = {
    triggerId: trigger.triggerId,
    receivedSeq: trigger.seq,
    decision,
    ...(problems.length === 0 ? {} : { detail: problems.join('; ') }),
    runs,
  } as const;
  return { decided, bodies };
}

function matching(trigger: TriggerReceived, rules: readonly PlacedRule[]): readonly PlacedRule[] {
  const about = aboutTrigger(trigger);
  return rules
    .filter(({ rule }) => ruleMatches(rule, trigger, about))
    .toSorted((a, b) => (a.rule.metadata.name < b.rule.metadata.name ? -1 : 1));
}

const pin = ({ generation, seq, rule }: PlacedRule): PinnedRule => ({
  name: rule.metadata.name,
  generation,
  seq,
});
