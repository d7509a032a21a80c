/**
 * One write to a table: expects what lies there, so that of all who try one succeeds. An unknown outcome is tried again under the
 * same id, and what lies there afterwards says whose it is.
 */
import { isOutage, newId, Outage, retry } from '@waybill/process';
import { meaningOf } from './answer.ts';
import type { Stored, TableName } from './bucket.ts';
import type { Connection } from './connection.ts';
import { JournalError } from './journal-error.ts';
import type { Lookup } from './lookup.ts';
import { idHeader, idOf } from './message.ts';
import { outgoingHeaders } from './outgoing-headers.ts';
import type { Answer, Publisher } from './publisher.ts';

export type TableDeps = Readonly<{ connection: Connection; publisher: Publisher; lookup: Lookup }>;
export type Write = Readonly<{
  table: TableName;
  subject: string;
  body: Uint8Array;
  /** The sequence of what lies there; 0 for nothing. */
  expect: number;
  headers: Readonly<Record<string, string>>;
}>;

const attemptMs = 2_000;
const deadlineMs = 8_000;
const pauseMs = 50;

/** The sequence it was stored at; undefined where something else lies there. */
export async function writeOnce(deps: TableDeps, write: Write): Promise<number | undefined> {
  const { clock } = deps.connection;
  const id = newId();
  const headers = {
    ...write.headers,
    [idHeader]: id,
    'Nats-Expected-Last-Subject-Sequence': String(write.expect),
  };
  const endsAtMs = clock.monotonicMs() + deadlineMs;
  for (let attempt = 1; ; attempt++) {
    const untilMs = Math.min(clock.monotonicMs() + attemptMs, endsAtMs);
    const answer = await publish(deps.publisher, write, headers, untilMs);
    if (answer.kind === 'stored') return answer.seq;
    if (isConflict(answer)) {
      const found = await whatLies(deps, write);
      if (found !== undefined && idOf(found) === id) return found.seq;
      // On a replicated bucket the answer may be about a write in flight that came to nothing.
      if ((found?.seq ?? 0) !== write.expect) return undefined;
    }
    const cause = troubleOf(answer, write.table);
    if (clock.monotonicMs() + pauseMs * attempt > endsAtMs)
      throw new Outage('table-unanswered', `${write.table} did not take a write in time`, {
        cause,
      });
    await clock.sleep(pauseMs * attempt);
  }
}

/** The truth, from the leader; a lost connection is waited out. */
export const whatLies = (
  { connection, lookup }: TableDeps,
  { table, subject }: Pick<Write, 'table' | 'subject'>,
): Promise<Stored<TableName> | undefined> =>
  retry(() => lookup.last(table, subject, { leader: true }), {
    clock: connection.clock,
    deadlineMs,
    retryable: isOutage,
  });

const publish = (
  publisher: Publisher,
  { subject, body }: Write,
  headers: Readonly<Record<string, string>>,
  untilMs: number,
): Promise<Answer> =>
  new Promise((done) => {
    publisher.publish({ subject, body, headers: outgoingHeaders(headers), untilMs, done });
  });

const isConflict = (answer: Answer): boolean =>
  answer.kind === 'error' && meaningOf(answer.error) === 'wrong-sequence';

/** What may pass on a retry; throws for what does not. */
function troubleOf(answer: Exclude<Answer, { kind: 'stored' }>, table: TableName): unknown {
  switch (answer.kind) {
    case 'silent':
      return answer.cause;
    case 'denied':
      throw new JournalError('not-permitted', answer.detail);
    case 'too-large':
      throw new RangeError(answer.detail);
    case 'error': {
      const { error } = answer;
      const said = `${table} refuses a write: ${error.description} (${error.errCode})`;
      const meaning = meaningOf(error);
      if (meaning === 'no-stream') throw new JournalError('no-stream', said);
      if (meaning === 'not-permitted') throw new JournalError('not-permitted', said);
      if (meaning === 'too-large') throw new RangeError(said);
      if (meaning === 'stream-full') throw new Outage('table-full', said);
      return new Outage('append-refused', said);
    }
  }
}
