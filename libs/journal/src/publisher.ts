/**
 * Publishes and matches the server's answers: one inbox for all acknowledgements and one sweep for all deadlines, so that
 * an append costs neither a subscription nor a timer nor a stack trace. At most `inFlightMax` wait for the server, the
 * rest for their turn. It says what was answered and judges nothing.
 */
import { InvalidArgumentError, type Msg, type MsgHdrs } from '@nats-io/nats-core';
import { Outage } from '@waybill/process';
import type { AppendError } from './answer.ts';
import type { Connection } from './connection.ts';
import { openInbox } from './inbox.ts';

export const inFlightMax = 512;
const sweepMs = 100;

export type Answer =
  | Readonly<{ kind: 'stored'; stream: string; seq: number; duplicate: boolean }>
  | Readonly<{ kind: 'error'; error: AppendError }>
  | Readonly<{ kind: 'denied' | 'too-large'; detail: string }>
  /** Nobody answered: whether it was stored is not known. */
  | Readonly<{ kind: 'silent'; cause: Error; noResponders: boolean }>;

export type Publication = Readonly<{
  subject: string;
  body: Uint8Array;
  headers: MsgHdrs;
  /** On the monotonic clock. */
  untilMs: number;
  done: (answer: Answer) => void;
}>;

export type Publisher = Readonly<{
  /** Answers once, never in the same turn; never throws. */
  publish(publication: Publication): void;
  load(): Readonly<{ inFlight: number; waiting: number }>;
  close(): void;
}>;

export function openPublisher(connection: Connection): Publisher {
  const inbox = openInbox<Publication>(connection, (publication, message, replySubject) =>
    settle(replySubject, publication, answerOf(message)),
  );
  let waiting: Publication[] = [];
  /** Where in it the next one stands: cutting off its head for each one that leaves would be quadratic. */
  let next = 0;

  const settle = (replySubject: string, publication: Publication, answer: Answer): void => {
    if (!inbox.remove(replySubject)) return;
    publication.done(answer);
    admit();
  };
  const keep = (publications: Publication[]): void => {
    waiting = publications;
    next = 0;
  };
  const admit = (): void => {
    for (let head = waiting[next]; head !== undefined; head = waiting[next]) {
      if (inbox.size() >= inFlightMax) break;
      next += 1;
      send(head);
    }
    if (next > 0 && 2 * next >= waiting.length) keep(waiting.slice(next));
  };
  const send = (publication: Publication): void => {
    const reply = inbox.add(publication);
    try {
      connection.nc.publish(publication.subject, publication.body, {
        reply,
        headers: publication.headers,
      });
    } catch (error) {
      inbox.remove(reply);
      queueMicrotask(() => publication.done(unsent(error)));
    }
  };

  const stopListening = [
    connection.onDrop(() => {
      const answer = silent(disconnected());
      const sent = [...inbox.entries()].map(([, publication]) => publication);
      const lost = [...waiting.slice(next), ...sent];
      keep([]);
      for (const [reply] of inbox.entries()) inbox.remove(reply);
      for (const publication of lost) publication.done(answer);
    }),
    connection.onDenied((subject) => {
      const detail = `the NATS user may not publish on ${subject}`;
      for (const [reply, publication] of inbox.entries()) {
        if (publication.subject === subject) settle(reply, publication, { kind: 'denied', detail });
      }
    }),
  ];
  const sweep = connection.clock.every(
    sweepMs,
    () => {
      if (inbox.size() === 0 && waiting.length === next) return;
      const nowMs = connection.clock.monotonicMs();
      const left = waiting.slice(next);
      const late = left.filter((publication) => publication.untilMs <= nowMs);
      if (late.length > 0) keep(left.filter((publication) => publication.untilMs > nowMs));
      for (const publication of late)
        publication.done(silent(new Outage('append-overloaded', crowded)));
      for (const [reply, publication] of inbox.entries()) {
        if (publication.untilMs > nowMs) continue;
        settle(
          reply,
          publication,
          silent(new Outage('nats-unanswered', 'the server did not acknowledge in time')),
        );
      }
    },
    { background: true },
  );

  return {
    publish: (publication) => {
      if (!connection.connected()) queueMicrotask(() => publication.done(silent(disconnected())));
      else if (inbox.size() < inFlightMax && waiting.length === next) send(publication);
      else waiting.push(publication);
    },
    load: () => ({ inFlight: inbox.size(), waiting: waiting.length - next }),
    close: () => {
      sweep.cancel();
      for (const stop of stopListening) stop();
      inbox.close();
    },
  };
}

const crowded = `more than ${inFlightMax} appends were in flight all the time`;
const disconnected = (): Outage =>
  new Outage('nats-disconnected', 'the connection was lost before the server answered');

const silent = (cause: Error, noResponders = false): Answer => ({
  kind: 'silent',
  cause,
  noResponders,
});

/** What the client library does not send at all. */
function unsent(error: unknown): Answer {
  if (error instanceof InvalidArgumentError && error.message.includes('max_payload')) {
    return {
      kind: 'too-large',
      detail: 'the message with its headers is over max_payload of the server',
    };
  }
  return silent(error instanceof Error ? error : new Error(String(error)));
}

function answerOf(message: Msg): Answer {
  if (message.data.length === 0) {
    const noResponders = message.headers?.code === 503;
    return silent(
      new Outage('nats-no-responders', 'no stream answers on this subject now'),
      noResponders,
    );
  }
  const ack = message.json<PubAck>();
  if (ack.error !== undefined) {
    const { code, err_code: errCode, description } = ack.error;
    return {
      kind: 'error',
      error: { code, errCode: errCode ?? 0, description: description ?? '' },
    };
  }
  return { kind: 'stored', stream: ack.stream, seq: ack.seq, duplicate: ack.duplicate === true };
}

/** As the server writes it: a trusted peer, whose answer is not validated field by field on the hottest path. */
type PubAck = Readonly<{
  stream: string;
  seq: number;
  duplicate?: boolean;
  error?: Readonly<{ code: number; err_code?: number; description?: string }>;
}>;
