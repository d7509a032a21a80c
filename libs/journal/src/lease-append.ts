/** The appends of one candidate: each expects what lies there, so that of all who try one succeeds, and lapses by itself. */
import { backoffMs, Outage } from '@waybill/process';
import { meaningOf } from './answer.ts';
import { markerMs } from './bucket.ts';
import type { Connection } from './connection.ts';
import type { LeaseBoard } from './lease-board.ts';
import { leaseBody, serverTtlMs } from './lease-record.ts';
import { outgoingHeaders } from './outgoing-headers.ts';
import type { Answer, Publisher } from './publisher.ts';

type Outcome =
  | Readonly<{ kind: 'stored'; seq: number }>
  /** Something else lies there. */
  | Readonly<{ kind: 'conflict' }>
  /** Stored or not is not known, or it is refused for another reason. */
  | Readonly<{ kind: 'unknown'; cause: unknown }>;

export type Attempt = Readonly<{
  /** On the monotonic clock: the server counts the TTL from here or later. */
  startedMs: number;
  /** Never rejects. */
  outcome: Promise<Outcome>;
}>;

type Wanted = Readonly<{ expect: number; withinMs: number; epoch?: number }>;
type Message = Wanted & Readonly<{ body: string; headers: Readonly<Record<string, string>> }>;

export type LeaseAppends = Readonly<{
  /** Without an epoch it takes the lease. */
  begin(wanted: Wanted): Attempt;
  /** When the append of that number began, if it is one of the last. */
  startedMs(serial: number): number | undefined;
  /** How long to wait after a failure. */
  backoffMs(): number;
  /** Leaves the mark of a release where a record of ours may lie. Never rejects. */
  giveUp(): Promise<void>;
}>;

type Deps = Readonly<{ connection: Connection; board: LeaseBoard; publisher: Publisher }>;
export type Candidate = Readonly<{
  name: string;
  subject: string;
  holder: string;
  id: string;
  ttlMs: number;
}>;

const rememberedMax = 32;
const pauseMinMs = 25;
const backoff = { baseMs: 50, capMs: 1_000, random: Math.random };
const giveUpWithinMs = 1_000;
const giveUpAttemptsMax = 3;
const encoder = new TextEncoder();

export function openLeaseAppends(deps: Deps, who: Candidate): LeaseAppends {
  const { connection, board, publisher } = deps;
  const { clock, log } = connection;
  const { name, holder, id, ttlMs } = who;
  const started = new Map<number, number>();
  let serial = 0;
  let failures = 0;
  let isOpen = false;

  const publish = (message: Message): Promise<Outcome> =>
    new Promise<Answer>((done) => {
      publisher.publish({
        subject: who.subject,
        body: encoder.encode(message.body),
        headers: outgoingHeaders({
          ...message.headers,
          'Nats-Expected-Last-Subject-Sequence': String(message.expect),
        }),
        untilMs: clock.monotonicMs() + message.withinMs,
        done,
      });
    }).then((answer) => {
      const outcome = outcomeOf(answer);
      failures = outcome.kind === 'unknown' ? failures + 1 : 0;
      // Not known is not over: it may still be stored.
      isOpen = isOpen || outcome.kind === 'unknown';
      if (answer.kind === 'denied' || answer.kind === 'error') warnOf(outcome);
      return outcome;
    });
  const warnOf = (outcome: Outcome): void => {
    if (outcome.kind === 'unknown')
      log.warn({ lease: name, err: outcome.cause }, 'a lease is refused, trying again');
  };
  const begin = ({ epoch, ...wanted }: Wanted): Attempt => {
    serial += 1;
    const held = { holder, id, serial, ttlMs, ...(epoch === undefined ? {} : { epoch }) };
    const startedMs = clock.monotonicMs();
    started.set(serial, startedMs);
    started.delete(serial - rememberedMax);
    const headers = { 'Nats-TTL': `${serverTtlMs(ttlMs) / 1_000}s` };
    const outcome = publish({ ...wanted, headers, body: leaseBody(held) }).then((answered) => {
      if (answered.kind === 'stored') {
        const { seq } = answered;
        board.saw({ name, seq, held: { ...held, epoch: epoch ?? seq } });
      }
      return answered;
    });
    return { startedMs, outcome };
  };
  const release = async (): Promise<'over' | 'again'> => {
    if (isOpen) await board.ask(name);
    isOpen = false;
    const { seq: expect, held } = board.at(name);
    if (held?.id !== id) return 'over';
    const headers = { 'KV-Operation': 'DEL', 'Nats-TTL': `${markerMs / 1_000}s` };
    const outcome = await publish({ expect, withinMs: giveUpWithinMs, headers, body: '' });
    if (outcome.kind === 'stored') board.saw({ name, seq: outcome.seq, held: undefined });
    else isOpen = true;
    return outcome.kind === 'stored' ? 'over' : 'again';
  };

  return {
    begin,
    startedMs: (number) => started.get(number),
    backoffMs: () => pauseMinMs + backoffMs(failures + 1, backoff),
    giveUp: async () => {
      for (let attempt = 1; attempt <= giveUpAttemptsMax && connection.connected(); attempt++) {
        const end = await release().catch((error: unknown) => {
          log.debug({ lease: name, err: error }, 'the lease could not be given up and will lapse');
          return 'over' as const;
        });
        if (end === 'over') return;
      }
    },
  };
}

function outcomeOf(answer: Answer): Outcome {
  switch (answer.kind) {
    case 'stored':
      return { kind: 'stored', seq: answer.seq };
    case 'error': {
      const { error } = answer;
      if (meaningOf(error) === 'wrong-sequence') return { kind: 'conflict' };
      const said = `${error.description} (${error.errCode})`;
      return { kind: 'unknown', cause: new Outage('append-refused', said) };
    }
    case 'denied':
    case 'too-large':
      return { kind: 'unknown', cause: new Error(answer.detail) };
    case 'silent':
      return { kind: 'unknown', cause: answer.cause };
  }
}
