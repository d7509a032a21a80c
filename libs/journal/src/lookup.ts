/**
 * Reading what lies in the log without a consumer: one message, the last one, or all of one run. A direct read may be
 * answered by a replica that lags; `leader` and `minSeq` say when that is not good enough.
 */
import type { MsgRequest } from '@nats-io/jetstream';
import { Outage } from '@waybill/process';
import type { StoredMessage, StreamName } from '@waybill/protocol';
import { asking } from './answer.ts';
import type { Connection } from './connection.ts';
import { type DirectReads, openDirectReads } from './direct-read.ts';
import { leaderMessage } from './message.ts';

export type LoadOptions = Readonly<{
  /** Only from here on. */
  fromSeq?: number | undefined;
  /** Known to exist: what lacks it is not complete. */
  minSeq?: number | undefined;
  upToSeq?: number | undefined;
  leader?: boolean | undefined;
  deadlineMs?: number | undefined;
}>;

export type Lookup = Readonly<{
  get(
    stream: StreamName,
    seq: number,
    o?: { leader?: boolean },
  ): Promise<StoredMessage | undefined>;
  last(
    stream: StreamName,
    subject: string,
    o?: { leader?: boolean },
  ): Promise<StoredMessage | undefined>;
  load(stream: StreamName, filter: string, o?: LoadOptions): Promise<readonly StoredMessage[]>;
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
    close: direct.close,
  };
}

function fromLeader(
  connection: Connection,
  stream: StreamName,
  query: MsgRequest | Readonly<{ seq: number; next_by_subj: string }>,
): Promise<StoredMessage | undefined> {
  return asking(connection, `a message of ${stream}`, async () => {
    const found = await connection.jsm.streams.getMessage(stream, query);
    return found === null ? undefined : leaderMessage(stream, found);
  });
}

type Loading = Readonly<{
  connection: Connection;
  direct: DirectReads;
  stream: StreamName;
  filter: string;
  upToSeq: number;
  /** Incomplete without it. */
  wantedSeq: number;
  endsAtMs: number;
}>;

async function load(
  connection: Connection,
  direct: DirectReads,
  stream: StreamName,
  filter: string,
  o: LoadOptions,
): Promise<readonly StoredMessage[]> {
  const endsAtMs = connection.clock.monotonicMs() + (o.deadlineMs ?? loadDeadlineMs);
  const upToSeq = o.upToSeq ?? Number.MAX_SAFE_INTEGER;
  const last =
    o.leader === true ? await fromLeader(connection, stream, { last_by_subj: filter }) : undefined;
  const wantedSeq = Math.min(Math.max(o.minSeq ?? 0, last?.seq ?? 0), upToSeq);
  const loading = { connection, direct, stream, filter, upToSeq, wantedSeq, endsAtMs };
  const found: StoredMessage[] = [];
  if (!(await readPages(loading, o.fromSeq ?? 1, found)))
    await readLeader(loading, o.fromSeq ?? 1, found);
  return found.filter(({ seq }) => seq <= upToSeq);
}

/** False when replicas keep giving less than there must be. */
async function readPages(l: Loading, fromSeq: number, found: StoredMessage[]): Promise<boolean> {
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
async function readLeader(l: Loading, fromSeq: number, found: StoredMessage[]): Promise<void> {
  for (;;) {
    const nextSeq = (found.at(-1)?.seq ?? fromSeq - 1) + 1;
    const query = { seq: nextSeq, next_by_subj: l.filter };
    const message = await fromLeader(l.connection, l.stream, query);
    if (message === undefined || message.seq > l.upToSeq) return;
    found.push(message);
  }
}
