/** What the server says of a stream: which log it is, how far it goes, and what time it is there. */
import type { StreamInfo } from '@nats-io/jetstream';
import { asking, isStreamNotFound } from './answer.ts';
import type { LogName } from './bucket.ts';
import type { Connection } from './connection.ts';
import { instantOf } from './instant.ts';
import { JournalError } from './journal-error.ts';

/** Set once when a stream is created: a stream that was deleted and created again has another one. */
export const identityKey = 'waybill.identity';

export type LogInfo = Readonly<{
  identity: string;
  /** Server time of creation and of this answer, Unix milliseconds. */
  created: number;
  at: number;
  firstSeq: number;
  lastSeq: number;
  messages: number;
  bytes: number;
  /** -1 for no limit. */
  maxBytes: number;
  replicas: number;
}>;

export async function logInfo(connection: Connection, stream: LogName): Promise<LogInfo> {
  const info = await asking(connection, `the stream ${stream}`, () =>
    connection.jsm.streams.info(stream),
  ).catch((error: unknown) => {
    if (!isStreamNotFound(error)) throw error;
    throw new JournalError('no-stream', `the stream ${stream} does not exist: provision it first`, {
      cause: error,
    });
  });
  return {
    identity: identityOf(info),
    created: instantOf(info.created),
    at: instantOf(timestampOf(info)),
    firstSeq: info.state.first_seq,
    lastSeq: info.state.last_seq,
    messages: info.state.messages,
    bytes: info.state.bytes,
    maxBytes: info.config.max_bytes,
    replicas: info.config.num_replicas,
  };
}

/** A stream that was not provisioned by us is at least known by its creation. */
export const identityOf = (info: StreamInfo): string =>
  info.config.metadata?.[identityKey] ?? info.created;

/** `ts` is in every answer of the server, though not in the client's types; it moves when nothing is published. */
export function timestampOf(info: StreamInfo): string {
  if ('ts' in info && typeof info.ts === 'string') return info.ts;
  throw new TypeError('the server gives no time with the state of a stream');
}
