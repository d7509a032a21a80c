/**
 * What stands around every stored body: the message as it came, with CloudEvents attributes (`ce-*`) and Waybill's own
 * (`wb-*`) as headers. A Draft is a message to append; a StoredMessage is what the log gives back. Both are plain data:
 * libs/journal is the only place that turns them into NATS messages.
 */
import type { StreamName } from './streams.ts';

/** Raised only when a reader of the older version would misjudge the log; a reader stops at a version it does not know. */
export const SCHEMA_VERSION = 1;

export type Meta = Readonly<{
  /** The event's id: what the decision decides and expects, or session and frame number of a fact. */
  id: string;
  /** Who appended it, as `/waybill/dispatcher`. */
  source: string;
  runId?: string | undefined;
  jobId?: string | undefined;
  attempt?: number | undefined;
  fence?: number | undefined;
  agentId?: string | undefined;
  /** The sequence in WB_AGENTS of the `registered` event that opened the session. */
  session?: number | undefined;
  /** The lease under which it was decided, for people who look for the decider. */
  epoch?: number | undefined;
  /** The id of the event that led to this one. */
  causation?: string | undefined;
  /** Trace id of the originating request; reaches the dispatch however late it is. */
  requestId?: string | undefined;
  traceparent?: string | undefined;
}>;

export type Draft = Readonly<{
  stream: StreamName;
  subject: string;
  /** As on the subject: `job.offered`, `trigger.received`. */
  type: string;
  meta: Meta;
  /** JSON text or the raw bytes of the message as it came. */
  body: string | Uint8Array;
  /** Further headers of this one kind of event, without `ce-`; keys in lower case. */
  extra?: Readonly<Record<string, string>>;
}>;

export type StoredMessage = Readonly<{
  stream: StreamName;
  seq: number;
  /** Server time: Unix milliseconds of the stored message, rounded down. */
  at: number;
  subject: string;
  header: (name: string) => string | undefined;
  body: Uint8Array;
}>;

const NUMERIC = {
  'wb-attempt': 'attempt',
  'wb-fence': 'fence',
  'wb-session': 'session',
  'wb-epoch': 'epoch',
} as const;
const TEXT = {
  'wb-run': 'runId',
  'wb-job': 'jobId',
  'wb-agent': 'agentId',
  'wb-causation': 'causation',
  'wb-request-id': 'requestId',
  traceparent: 'traceparent',
} as const;

/** Header names and values of a draft, `Nats-Msg-Id` left to the journal. */
export function headersOf(draft: Draft): Readonly<Record<string, string>> {
  const { meta } = draft;
  const headers: Record<string, string> = {
    'ce-specversion': '1.0',
    'ce-id': encodeHeader(meta.id),
    'ce-source': encodeHeader(meta.source),
    'ce-type': encodeHeader(draft.type),
    'wb-version': String(SCHEMA_VERSION),
  };
  for (const [name, key] of Object.entries(TEXT)) {
    const value = meta[key];
    if (value !== undefined) headers[name] = encodeHeader(value);
  }
  for (const [name, key] of Object.entries(NUMERIC)) {
    const value = meta[key];
    if (value !== undefined) headers[name] = String(value);
  }
  for (const [name, value] of Object.entries(draft.extra ?? {}))
    headers[name] = encodeHeader(value);
  return headers;
}

/** Why a message of the log cannot be read as an event. */
export type Unreadable = Readonly<{
  code:
    | 'unknown-subject'
    | 'unknown-type'
    | 'bad-envelope'
    | 'not-json'
    | 'invalid-body'
    | 'newer-version';
  detail: string;
}>;

/** The inverse of `headersOf`. A message without id or with a newer version is unreadable. */
export function metaOf(message: StoredMessage): Meta | Unreadable {
  const id = headerText(message, 'ce-id');
  const version = Number(message.header('wb-version') ?? Number.NaN);
  if (id === undefined || id === '' || !Number.isInteger(version) || version < 1)
    return { code: 'bad-envelope', detail: 'the headers ce-id and wb-version are required' };
  if (version > SCHEMA_VERSION)
    return {
      code: 'newer-version',
      detail: `schema version ${version}, this build knows ${SCHEMA_VERSION}`,
    };
  const meta: Record<string, string | number> = {
    id,
    source: headerText(message, 'ce-source') ?? '',
  };
  for (const [name, key] of Object.entries(TEXT)) {
    const value = headerText(message, name);
    if (value !== undefined) meta[key] = value;
  }
  for (const [name, key] of Object.entries(NUMERIC)) {
    const value = message.header(name);
    if (value === undefined) continue;
    if (!/^\d{1,15}$/.test(value))
      return { code: 'bad-envelope', detail: `the header ${name} is not a number` };
    meta[key] = Number(value);
  }
  return meta as Meta; // every key was set above from its own table, with its own type
}

export const isUnreadable = (value: object): value is Unreadable =>
  'code' in value && 'detail' in value;

const PLAIN = /^[\x21\x23\x24\x26-\x7e](?:[\x20\x21\x23\x24\x26-\x7e]*[\x21\x23\x24\x26-\x7e])?$/;

/**
 * CloudEvents over HTTP: what is not printable ASCII (and `%`, `"`) is percent-encoded, so that a foreign id cannot inject a
 * header. A lone surrogate, which UTF-8 cannot carry, becomes U+FFFD.
 */
const encodeHeader = (value: string): string =>
  PLAIN.test(value) ? value : encodeURIComponent(value.toWellFormed());

/** A header that `headersOf` wrote, as the text that went in. */
export function headerText(message: StoredMessage, name: string): string | undefined {
  const value = message.header(name);
  if (value?.includes('%') !== true) return value;
  try {
    return decodeURIComponent(value);
  } catch {
    return value;
  }
}
