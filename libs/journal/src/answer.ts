/**
 * What the server's answers mean, in one place: error codes of an append, and failures of an API call.
 * Whatever leaves open what happened is an outage or `again`, never a refusal.
 */
import { JetStreamApiCodes, JetStreamApiError } from '@nats-io/jetstream';
import { AuthorizationError, PermissionViolationError } from '@nats-io/nats-core';
import { isOutage, Outage } from '@waybill/process';
import type { Connection } from './connection.ts';
import { isJournalError, isLogRegressed, JournalError } from './journal-error.ts';

export type RefusalCode = 'stream-full' | 'too-large' | 'no-stream' | 'not-permitted';
export type AppendError = Readonly<{ code: number; errCode: number; description: string }>;

const codes = {
  accountResourcesExceeded: 10_002,
  consumerNotFound: JetStreamApiCodes.ConsumerNotFound,
  memoryResourcesExceeded: 10_028,
  storageResourcesExceeded: 10_047,
  messageTooLarge: 10_054,
  nameInUse: 10_058,
  streamNotFound: JetStreamApiCodes.StreamNotFound,
  streamMismatch: 10_060,
  storeFailed: 10_077,
  wrongLastSequence: JetStreamApiCodes.StreamWrongLastSequence,
  /** The expectation collides with an append still in flight on a replicated stream; may pass on a retry. */
  wrongLastSequenceInFlight: JetStreamApiCodes.StreamWrongLastSequenceUnknown,
} as const;

/** `again`: stored or not is not known, or the server may accept it later. */
export function meaningOf(error: AppendError): RefusalCode | 'wrong-sequence' | 'again' {
  switch (error.errCode) {
    case codes.wrongLastSequence:
    case codes.wrongLastSequenceInFlight:
      return 'wrong-sequence';
    case codes.storeFailed:
      // The same code stands for a failing disk, of which nobody knows whether it wrote.
      return /^maximum .* exceeded/.test(error.description) ? 'stream-full' : 'again';
    case codes.accountResourcesExceeded:
    case codes.memoryResourcesExceeded:
    case codes.storageResourcesExceeded:
      return 'stream-full';
    case codes.messageTooLarge:
      return 'too-large';
    case codes.streamNotFound:
    case codes.streamMismatch:
      return 'no-stream';
    default:
      return error.code >= 500 || error.code === 408 ? 'again' : 'not-permitted';
  }
}

const hasCode = (error: unknown, code: number): boolean =>
  error instanceof JetStreamApiError && error.code === code;

export const isStreamNotFound = (error: unknown): boolean => hasCode(error, codes.streamNotFound);
export const isConsumerNotFound = (error: unknown): boolean =>
  hasCode(error, codes.consumerNotFound);
export const isWrongSequence = (error: unknown): boolean =>
  hasCode(error, codes.wrongLastSequence) || hasCode(error, codes.wrongLastSequenceInFlight);
export const isNameInUse = (error: unknown): boolean => hasCode(error, codes.nameInUse);

/**
 * One call of the JetStream API, with the client library's many errors turned into ours; API errors keep their code. A
 * lost connection ends it at once: nobody will answer.
 */
export async function asking<T>(
  connection: Connection,
  what: string,
  call: () => Promise<T>,
): Promise<T> {
  const lost = Promise.withResolvers<never>();
  const stopListening = connection.onDrop(() =>
    lost.reject(
      new Outage('nats-disconnected', `the connection was lost before NATS answered ${what}`),
    ),
  );
  try {
    return await Promise.race([call(), lost.promise]);
  } catch (error) {
    throw meant(what, error);
  } finally {
    stopListening();
  }
}

function meant(what: string, error: unknown): unknown {
  if (isOutage(error) || isJournalError(error) || isLogRegressed(error)) return error;
  if (isDenied(error)) {
    return new JournalError('not-permitted', `the NATS user may not ask for ${what}`, {
      cause: error,
    });
  }
  if (error instanceof JetStreamApiError) {
    return error.status >= 500
      ? new Outage('nats-refusing', `NATS cannot answer ${what} now`, { cause: error })
      : error;
  }
  if (error instanceof Error && silence.has(error.constructor.name)) {
    return new Outage('nats-unanswered', `NATS did not answer ${what}`, { cause: error });
  }
  return error;
}

/** By name, because not all of them are exported. */
const silence: ReadonlySet<string> = new Set([
  'ClosedConnectionError',
  'ConnectionError',
  'DrainingConnectionError',
  'JetStreamNotEnabled',
  'NoRespondersError',
  'ProtocolError',
  'RequestError',
  'TimeoutError',
]);

function isDenied(error: unknown): boolean {
  if (error instanceof PermissionViolationError || error instanceof AuthorizationError) return true;
  return error instanceof Error && error.cause !== undefined && isDenied(error.cause);
}
