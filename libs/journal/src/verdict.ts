/**
 * What an answer of the server means for one append: stored, conflict, refused, or to be tried again. One server answers the
 * retry of a landed write with a wrong sequence, a cluster with a duplicate; only what lies in the log tells which it is.
 */
import { Outage } from '@waybill/process';
import { type Draft, type StoredMessage, streams } from '@waybill/protocol';
import { type AppendError, asking, isStreamNotFound, meaningOf } from './answer.ts';
import type { Appended, Call } from './append-call.ts';
import type { Connection } from './connection.ts';
import type { Lookup } from './lookup.ts';
import { idHeader } from './message.ts';
import type { Answer } from './publisher.ts';

type Deps = Readonly<{ connection: Connection; lookup: Lookup }>;
/** An outcome, or why to try again. */
export type Verdict = Appended | Readonly<{ outcome: 'again'; cause: unknown }>;

/** Judges the answers to all tries of one append: some mean something only the second time. */
export function judgeOf(deps: Deps, call: Call): (answer: Answer) => Promise<Verdict> {
  const { draft } = call;
  let missing = 0;
  let ahead = 0;
  const judge = async (answer: Answer): Promise<Verdict> => {
    switch (answer.kind) {
      case 'stored':
        if (answer.stream !== draft.stream) return captured(draft, answer.stream);
        if (!answer.duplicate) return { outcome: 'stored', seq: answer.seq, duplicate: false };
        return ofDuplicate(deps, call, answer.seq);
      case 'error':
        return ofError(answer.error);
      case 'denied':
        return { outcome: 'refused', code: 'not-permitted', detail: answer.detail };
      case 'too-large':
        return { outcome: 'refused', code: 'too-large', detail: answer.detail };
      case 'silent':
        if (answer.noResponders && (await isMissing(deps, draft))) missing += 1;
        // Twice, because a cluster that has just started may not have heard of its streams yet.
        if (missing < 2) return { outcome: 'again', cause: answer.cause };
        return {
          outcome: 'refused',
          code: 'no-stream',
          detail: `the stream ${draft.stream} does not exist`,
        };
    }
  };
  const ofError = async (error: AppendError): Promise<Verdict> => {
    const meaning = meaningOf(error);
    const cause = new Outage('append-refused', `${error.description} (${error.errCode})`);
    if (meaning === 'again') return { outcome: 'again', cause };
    if (meaning !== 'wrong-sequence')
      return { outcome: 'refused', code: meaning, detail: cause.message };
    if (call.expect === undefined) return { outcome: 'again', cause };
    const { lastSeq } = call.expect;
    const last = await deps.lookup.last(draft.stream, call.expect.filter, { leader: true });
    const realSeq = last?.seq ?? 0;
    if (realSeq > lastSeq) return ofNewer(deps, call, lastSeq, realSeq);
    // Nothing new: an append in flight was in the way and may have failed. Or the log really ends before.
    ahead += realSeq < lastSeq ? 1 : 0;
    return ahead > 1 ? { outcome: 'conflict', lastSeq: realSeq } : { outcome: 'again', cause };
  };
  return (answer) => judge(answer).catch((cause: unknown) => ({ outcome: 'again', cause }));
}

const captured = (draft: Draft, stream: string): Appended => ({
  outcome: 'refused',
  code: 'no-stream',
  detail: `${draft.subject} belongs to the stream ${stream}, not to ${draft.stream}`,
});

function isMissing(deps: Deps, draft: Draft): Promise<boolean> {
  return asking(deps.connection, `the stream ${draft.stream}`, () =>
    deps.connection.jsm.streams.info(draft.stream),
  ).then(() => false, isStreamNotFound);
}

/** The server compares ids alone: only what lies there says whether it is our event. */
async function ofDuplicate(deps: Deps, call: Call, seq: number): Promise<Verdict> {
  const { draft, expect } = call;
  const inFlight = new Outage(
    'append-in-flight',
    'an earlier try of this event is still in flight',
  );
  if (seq === 0) return { outcome: 'again', cause: inFlight };
  const stored = await deps.lookup.get(draft.stream, seq, { leader: true });
  if (stored === undefined && streams[draft.stream].keeps === 'all')
    return { outcome: 'again', cause: inFlight };
  // A bounded stream may have dropped it already: the id is all that is left to compare.
  if (stored === undefined || isSame(call, stored))
    return { outcome: 'stored', seq, duplicate: true };
  if (expect === undefined) return { outcome: 'conflict', lastSeq: seq };
  const last = await deps.lookup.last(draft.stream, expect.filter, { leader: true });
  return { outcome: 'conflict', lastSeq: last?.seq ?? 0 };
}

/** Something lies behind what we expected: our own earlier try, or somebody else's event. */
async function ofNewer(deps: Deps, call: Call, fromSeq: number, lastSeq: number): Promise<Verdict> {
  const filter = call.expect?.filter ?? call.draft.subject;
  const range = { fromSeq: fromSeq + 1, minSeq: lastSeq, upToSeq: lastSeq };
  const newer = await deps.lookup.load(call.draft.stream, filter, range);
  const own = newer.find((message) => message.header(idHeader) === call.id);
  if (own === undefined || !isSame(call, own)) return { outcome: 'conflict', lastSeq };
  return { outcome: 'stored', seq: own.seq, duplicate: true };
}

const isSame = (call: Call, stored: StoredMessage): boolean =>
  stored.subject === call.draft.subject && Buffer.compare(stored.body, call.body) === 0;
