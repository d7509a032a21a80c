/**
 * All of a short run whose events lie far apart, at a cost that does not grow with what lies between: the last event of each
 * subject, then back along the sequences that decisions were stored with. Complete, because the server's count says so.
 */
import { asking } from './answer.ts';
import type { LogName, Stored } from './bucket.ts';
import type { Connection } from './connection.ts';
import type { DirectReads } from './direct-read.ts';

type Wanted<S extends LogName> = Readonly<{
  stream: S;
  filter: string;
  /** Incomplete without it. */
  wantedSeq: number;
}>;

/** More are cheaper to read in one page. */
const walkedMax = 32;

/** Undefined where it cannot be told to be complete: facts repeat a subject, or a replica lags. */
export async function loadSparse<S extends LogName>(
  connection: Connection,
  direct: DirectReads,
  { stream, filter, wantedSeq }: Wanted<S>,
): Promise<readonly Stored<S>[] | undefined> {
  const lasts = await direct.lasts(stream, filter).catch(() => undefined);
  if (lasts === undefined || lasts.left > 0) return undefined;
  // In this order: what comes between the two is counted and not found.
  const options = { subjects_filter: filter };
  const info = await asking(connection, `the subjects of ${stream}`, () =>
    connection.jsm.streams.info(stream, options),
  );
  const counts = new Map(Object.entries(info.state.subjects ?? {}));
  const total = [...counts.values()].reduce((sum, count) => sum + count, 0);
  const found = new Map(lasts.messages.map((message) => [message.seq, message]));
  if (total - found.size > walkedMax) return undefined;
  for (let newest = lasts.messages; found.size < total && newest.length > 0; ) {
    const expected = new Set(newest.map(expectedSeqOf).filter((seq) => seq > 0 && !found.has(seq)));
    const read = await Promise.all([...expected].map((seq) => direct.one(stream, { seq })));
    newest = read
      .filter((message) => message !== undefined)
      .filter(({ subject }) => counts.has(subject));
    for (const message of newest) found.set(message.seq, message);
  }
  const all = [...found.values()].sort((a, b) => a.seq - b.seq);
  // A count may be that of a leader which is none any more: what a decision expected must be there too.
  const isKnown = (seq: number): boolean => seq === 0 || found.has(seq);
  const isWhole = all.every((message) => isKnown(expectedSeqOf(message)));
  return isWhole && all.length === total && (all.at(-1)?.seq ?? 0) >= wantedSeq ? all : undefined;
}

/** 0 for a fact. */
const expectedSeqOf = (message: Stored<LogName>): number =>
  Number(message.header('Nats-Expected-Last-Subject-Sequence') ?? 0);
