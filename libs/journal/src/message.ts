/**
 * NATS messages to StoredMessages, whichever way they came: delivered to a consumer, read directly, or read from the
 * leader. Headers are decoded when somebody asks for the first one.
 */
import type { StoredMsg } from '@nats-io/jetstream';
import type { Msg, MsgHdrs } from '@nats-io/nats-core';
import type { StreamName } from '@waybill/protocol';
import type { LogName, Stored } from './bucket.ts';
import { instantOf, instantOfNanos } from './instant.ts';

/** Under this header the server keeps the id that it recognises a repeat by; always the event's id. */
export const idHeader = 'Nats-Msg-Id';

export type Delivery<S extends LogName = StreamName> = Readonly<{
  message: Stored<S>;
  /** Counts deliveries of one consumer: a gap says that somebody else got a message of ours. */
  deliverySeq: number;
  /** Messages that the consumer has still to deliver after this one. */
  pending: number;
  reply: string;
  bytes: number;
}>;

/**
 * `$JS.ACK.[<domain>.<account>.]<stream>.<consumer>.<count>.<stream seq>.<delivery seq>.<nanos>.<pending>[.<random>]`;
 * undefined for what is not a delivery.
 */
export function deliveryOf<S extends LogName>(stream: S, m: Msg): Delivery<S> | undefined {
  const reply = m.reply ?? '';
  const tokens = reply.split('.');
  if (tokens[0] !== '$JS' || tokens[1] !== 'ACK') return undefined;
  const first = tokens.length === 9 ? 2 : tokens.length >= 11 ? 4 : undefined;
  if (first === undefined) return undefined;
  const [, , , seq = '', deliverySeq = '', nanos = '', pending = ''] = tokens.slice(first);
  const { data, subject } = m;
  return {
    message: {
      stream,
      seq: Number(seq),
      at: instantOfNanos(nanos),
      subject,
      header: (name) => headerOf(m.headers, name),
      body: data,
    },
    deliverySeq: Number(deliverySeq),
    pending: Number(pending),
    reply,
    bytes: data.length + subject.length + reply.length,
  };
}

/** An answer of the direct-get API: what the stream knows of the message stands in headers. */
export function directMessage<S extends LogName>(stream: S, m: Msg): Stored<S> {
  const { headers } = m;
  return {
    stream,
    seq: Number(headerOf(headers, 'Nats-Sequence')),
    at: instantOf(headerOf(headers, 'Nats-Time-Stamp') ?? ''),
    subject: headerOf(headers, 'Nats-Subject') ?? '',
    header: (name) => headerOf(headers, name),
    body: m.data,
  };
}

export const leaderMessage = <S extends LogName>(stream: S, m: StoredMsg): Stored<S> => ({
  stream,
  seq: m.seq,
  at: instantOf(m.timestamp),
  subject: m.subject,
  header: (name) => headerOf(m.header, name),
  body: m.data,
});

/** The id of the event that lies there, as its header has it; a message put into the log by hand may have none. */
export const idOf = (message: Stored<LogName>): string =>
  message.header('ce-id') ?? message.header(idHeader) ?? '';

export function headerOf(headers: MsgHdrs | undefined, name: string): string | undefined {
  const value = headers?.get(name);
  return value === undefined || (value === '' && headers?.has(name) !== true) ? undefined : value;
}
