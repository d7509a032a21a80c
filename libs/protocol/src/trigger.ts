/**
 * Triggers in WB_TRIGGERS: `received` is the producer's message as it came, with what is known of it in headers; `decided` is
 * the one decision about it, which names pinned generations and run ids. Runs are created after it, by whoever finds one missing.
 */
import { z } from 'zod';
import { isUnreadable, metaOf } from './envelope.ts';
import type { Draft, Meta, StoredMessage, Unreadable } from './envelope.ts';
import { RunId, TriggerId } from './ids.ts';
import { parseJson } from './run-message.ts';
import { parseSubject, subjects } from './subjects.ts';

export const TriggerKind = z.enum(['webhook', 'manual', 'schedule', 'upstream']);
export type TriggerKind = z.infer<typeof TriggerKind>;

const PinnedRule = z.object({ name: z.string(), generation: z.int().positive(), seq: z.int().positive() });
export type PinnedRule = z.infer<typeof PinnedRule>;

export const TriggerDecided = z.looseObject({
  triggerId: TriggerId,
  decision: z.enum(['run', 'no_rule', 'invalid']),
  detail: z.string().optional(),
  /** The sequence of `received`, which this decision expected. */
  receivedSeq: z.int().positive(),
  runs: z.array(z.object({ rule: PinnedRule.nullable(), runId: RunId })),
});
export type TriggerDecided = z.infer<typeof TriggerDecided>;

type Place = Readonly<{ org: string; source: string; triggerId: string; seq: number; at: number; id: string; meta: Meta }>;

export type TriggerReceived = Place &
  Readonly<{
    type: 'trigger.received';
    kind: TriggerKind;
    /** The producer's own event name, as `push`. */
    event: string;
    deliveryId: string;
    /** Keyed digest of the body as it came: tells a repeat from another message under the same id. */
    digest: string;
    data: unknown;
  }>;

export type TriggerEvent =
  | TriggerReceived
  | (Place & Readonly<{ type: 'trigger.decided'; body: TriggerDecided }>)
  | (Place & Readonly<{ type: 'unreadable'; problem: Unreadable }>);

export type ReceivedDraft = Readonly<{
  org: string;
  source: string;
  triggerId: string;
  kind: TriggerKind;
  event: string;
  deliveryId: string;
  digest: string;
  requestId: string;
  traceparent?: string | undefined;
  /** What may be kept of the request's headers, by allow-list. */
  headers?: Readonly<Record<string, string>>;
  body: Uint8Array | string;
}>;

/** Its id does not hash the body: the expectation of 0 on its own subject is what makes it unique. */
export function receivedDraft(draft: ReceivedDraft): Draft {
  const kept = Object.entries(draft.headers ?? {}).map(([name, value]) => [`wb-http-${name}`, value] as const);
  return {
    stream: 'WB_TRIGGERS',
    subject: subjects.trigger(draft.org, draft.source, draft.triggerId, 'received'),
    type: 'trigger.received',
    meta: {
      id: `${draft.org}:${draft.triggerId}:received`,
      source: '/waybill/api',
      requestId: draft.requestId,
      traceparent: draft.traceparent,
    },
    extra: {
      'wb-kind': draft.kind,
      'wb-event': draft.event,
      'wb-delivery': draft.deliveryId,
      'wb-digest': draft.digest,
      ...Object.fromEntries(kept),
    },
    body: draft.body,
  };
}

export const decidedDraft = (received: TriggerReceived, body: TriggerDecided): Draft => ({
  stream: 'WB_TRIGGERS',
  subject: subjects.trigger(received.org, received.source, received.triggerId, 'decided'),
  type: 'trigger.decided',
  meta: {
    id: `${received.org}:${received.triggerId}:decided@${received.seq}`,
    source: '/waybill/dispatcher',
    causation: received.id,
    requestId: received.meta.requestId,
    traceparent: received.meta.traceparent,
  },
  body: JSON.stringify(body),
});

/** A message of WB_TRIGGERS as an event. Total; undefined only for a subject that is no trigger's. */
export function readTriggerMessage(message: StoredMessage): TriggerEvent | undefined {
  const parsed = parseSubject(message.subject);
  if (parsed?.family !== 'trigger') return undefined;
  const { org, source, triggerId, step } = parsed;
  const meta = metaOf(message);
  const id = isUnreadable(meta) ? `unreadable@${message.seq}` : meta.id;
  const place = { org, source, triggerId, seq: message.seq, at: message.at, id };
  const unreadable = (problem: Unreadable): TriggerEvent => ({ ...place, meta: { id, source: '' }, type: 'unreadable', problem });
  if (isUnreadable(meta)) return unreadable(meta);
  const json = parseJson(message.body);
  if (json === undefined) return unreadable({ code: 'not-json', detail: 'the body is not JSON' });
  if (step === 'decided') {
    const body = TriggerDecided.safeParse(json);
    if (body.success) return { ...place, meta, type: 'trigger.decided', body: body.data };
    return unreadable({ code: 'invalid-body', detail: 'trigger.decided' });
  }
  const kind = TriggerKind.safeParse(message.header('wb-kind'));
  const digest = message.header('wb-digest');
  if (!kind.success || digest === undefined) return unreadable({ code: 'bad-envelope', detail: 'wb-kind and wb-digest are required' });
  const text = (name: string): string => decodeText(message.header(name) ?? '');
  return { ...place, meta, type: 'trigger.received', kind: kind.data, event: text('wb-event'), deliveryId: text('wb-delivery'), digest, data: json };
}

function decodeText(value: string): string {
  try {
    return value.includes('%') ? decodeURIComponent(value) : value;
  } catch {
    return value;
  }
}
