/**
 * Triggers in WB_TRIGGERS: `received` is the producer's message as it came, with what is known of it in headers; `decided` is
 * the one decision about it, which names pinned generations and run ids. Runs are created after it, by whoever finds one missing.
 */
import { z } from 'zod';
import type { Draft, Meta, StoredMessage, Unreadable } from './envelope.ts';
import { headerText, isUnreadable, metaOf } from './envelope.ts';
import { RunId, TriggerId, triggerOfRun } from './ids.ts';
import { Trust } from './run-created.ts';
import { parseJson } from './run-message.ts';
import { parseSubject, subjects } from './subjects.ts';

export const TriggerKind = z.enum(['webhook', 'manual', 'schedule', 'upstream']);
export type TriggerKind = z.infer<typeof TriggerKind>;

const PinnedRule = z
  .object({
    name: z.string().describe('The rule.'),
    generation: z.int().positive().describe('Its generation.'),
    seq: z.int().positive().describe('The sequence of that generation in WB_CONFIG.'),
  })
  .meta({ title: 'PinnedRule', description: 'The generation of a rule that a trigger matched.' });
export type PinnedRule = z.infer<typeof PinnedRule>;

const DecidedRun = z
  .object({
    rule: PinnedRule.nullable().describe(
      'The rule that asks for the run; null if it was asked for directly.',
    ),
    runId: RunId.describe('The run, which is created after this event.'),
  })
  .meta({ title: 'DecidedRun', description: 'A run that a trigger leads to.' });

export const TriggerDecided = z.looseObject({
  triggerId: TriggerId.describe('The trigger; the same as on the subject.'),
  decision: z
    .enum(['run', 'no_rule', 'invalid'])
    .describe('What follows: runs, nothing, or nothing because it makes no sense.'),
  detail: z.string().optional().describe('Why, in words.'),
  receivedSeq: z
    .int()
    .positive()
    .describe('The sequence of `received`, which this decision expected.'),
  runs: z.array(DecidedRun).describe('The runs, in the order of their indexes.'),
});
export type TriggerDecided = z.infer<typeof TriggerDecided>;

type Place = Readonly<{
  org: string;
  source: string;
  triggerId: string;
  seq: number;
  at: number;
  id: string;
  meta: Meta;
}>;

export type TriggerReceived = Place &
  Readonly<{
    type: 'trigger.received';
    kind: TriggerKind;
    /** The producer's own event name, as `push`. */
    event: string;
    deliveryId: string;
    /** Keyed digest of the body as it came: tells a repeat from another message under the same id. */
    digest: string;
    /** Runs before it that were each started by an event of the one before. */
    chainDepth: number;
    trust: Trust;
    /** The person or program that asked with an API key. */
    askedBy?: string;
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
  /** Of an emitted event. */
  chainDepth?: number;
  trust?: Trust;
  /** The person or program that asks with an API key. */
  askedBy?: string;
  /** Who appends it, if not the api. */
  appender?: string;
  body: Uint8Array | string;
}>;

/** Its id does not hash the body: the expectation of 0 on its own subject is what makes it unique. */
export function receivedDraft(draft: ReceivedDraft): Draft {
  const kept = Object.entries(draft.headers ?? {}).map(
    ([name, value]) => [`wb-http-${name}`, value] as const,
  );
  return {
    stream: 'WB_TRIGGERS',
    subject: subjects.trigger(draft.org, draft.source, draft.triggerId, 'received'),
    type: 'trigger.received',
    meta: {
      id: `${draft.org}:${draft.triggerId}:received`,
      source: draft.appender ?? '/waybill/api',
      requestId: draft.requestId,
      traceparent: draft.traceparent,
    },
    extra: {
      'wb-kind': draft.kind,
      'wb-event': draft.event,
      'wb-delivery': draft.deliveryId,
      'wb-digest': draft.digest,
      ...(draft.chainDepth === undefined ? {} : { 'wb-chain-depth': String(draft.chainDepth) }),
      ...(draft.trust === undefined ? {} : { 'wb-trust': draft.trust }),
      ...(draft.askedBy === undefined ? {} : { 'wb-asked-by': draft.askedBy }),
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
  const unreadable = (problem: Unreadable): TriggerEvent => ({
    ...place,
    meta: { id, source: '' },
    type: 'unreadable',
    problem,
  });
  if (isUnreadable(meta)) return unreadable(meta);
  const json = parseJson(message.body);
  if (json === undefined) return unreadable({ code: 'not-json', detail: 'the body is not JSON' });
  if (step === 'decided') {
    const body = TriggerDecided.safeParse(json);
    if (body.success && isAbout(triggerId, body.data))
      return { ...place, meta, type: 'trigger.decided', body: body.data };
    return unreadable({ code: 'invalid-body', detail: 'trigger.decided' });
  }
  const kind = TriggerKind.safeParse(message.header('wb-kind'));
  const text = (name: string): string => headerText(message, name) ?? '';
  const digest = text('wb-digest');
  if (!kind.success || digest === '')
    return unreadable({ code: 'bad-envelope', detail: 'wb-kind and wb-digest are required' });
  const origin = originOf(message);
  // What bounds a chain of runs is not guessed.
  if (origin === undefined)
    return unreadable({ code: 'bad-envelope', detail: 'wb-chain-depth or wb-trust is not one' });
  return {
    ...place,
    meta,
    type: 'trigger.received',
    kind: kind.data,
    event: text('wb-event'),
    deliveryId: text('wb-delivery'),
    digest,
    ...origin,
    data: json,
  };
}

type Origin = Pick<TriggerReceived, 'chainDepth' | 'trust' | 'askedBy'>;

/** Undefined where a header is not what was written. */
function originOf(message: StoredMessage): Origin | undefined {
  const depth = message.header('wb-chain-depth') ?? '0';
  const trust = Trust.safeParse(message.header('wb-trust') ?? 'trusted');
  if (!/^\d{1,6}$/.test(depth) || !trust.success) return undefined;
  const askedBy = headerText(message, 'wb-asked-by');
  const asked = askedBy === undefined ? {} : { askedBy };
  return { chainDepth: Number(depth), trust: trust.data, ...asked };
}

/** Runs are created from what a decision names: one that names another trigger's runs would create them a second time. */
const isAbout = (triggerId: string, body: TriggerDecided): boolean =>
  body.triggerId === triggerId && body.runs.every((run) => triggerOfRun(run.runId) === triggerId);
