/**
 * The one way into the log, for facts and decisions. A repeat with the same id and expectation is stored once, whatever
 * fails in between: an outcome that is not known is tried again and never called a failure.
 */
import { backoffMs, Outage } from '@waybill/process';
import type { Draft } from '@waybill/protocol';
import {
  type Appended,
  type AppendOptions,
  type Call,
  callOf,
  type Expect,
} from './append-call.ts';
import type { Connection } from './connection.ts';
import type { Lookup } from './lookup.ts';
import type { Answer, Publisher } from './publisher.ts';
import { judgeOf } from './verdict.ts';

export type Append = (draft: Draft, expect?: Expect, o?: AppendOptions) => Promise<Appended>;

export type Appender = Readonly<{
  append: Append;
  /** How many have no outcome yet. */
  unsettled(): number;
  /** No more from here on; those under way go on. */
  refuse(): void;
}>;

type Deps = Readonly<{ connection: Connection; publisher: Publisher; lookup: Lookup }>;

/** So many bodies are held at most; whoever appends more without awaiting is told so at once. */
export const unsettledMax = 10_000;
/** Within it a healthy server answers even with a full queue and an fsync for every message. */
const attemptMs = 3_000;
const backoff = { baseMs: 50, capMs: 1_000, random: Math.random };

export function openAppender(deps: Deps): Appender {
  const { connection, publisher } = deps;
  let unsettled = 0;
  let open = true;

  const send = (call: Call, done: (answer: Answer) => void): void => {
    const untilMs = Math.min(connection.clock.monotonicMs() + attemptMs, call.endsAtMs);
    publisher.publish({
      subject: call.draft.subject,
      body: call.body,
      headers: call.headers,
      untilMs,
      done,
    });
  };
  const append: Append = (draft, expect, o = {}) => {
    if (!open) return Promise.resolve({ outcome: 'unknown', cause: closed() });
    if (o.signal?.aborted === true) return Promise.resolve(givenUp(o.signal));
    if (unsettled >= unsettledMax)
      return Promise.resolve({ outcome: 'unknown', cause: overloaded() });
    unsettled += 1;
    const outcome = new Promise<Appended>((resolve, reject) => {
      const call = callOf(connection.clock, draft, expect, o);
      send(call, (answer) => {
        if (isPlainlyStored(call, answer))
          resolve({ outcome: 'stored', seq: answer.seq, duplicate: false });
        else settle(deps, call, answer, (done) => send(call, done)).then(resolve, reject);
      });
    }).finally(() => {
      unsettled -= 1;
    });
    return o.signal === undefined ? outcome : unlessAborted(outcome, o.signal);
  };
  return {
    append,
    unsettled: () => unsettled,
    refuse: () => {
      open = false;
    },
  };
}

const closed = (): Outage => new Outage('journal-closed', 'the journal is closed');
const overloaded = (): Outage =>
  new Outage('append-overloaded', `${unsettledMax} appends have no outcome yet`);

const isPlainlyStored = (
  call: Call,
  answer: Answer,
): answer is Extract<Answer, { kind: 'stored' }> =>
  answer.kind === 'stored' && !answer.duplicate && answer.stream === call.draft.stream;

/** The caller's own reason, whatever that is. */
function givenUp(signal: AbortSignal): Appended {
  const cause: unknown = signal.reason;
  return { outcome: 'unknown', cause };
}

async function unlessAborted(outcome: Promise<Appended>, signal: AbortSignal): Promise<Appended> {
  const aborted = Promise.withResolvers<Appended>();
  const onAbort = (): void => aborted.resolve(givenUp(signal));
  signal.addEventListener('abort', onAbort, { once: true });
  try {
    return await Promise.race([outcome, aborted.promise]);
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
}

/** Everything but the plain success: judges, waits, tries again, until there is an outcome or no time. */
async function settle(
  deps: Deps,
  call: Call,
  first: Answer,
  again: (done: (answer: Answer) => void) => void,
): Promise<Appended> {
  const { clock, log } = deps.connection;
  const judge = judgeOf(deps, call);
  let answer = first;
  for (let attempt = 1; ; attempt++) {
    const verdict = await judge(answer);
    if (verdict.outcome !== 'again') return verdict;
    const leftMs = call.endsAtMs - clock.monotonicMs();
    if (leftMs <= 0 || call.signal?.aborted === true)
      return { outcome: 'unknown', cause: verdict.cause };
    log.debug(
      { subject: call.draft.subject, attempt, err: verdict.cause },
      'append is tried again',
    );
    await clock.sleep(Math.min(backoffMs(attempt, backoff), leftMs));
    await connectedBy(deps.connection, call.endsAtMs);
    answer = await new Promise<Answer>(again);
  }
}

/** Waits for the connection, but not beyond the deadline. */
async function connectedBy(connection: Connection, endsAtMs: number): Promise<void> {
  if (connection.connected()) return;
  const late = new AbortController();
  const timer = connection.clock.after(endsAtMs - connection.clock.monotonicMs(), () =>
    late.abort(),
  );
  await connection.whenConnected(late.signal).catch(() => undefined);
  timer.cancel();
}
