/** A generation of a rule, read from WB_CONFIG, and as a row: the latest generation has the place. */
import {
  isUnreadable,
  metaOf,
  parseJson,
  parseSubject,
  RuleGeneration,
  type StoredMessage,
  type Unreadable,
} from '@waybill/protocol';

export type RuleRow = Readonly<{
  org: string;
  name: string;
  generation: number;
  source: string;
  event: string | null;
  workflow: string | null;
  rule: unknown;
  applied_at: number;
  seq: number;
}>;

export function readRule(message: StoredMessage): RuleRow | Unreadable {
  const place = parseSubject(message.subject);
  if (place?.family !== 'config')
    return { code: 'unknown-subject', detail: 'no subject of this build' };
  const meta = metaOf(message);
  if (isUnreadable(meta)) return meta;
  if (place.kind !== 'rule')
    return { code: 'unknown-type', detail: 'this build knows rules alone' };
  const json = parseJson(message.body);
  if (json === undefined) return { code: 'not-json', detail: 'the body is not JSON' };
  const stored = RuleGeneration.safeParse(json);
  if (!stored.success) {
    const where = stored.error.issues.map((issue) => issue.path.join('.') || '(body)').join(', ');
    return { code: 'invalid-body', detail: `rule: ${where}` };
  }
  const { generation, rule } = stored.data;
  if (rule.metadata.name !== place.name)
    return { code: 'invalid-body', detail: 'rule: metadata.name is not the one on the subject' };
  return {
    org: place.org,
    name: place.name,
    generation,
    source: rule.spec.on.source,
    event: rule.spec.on.event ?? null,
    workflow: rule.spec.workflow ?? null,
    rule,
    applied_at: message.at,
    seq: message.seq,
  };
}
