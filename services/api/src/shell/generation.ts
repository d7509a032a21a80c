/**
 * The next generation of something in WB_CONFIG. It is appended with the expectation of its own last sequence, so that two who
 * change it at once make two generations and lose none; what is the same already is left as it is.
 */
import { parseJson, type StoredMessage } from '@waybill/protocol';
import type { FastifyRequest } from 'fastify';
import type { Problem } from '../domain/problems.ts';
import { tooLarge } from './answer.ts';
import type { ApiContext } from './api-context.ts';
import { originOf } from './request-read.ts';

/** `T`: a generation as it is stored. */
export type Change<T extends Readonly<{ generation: number }>> = Readonly<{
  subject: string;
  /** Names it in the ids of its events. */
  name: string;
  type: string;
  read: (json: unknown) => T | undefined;
  /** The generation that follows; undefined where nothing would change. */
  next: (current: T | undefined, generation: number) => T | undefined;
}>;

export type Changed<T> = Readonly<{ value: T; seq: number; unchanged: boolean }>;

/** Each lost race is another's generation: many in a row mean that somebody changes it in a loop. */
const triesMax = 8;

export async function storeGeneration<T extends Readonly<{ generation: number }>>(
  api: ApiContext,
  request: FastifyRequest,
  change: Change<T>,
): Promise<Changed<T> | Problem> {
  const { subject, name, type } = change;
  for (let tries = 0; tries < triesMax; tries++) {
    const last = await lastGeneration(api, subject);
    const current = last === undefined ? undefined : change.read(parseJson(last.body));
    const lastSeq = last?.seq ?? 0;
    const value = change.next(current, (current?.generation ?? 0) + 1);
    if (value === undefined && current !== undefined)
      return { value: current, seq: lastSeq, unchanged: true };
    if (value === undefined) return { code: 'rule-conflict' };
    const meta = {
      id: `${api.org}:${name}@${lastSeq}`,
      source: '/waybill/api',
      ...originOf(request),
    };
    const draft = {
      stream: 'WB_CONFIG',
      subject,
      type,
      meta,
      body: JSON.stringify(value),
    } as const;
    const outcome = await api.journal.append(
      draft,
      { filter: subject, lastSeq },
      { deadlineMs: api.bounds.appendMs },
    );
    if (outcome.outcome === 'stored') return { value, seq: outcome.seq, unchanged: false };
    if (outcome.outcome === 'unknown') return { code: 'log-unavailable' };
    if (outcome.outcome === 'refused') return refused(api, outcome.code);
  }
  return { code: 'rule-conflict' };
}

export const lastGeneration = (
  api: ApiContext,
  subject: string,
): Promise<StoredMessage | undefined> => api.journal.last('WB_CONFIG', subject, { leader: true });

function refused(api: ApiContext, code: string): Problem {
  if (code === 'stream-full') return { code: 'log-full', detail: 'The stream WB_CONFIG is full.' };
  if (code === 'too-large')
    return tooLarge(api.journal.maxPayload - api.bounds.payloadReserveBytes);
  return { code: 'log-unavailable' };
}
