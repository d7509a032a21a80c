/** The rules of every org, folded from WB_CONFIG: the current generations, and any pinned one, read back from the log. */
import type { Journal, Reader } from '@waybill/journal';
import type { Logger } from '@waybill/process';
import type { PinnedRule, StoredMessage } from '@waybill/protocol';
import { allSubjects, parseJson, parseSubject, RuleGeneration } from '@waybill/protocol';
import type { PlacedRule } from '../domain/trigger-decision.ts';

export type RuleBook = Readonly<{
  current(org: string): readonly PlacedRule[];
  /** The generation that a decision pinned. Undefined if the log does not hold it as a rule. */
  pinned(rule: PinnedRule): Promise<PlacedRule | undefined>;
  reader: Reader;
}>;

export async function openRuleBook(
  journal: Journal,
  log: Logger,
  onFailure: (error: Error) => void,
): Promise<RuleBook> {
  const orgs = new Map<string, Map<string, PlacedRule>>();
  const reader = await journal.read({
    stream: 'WB_CONFIG',
    filters: [allSubjects.config],
    from: undefined,
    onFailure,
    onMessage: (message) => {
      const subject = parseSubject(message.subject);
      if (subject?.family !== 'config' || subject.kind !== 'rule') return;
      const placed = placedRule(message);
      if (placed === undefined) {
        log.warn({ stream: message.stream, seq: message.seq }, 'not a rule; ignored');
        return;
      }
      const rules = orgs.get(subject.org) ?? new Map<string, PlacedRule>();
      orgs.set(subject.org, rules.set(subject.name, placed));
    },
  });
  await reader.caughtUp;
  return {
    current: (org) => [...(orgs.get(org)?.values() ?? [])],
    pinned: async ({ seq }) => {
      // From the leader: a replica that lags would say that there is none.
      const message = await journal.get('WB_CONFIG', seq, { leader: true });
      return message === undefined ? undefined : placedRule(message);
    },
    reader,
  };
}

function placedRule(message: StoredMessage): PlacedRule | undefined {
  const body = RuleGeneration.safeParse(parseJson(message.body));
  return body.success
    ? { generation: body.data.generation, rule: body.data.rule, seq: message.seq }
    : undefined;
}
