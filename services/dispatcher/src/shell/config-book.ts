/**
 * What orgs have set, folded from WB_CONFIG: the current generations of their rules and of their settings. A generation that a
 * decision pinned is read back from the log.
 */
import type { Journal, Reader } from '@waybill/journal';
import type { Logger } from '@waybill/process';
import type { OrgSettings, PinnedRule, StoredMessage } from '@waybill/protocol';
import {
  allSubjects,
  OrgSettingsGeneration,
  parseJson,
  parseSubject,
  RuleGeneration,
} from '@waybill/protocol';
import type { PlacedRule } from '../domain/run-plan.ts';

export type ConfigBook = Readonly<{
  rules(org: string): readonly PlacedRule[];
  settings(org: string): OrgSettings;
  /** The generation that a decision pinned. Undefined if the log does not hold it as a rule. */
  pinned(rule: PinnedRule): Promise<PlacedRule | undefined>;
  /** Caught up, once it is opened. */
  reader: Reader;
}>;

type Deps = Readonly<{
  journal: Pick<Journal, 'read' | 'get'>;
  log: Logger;
  onFailure: (error: Error) => void;
}>;

export async function openConfigBook({ journal, log, onFailure }: Deps): Promise<ConfigBook> {
  const orgs = new Map<string, Map<string, PlacedRule>>();
  const settings = new Map<string, OrgSettings>();

  const onMessage = (message: StoredMessage): void => {
    const subject = parseSubject(message.subject);
    if (subject?.family !== 'config') return;
    const { org, kind, name } = subject;
    const about = { stream: message.stream, seq: message.seq };
    if (kind === 'rule') {
      const placed = placedRule(message);
      if (placed === undefined) return log.warn(about, 'not a rule; ignored');
      const rules = orgs.get(org) ?? new Map<string, PlacedRule>();
      orgs.set(org, rules.set(name, placed));
    }
    if (kind === 'org' && name === 'settings') {
      const body = OrgSettingsGeneration.safeParse(parseJson(message.body));
      if (!body.success) return log.warn(about, 'not the settings of an org; ignored');
      settings.set(org, body.data.settings);
    }
  };
  const reader = await journal.read({
    stream: 'WB_CONFIG',
    filters: [allSubjects.config],
    from: undefined,
    onFailure,
    onMessage,
  });
  await reader.caughtUp;
  return {
    rules: (org) => [...(orgs.get(org)?.values() ?? [])],
    settings: (org) => settings.get(org) ?? {},
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
