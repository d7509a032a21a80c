/**
 * Events of a run, to and from the log. `runDraft` makes a draft of a decision or a fact; `readRunMessage` is its inverse and
 * total: whatever cannot be read comes back as an `unreadable` event, which every fold counts and nobody acts on.
 */

import type { Draft, Meta, StoredMessage, Unreadable } from './envelope.ts';
import { headerText, isUnreadable, metaOf, SCHEMA_VERSION } from './envelope.ts';
import type { BodyOf, DecisionType, RunEventType } from './run-event.ts';
import {
  addressedTypes,
  isAddressed,
  isRunEventType,
  lastWordOf,
  mayLackAddressee,
  runEventBodies,
} from './run-event.ts';
import { parseSubject, subjects } from './subjects.ts';

type Place = Readonly<{
  org: string;
  runId: string;
  seq: number;
  at: number;
  id: string;
  meta: Meta;
}>;
type Readable = {
  readonly [T in RunEventType]: Place & Readonly<{ type: T; body: BodyOf<T> }>;
}[RunEventType];
export type RunEvent = Readable | (Place & Readonly<{ type: 'unreadable'; problem: Unreadable }>);
export type RunEventOf<T extends RunEventType> = Extract<Readable, { type: T }>;

const decoder = new TextDecoder();

/** JSON or undefined; never throws. */
export function parseJson(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(decoder.decode(bytes)) as unknown;
  } catch {
    return undefined;
  }
}

/** The type that a subject of WB_RUNS stands for: `to.<agent>.offered` is `job.offered`. */
function typeOf(parsed: ReturnType<typeof parseSubject>): string | undefined {
  if (parsed?.family === 'run')
    return isAddressed(parsed.type) && !mayLackAddressee(parsed.type) ? undefined : parsed.type;
  if (parsed?.family !== 'run-to') return undefined;
  return addressedTypes.find((type) => lastWordOf(type) === parsed.event);
}

/** A message of WB_RUNS as an event. Total; undefined only for a subject that is no run's. */
export function readRunMessage(message: StoredMessage): RunEvent | undefined {
  const parsed = parseSubject(message.subject);
  if (parsed?.family !== 'run' && parsed?.family !== 'run-to') return undefined;
  const { org, runId } = parsed;
  const unreadable = (problem: Unreadable, meta?: Meta): RunEvent => {
    const id = meta?.id ?? (headerText(message, 'ce-id') || `unreadable@${message.seq}`);
    return {
      type: 'unreadable',
      problem,
      org,
      runId,
      seq: message.seq,
      at: message.at,
      id,
      meta: meta ?? { id, source: '' },
    };
  };
  const meta = metaOf(message);
  if (isUnreadable(meta)) return unreadable(meta);
  const type = typeOf(parsed);
  if (type === undefined || !isRunEventType(type))
    return unreadable(
      { code: 'unknown-type', detail: 'no event type of this build lies on this subject' },
      meta,
    );
  const json = parseJson(message.body);
  if (json === undefined)
    return unreadable({ code: 'not-json', detail: 'the body is not JSON' }, meta);
  const body = runEventBodies[type].safeParse(json);
  if (!body.success) {
    const where = body.error.issues.map((issue) => issue.path.join('.') || '(body)').join(', ');
    return unreadable({ code: 'invalid-body', detail: `${type}: ${where}` }, meta);
  }
  // `type` and the schema that just parsed the body come from the same entry of the table.
  return {
    type,
    body: body.data,
    org,
    runId,
    seq: message.seq,
    at: message.at,
    id: meta.id,
    meta,
  } as RunEvent;
}

export type RunDraft<T extends RunEventType> = Readonly<{
  org: string;
  runId: string;
  type: T;
  meta: Omit<Meta, 'runId'>;
  /** The body as an object, or the frame as it came. */
  body: BodyOf<T> | string | Uint8Array;
  /** The agent, required for the types that are addressed. */
  to?: string;
}>;

export function runDraft<T extends RunEventType>(draft: RunDraft<T>): Draft {
  const { org, runId, type } = draft;
  const isWrong =
    draft.to === undefined ? isAddressed(type) && !mayLackAddressee(type) : !isAddressed(type);
  if (isWrong)
    throw new Error(`a draft of ${type} has an addressee exactly if its type is addressed`);
  const subject =
    draft.to === undefined
      ? subjects.run(org, runId, type)
      : subjects.runTo(org, runId, draft.to, lastWordOf(type));
  const body =
    typeof draft.body === 'string' || draft.body instanceof Uint8Array
      ? draft.body
      : JSON.stringify(draft.body);
  return { stream: 'WB_RUNS', subject, type, meta: { ...draft.meta, runId }, body };
}

/**
 * The id of a decision: what it decides and the sequence it expects. Two deciders that see the same log make the same id;
 * should their bodies differ, the log keeps the first and the other reads a conflict.
 */
export const decisionId = (
  org: string,
  runId: string,
  type: DecisionType,
  about: string,
  expectedSeq: number,
): string => `${org}:${runId}:${type}:${about}@${expectedSeq}.v${SCHEMA_VERSION}`;
