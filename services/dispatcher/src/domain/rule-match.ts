/** Which rules a trigger starts: source, event, branches and paths must all agree. Pure. */
import type { Rule, TriggerReceived } from '@waybill/protocol';
import { matchesGlobs } from './glob.ts';
import type { SourceEvent } from './source-event.ts';

export function ruleMatches(rule: Rule, trigger: TriggerReceived, about: SourceEvent): boolean {
  const { on } = rule.spec;
  if (on.source !== trigger.source) return false;
  if (on.event !== undefined && on.event !== trigger.event) return false;
  if (about.deleted && on.event === 'push') return false;
  if (
    on.branches !== undefined &&
    !(about.branch !== '' && matchesGlobs(on.branches, about.branch))
  )
    return false;
  const { paths } = on;
  return paths === undefined || (about.paths ?? []).some((path) => matchesGlobs(paths, path));
}
