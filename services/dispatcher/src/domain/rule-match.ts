/** Which rules a trigger starts: source, event, branches and paths must all agree, and for emitted events the repository. Pure. */
import { EmittedEvent, type Rule, type TriggerReceived, UPSTREAM } from '@waybill/protocol';
import { isHeardBy } from './emitted-match.ts';
import { matchesGlobs } from './glob.ts';
import type { SourceEvent } from './source-event.ts';

export function ruleMatches(rule: Rule, trigger: TriggerReceived, about: SourceEvent): boolean {
  const { on } = rule.spec;
  if (on.source !== trigger.source) return false;
  if (on.event !== undefined && on.event !== trigger.event) return false;
  if (on.source === UPSTREAM && !isHeard(rule, trigger)) return false;
  if (about.deleted && on.event === 'push') return false;
  if (
    on.branches !== undefined &&
    !(about.branch !== '' && matchesGlobs(on.branches, about.branch))
  )
    return false;
  const { paths } = on;
  return paths === undefined || (about.paths ?? []).some((path) => matchesGlobs(paths, path));
}

/** Only what a gateway has stored under that source is an emitted event, whatever else may lie there. */
function isHeard(rule: Rule, trigger: TriggerReceived): boolean {
  const emitted = EmittedEvent.safeParse(trigger.data);
  return trigger.kind === 'upstream' && emitted.success && isHeardBy(rule, trigger, emitted.data);
}
