/**
 * Where a stream of events begins: after the id that a client has seen, or at the end of the log as it is now. An id names the
 * log and the event as well as the sequence, so that another log under the same sequences is told and not silently followed.
 */
import { createHash } from 'node:crypto';
import { type Position, positionOf } from '@waybill/journal';
import type { StoredMessage, StreamName } from '@waybill/protocol';
import type { FastifyRequest } from 'fastify';
import { z } from 'zod';
import type { Problem } from '../domain/problems.ts';
import { isProblem } from './answer.ts';
import type { ApiContext } from './api-context.ts';
import { headersOf, queryOf } from './request-read.ts';

const ID = /^(\d{1,15})(?:-([0-9a-f]{8})([0-9a-f]{8}))?$/;

/** What EventSource cannot send the first time may stand in the query. */
const Resumed = z.object({
  lastEventId: z.string().regex(ID, 'must be an id of this stream').optional(),
});

/** `identity` of the log that is followed. */
export type Begin = Readonly<{ from: Position | undefined; identity: string }>;
/** Without marks it is a bare sequence, as a person asks for it. */
export type Resumption = Readonly<{
  seq: number;
  marks: Readonly<{ log: string; event: string }> | undefined;
}>;

const markOf = (text: string): string =>
  createHash('sha256').update(text).digest('hex').slice(0, 8);

/** The id of an event in a stream: opaque to clients. */
export const eventIdOf = (identity: string, message: StoredMessage): string =>
  `${message.seq}-${markOf(identity)}${markOf(positionOf(identity, message).id)}`;

/** After what the client wants to go on; undefined for one that is new. */
export function resumptionOf(request: FastifyRequest): Resumption | undefined | Problem {
  const header = headersOf(request)('last-event-id');
  if (header !== undefined && header !== '')
    return (
      readId(header) ?? {
        code: 'cursor-stale',
        detail: 'The Last-Event-ID was not given by this stream.',
      }
    );
  const query = queryOf(request, Resumed);
  if (isProblem(query)) return query;
  return query.lastEventId === undefined ? undefined : readId(query.lastEventId);
}

function readId(id: string): Resumption | undefined {
  const [, seq, log, event] = ID.exec(id) ?? [];
  if (seq === undefined) return undefined;
  const marks = log === undefined || event === undefined ? undefined : { log, event };
  return { seq: Number(seq), marks };
}

/** `seq` 0 is the beginning. */
export async function beginAfter(
  api: ApiContext,
  stream: StreamName,
  { seq, marks }: Resumption,
): Promise<Begin | Problem> {
  const { identity, firstSeq, lastSeq } = await api.journal.info(stream);
  if (seq === 0) return { from: undefined, identity };
  if (marks !== undefined && marks.log !== markOf(identity))
    return stale('The Last-Event-ID is of another log.');
  if (seq > lastSeq) return stale(`The log ends at ${lastSeq}.`);
  const message = await api.journal.get(stream, seq, { leader: true });
  if (message !== undefined) {
    const from = positionOf(identity, message);
    return marks === undefined || marks.event === markOf(from.id)
      ? { from, identity }
      : stale('Another event lies at this place of the log.');
  }
  // A bounded stream has dropped it: what is left comes next.
  if (seq < firstSeq) return { from: { identity, seq, id: '' }, identity };
  return stale('Nothing lies at this place of the log.');
}

const stale = (detail: string): Problem => ({ code: 'cursor-stale', detail });

export async function beginNow(api: ApiContext, stream: StreamName): Promise<Begin | Problem> {
  const { lastSeq } = await api.journal.info(stream);
  return beginAfter(api, stream, { seq: lastSeq, marks: undefined });
}
