/**
 * The simulated server: streams that store, refuse and recognise as a real one does. Replicated, a message is stored before it is
 * seen; a decision is then checked against every other decision, but not against a fact that is still in flight, and may lie
 * behind it. One server sees everything at once.
 */
import type { StoredMessage, StreamName } from '@waybill/protocol';
import { streamNames, streams } from '@waybill/protocol';
import { epochMs } from './sim-clock.ts';
import { anyOf, type Filter, filterOf } from './subject-filter.ts';
import type { World } from './world.ts';

export type Headers = Readonly<Record<string, string>>;
export type LogAnswer =
  | Readonly<{ kind: 'stored'; stream: StreamName; seq: number; duplicate: boolean }>
  | Readonly<{
      kind: 'error';
      error: Readonly<{ code: number; errCode: number; description: string }>;
    }>;

export type SimMessage = StoredMessage & Readonly<{ headers: Headers }>;
type Entry = {
  readonly message: SimMessage;
  readonly isDecision: boolean;
  readonly atMs: number;
  /** Enough servers have it. */
  isLanded: boolean;
  /** So have they everything in front of it. */
  isSeen: boolean;
};
type Waiting = Readonly<{ entry: Entry; answered: (answer: LogAnswer) => void }>;
type Stream = {
  readonly name: StreamName;
  readonly holds: Filter;
  readonly entries: Entry[];
  readonly byId: Map<string, Entry>;
  readonly waiting: Waiting[];
  /** Messages that everybody can see: a prefix. */
  readonly seen: SimMessage[];
};

export type SimLog = Readonly<{
  isReplicated: boolean;
  /** Unix ms; a leader may be some ms behind the one before it. */
  serverNow(): number;
  /** The greatest that was ever told. */
  serverTime(): number;
  /** A new leader, whose clock differs by so much. */
  elect(offMs: number): void;
  append(
    subject: string,
    headers: Headers,
    body: Uint8Array,
    answered: (answer: LogAnswer) => void,
  ): void;
  /** What everybody can see. */
  messages(stream: StreamName): readonly SimMessage[];
  onSeen(listener: (message: SimMessage) => void): void;
  onAnswer(listener: (answer: LogAnswer, headers: Headers) => void): void;
}>;

/** How long a fact is in flight: mostly no time at all, now and then long enough for a race. */
export type Replication = Readonly<{ slowChance: number; slowMs: number }>;

const idHeader = 'Nats-Msg-Id';
const expectedHeader = 'Nats-Expected-Last-Subject-Sequence';
const filterHeader = 'Nats-Expected-Last-Subject-Sequence-Subject';
const refusal = (errCode: number, description: string): LogAnswer => ({
  kind: 'error',
  error: { code: 400, errCode, description },
});

type Options = Readonly<{
  replication: Replication | undefined;
  /** How long a repeated id is recognised: only economy, says the design, so it may be no time at all. */
  duplicateWindowMs: number;
}>;

export function openSimLog(world: World, { replication, duplicateWindowMs }: Options): SimLog {
  const seenListeners: ((message: SimMessage) => void)[] = [];
  const answerListeners: ((answer: LogAnswer, headers: Headers) => void)[] = [];
  const all: readonly Stream[] = streamNames.map((name) => ({
    name,
    holds: anyOf(streams[name].subjects),
    entries: [],
    byId: new Map(),
    waiting: [],
    seen: [],
  }));
  const isReplicated = replication !== undefined;
  let offMs = 0;
  let toldMs = 0;
  const serverNow = (): number => {
    const nowMs = Math.floor(epochMs + world.now() + offMs);
    toldMs = Math.max(toldMs, nowMs);
    return nowMs;
  };

  /** In order: nobody sees a message before the one in front of it. */
  const show = (stream: Stream): void => {
    for (let next = stream.waiting[0]; next?.entry.isLanded === true; next = stream.waiting[0]) {
      stream.waiting.shift();
      const { message } = next.entry;
      next.entry.isSeen = true;
      stream.seen.push(message);
      world.trace.note(world.now(), 'log', `${message.stream} ${message.seq} ${message.subject}`);
      for (const listener of seenListeners) listener(message);
      next.answered({ kind: 'stored', stream: stream.name, seq: message.seq, duplicate: false });
    }
  };
  const duplicate = (stream: Stream, { message, isSeen }: Entry): LogAnswer => ({
    kind: 'stored',
    stream: stream.name,
    seq: isSeen ? message.seq : 0,
    duplicate: true,
  });
  /** Undefined where the message may be stored. */
  const refused = (stream: Stream, headers: Headers): LogAnswer | undefined => {
    const expected = headers[expectedHeader];
    const filter = headers[filterHeader];
    if (expected === undefined || filter === undefined) return undefined;
    const matches = filterOf(filter);
    const last = stream.entries.findLast(
      ({ message, isDecision, isSeen }) => (isSeen || isDecision) && matches(message.subject),
    );
    if ((last?.message.seq ?? 0) === Number(expected)) return undefined;
    return last?.isSeen === false
      ? refusal(10_164, 'wrong last sequence: in flight')
      : refusal(10_071, `wrong last sequence: ${last?.message.seq ?? 0}`);
  };
  const store = (stream: Stream, subject: string, headers: Headers, body: Uint8Array): Entry => {
    const seq = stream.entries.length + 1;
    const at = serverNow();
    const header = (name: string): string | undefined => headers[name];
    const message = { stream: stream.name, seq, at, subject, headers, header, body };
    const entry = {
      message,
      isDecision: expectedHeader in headers,
      atMs: world.now(),
      isLanded: false,
      isSeen: false,
    };
    stream.entries.push(entry);
    const id = headers[idHeader];
    if (id !== undefined) stream.byId.set(id, entry);
    return entry;
  };
  const flightMs = (): number => {
    if (replication === undefined) return 0;
    const { random } = world;
    return random.chance(replication.slowChance)
      ? random.between(0, replication.slowMs)
      : random.between(0.1, 0.6);
  };

  const recent = (entry: Entry | undefined): Entry | undefined =>
    entry !== undefined && world.now() - entry.atMs <= duplicateWindowMs ? entry : undefined;

  const append: SimLog['append'] = (subject, headers, body, answered) => {
    const tell = (answer: LogAnswer): void => {
      for (const listener of answerListeners) listener(answer, headers);
      answered(answer);
    };
    const stream = all.find(({ holds }) => holds(subject));
    if (stream === undefined) throw new Error(`no stream holds ${subject}`);
    const known = recent(stream.byId.get(headers[idHeader] ?? ''));
    // A cluster looks for the id first, one server for the sequence.
    if (isReplicated && known !== undefined) return tell(duplicate(stream, known));
    const wrong = refused(stream, headers);
    if (wrong !== undefined) return tell(wrong);
    if (known !== undefined) return tell(duplicate(stream, known));
    const entry = store(stream, subject, headers, body);
    stream.waiting.push({ entry, answered: tell });
    const shown = (): void => {
      entry.isLanded = true;
      show(stream);
    };
    if (isReplicated) world.schedule(flightMs(), undefined, `seen ${stream.name}`, shown);
    else shown();
  };

  const byName = new Map(all.map((stream) => [stream.name, stream]));
  return {
    isReplicated,
    serverNow,
    serverTime: () => Math.max(toldMs, serverNow()),
    elect: (off) => {
      offMs = off;
    },
    append,
    messages: (name) => byName.get(name)?.seen ?? [],
    onSeen: (listener) => void seenListeners.push(listener),
    onAnswer: (listener) => void answerListeners.push(listener),
  };
}
