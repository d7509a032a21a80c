/** Where a stream of events begins: after the id that a client has seen, or at the end of the log as it is now. */
import { type Position, positionOf } from '@waybill/journal';
import type { StreamName } from '@waybill/protocol';
import type { FastifyRequest } from 'fastify';
import { z } from 'zod';
import type { Problem } from '../domain/problems.ts';
import { isProblem } from './answer.ts';
import type { ApiContext } from './api-context.ts';
import { headersOf, queryOf, seqParameter } from './request-read.ts';

/** What EventSource cannot send the first time may stand in the query. */
const Resumed = z.object({ lastEventId: seqParameter });

export type Begin = Readonly<{ from: Position | undefined }>;

/** The sequence after which the client wants to go on; undefined for one that is new. */
export function resumedSeq(request: FastifyRequest): number | undefined | Problem {
  const header = headersOf(request)('last-event-id');
  if (header === undefined || header === '') {
    const query = queryOf(request, Resumed);
    return isProblem(query) ? query : query.lastEventId;
  }
  if (/^\d{1,15}$/.test(header)) return Number(header);
  return { code: 'cursor-stale', detail: 'The Last-Event-ID was not given by this stream.' };
}

/** `seq` 0 is the beginning. */
export async function beginAfter(
  api: ApiContext,
  stream: StreamName,
  seq: number,
): Promise<Begin | Problem> {
  if (seq === 0) return { from: undefined };
  const { identity, firstSeq, lastSeq } = await api.journal.info(stream);
  if (seq > lastSeq) return { code: 'cursor-stale', detail: `The log ends at ${lastSeq}.` };
  const message = await api.journal.get(stream, seq, { leader: true });
  if (message !== undefined) return { from: positionOf(identity, message) };
  // A bounded stream has dropped it: what is left comes next.
  if (seq < firstSeq) return { from: { identity, seq, id: '' } };
  return { code: 'cursor-stale', detail: 'Nothing lies at this place of the log.' };
}

export async function beginNow(api: ApiContext, stream: StreamName): Promise<Begin | Problem> {
  return beginAfter(api, stream, (await api.journal.info(stream)).lastSeq);
}
