/**
 * Reading what lies in the log without a consumer: one message, the last one, or all of one run. A direct read may be
 * answered by a replica that lags; `leader` and `minSeq` say when that is not good enough.
 */
import type { MsgRequest } from '@nats-io/jetstream';
import { Outage } from '@waybill/process';
import { asking } from './answer.ts';
import type { LogName, Stored } from './bucket.ts';
import type { Connection } from './connection.ts';
import { type DirectReads, openDirectReads } from './direct-read.ts';
import { leaderMessage } from './message.ts';
import { loadSparse } from './sparse-load.ts';

export type LoadOptions = Readonly<{
  /** Only from here on. */
  fromSeq?: number | undefined;
  /** Known to exist: what lacks it is not complete. */
  minSeq?: number | undefined;
  upToSeq?: number | undefined;
  leader?: boolean | undefined;
  /**
   * The run is short and its events may lie thousands of others apart: they are found by subject and by what each decision
   * expected, because to find one from the one before the server looks at all between. Gives the same; a long run costs more.
   */
  sparse?: boolean | undefined;
  deadlineMs?: number | undefined;
}>;

export type Lookup = Readonly<{
  get<S extends LogName>(
    stream: S,
    seq: number,
    o?: { leader?: boolean },
  ): Promise<Stored<S> | undefined>;
  last<S extends LogName>(
    stream: S,
    subject: string,
    o?: { leader?: boolean },
  ): Promise<Stored<S> | undefined>;
  load<S extends LogName>(
    stream: S,
    filter: string,
    o?: LoadOptions,
  ): Promise<readonly Stored<S>[]>;
  /** So many from there on as fit; a replica that lags may answer with less than there is. */
  page: DirectReads['page'];
  close(): void;
}>;

const loadDeadlineMs = 10_000;
const retryMs = 25;
/** So many answers of replicas may be incomplete before the leader is asked for one message after the other. */
const incompleteMax = 4;

export function openLookup(connection: Connection): Lookup {
  const direct = openDirectReads(connection);
  return {
    get: (stream, seq, o) => {
      if (o?.leader === true) return fromLeader(connection, stream, { seq });
      return direct.one(stream, { seq });
    },
    last: (stream, subject, o) => {
      if (o?.leader === true) return fromLeader(connection, stream, { last_by_subj: subject });
      return direct.one(stream, { last_by_subj: subject });
    },
    load: (stream, filter, o) => load(connection, direct, stream, filter, o ?? {}),
    page: direct.page,
    close: direct.close,
  };
}

function fromLeader<S extends LogName>(
  connection: Connection,
  stream: S,
  query: MsgRequest | Readonly<{ seq: number; next_by_subj: string }>,
): Promise<Stored<S> | undefined> {
  return asking(connection, `a message of ${stream}`, async () => {
    const found = await connection.jsm.streams.getMessage(stream, query);
    return found === null ? undefined : leaderMessage(stream, found);
  });
}

type Loading<S extends LogName> = Readonly<{
  connection: Connection;
  direct: DirectReads;
  stream: S;
  filter: string;
  upToSeq: number;
  /** Incomplete without it. */
  wantedSeq: number;
  endsAtMs: number;
}>;

async function load<S extends LogName>(
  connection: Connection,
  direct: DirectReads,
  stream: S,
  filter: string,
  o: LoadOptions,
): Promise<readonly Stored<S>[]> {
  const endsAtMs = connection.clock.monotonicMs() + (o.deadlineMs ?? loadDeadlineMs);
  const upToSeq = o.upToSeq ?? Number.MAX_SAFE_INTEGER;
  const last =
    o.leader === true ? await fromLeader(connection, stream, { last_by_subj: filter }) : undefined;
  const wantedSeq = Math.min(Math.max(o.minSeq ?? 0, last?.seq ?? 0), upToSeq);
  const loading = { connection, direct, stream, filter, upToSeq, wantedSeq, endsAtMs };
  if (o.sparse === true) {
    const all = await loadSparse(connection, direct, { stream, filter, wantedSeq });
    if (all !== undefined)
      return all.filter(({ seq }) => seq >= (o.fromSeq ?? 1) && seq <= upToSeq);
  }
  const found: Stored<S>[] = [];
  if (!(await readPages(loading, o.fromSeq ?? 1, found)))
    await readLeader(loading, o.fromSeq ?? 1, found);
  return found.filter(({ seq }) => seq <= upToSeq);
}

/** False when replicas keep giving less than there must be. */
async function readPages<S extends LogName>(
  l: Loading<S>,
  fromSeq: number,
  found: Stored<S>[],
): Promise<boolean> {
  const { clock } = l.connection;
  let nextSeq = fromSeq;
  let owed = 0;
  for (let incomplete = 0; incomplete < incompleteMax; ) {
    if (clock.monotonicMs() > l.endsAtMs) {
      throw new Outage('load-unanswered', `${l.stream} was not read in time`);
    }
    const page = await l.direct.page(l.stream, { seq: nextSeq, next_by_subj: l.filter });
    found.push(...page.messages);
    nextSeq = (page.messages.at(-1)?.seq ?? nextSeq - 1) + 1;
    if (nextSeq > l.upToSeq) return true;
    owed = Math.max(owed - page.messages.length, page.left);
    if (page.left > 0) continue;
    // Pages may come from different replicas, and a later one may lag behind what an earlier one promised.
    if (owed === 0 && nextSeq > l.wantedSeq) return true;
    incomplete += 1;
    await clock.sleep(retryMs * incomplete);
  }
  return false;
}

/** One message after the other, the rest of what the leader has. */
async function readLeader<S extends LogName>(
  l: Loading<S>,
  fromSeq: number,
  found: Stored<S>[],
): Promise<void> {
  for (;;) {
    const nextSeq = (found.at(-1)?.seq ?? fromSeq - 1) + 1;
    const query = { seq: nextSeq, next_by_subj: l.filter };
    const message = await fromLeader(l.connection, l.stream, query);
    if (message === undefined || message.seq > l.upToSeq) return;
    found.push(message);
  }
}
