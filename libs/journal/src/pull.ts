/**
 * One attachment to a consumer of the server: asks for messages as there is room for them, hands them on in order, and
 * says once when it cannot be trusted any more (a gap, silence, a deleted consumer). It never repairs itself: the feed
 * attaches anew. Memory is bounded by messages and by bytes.
 */
import { createInbox, type Msg } from '@nats-io/nats-core';
import type { LogName } from './bucket.ts';
import type { Connection } from './connection.ts';
import { type Delivery, deliveryOf, headerOf } from './message.ts';

export type Trouble = Readonly<{
  reason: string;
  /** Deliveries of the consumer went elsewhere: where it can have other readers, one of them. */
  moved: boolean;
}>;

export type PullOptions<S extends LogName> = Readonly<{
  connection: Connection;
  stream: S;
  consumer: string;
  /** Delivery sequence of the consumer so far: the next message has the one after it. */
  deliverySeq: number;
  /** What it has still to deliver. */
  pending: number;
  /** Others can find the consumer by its name. */
  shared: boolean;
  onDelivery: (delivery: Delivery<S>) => void;
  /** There may be room for another request. */
  onEnded: () => void;
  /** The server has nothing more for now. */
  onIdle: () => void;
  onTrouble: (trouble: Trouble) => void;
}>;

export type Pull = Readonly<{
  request(messages: number): void;
  /** Asked for and not yet delivered. */
  outstanding(): number;
  acknowledge(reply: string): void;
  close(): void;
}>;

/** A request is answered up to so many bytes, or one message of the greatest size. */
const requestBytesMin = 8 * 1024 * 1024;
const subjectRoom = 64 * 1024;
const expiresMs = 30_000;
const heartbeatMs = 1_000;
const silenceMs = 3 * heartbeatMs;

type Request = { left: number; delivered: number };

export function openPull<S extends LogName>(o: PullOptions<S>): Pull {
  const { connection } = o;
  const { clock, nc } = connection;
  const prefix = `${createInbox(connection.inboxPrefix)}.`;
  const requests = new Map<string, Request>();
  let { deliverySeq, pending } = o;
  let serial = 0;
  let unlimited = false;
  let heardMs = clock.monotonicMs();
  let open = true;

  const close = (): void => {
    if (!open) return;
    open = false;
    silence.cancel();
    subscription.unsubscribe();
  };
  const trouble = (reason: string, moved = false): void => {
    if (!open) return;
    close();
    o.onTrouble({ reason, moved });
  };
  const movedTo = (seq: number): void =>
    trouble(`delivery ${seq} follows ${deliverySeq}: another reader, or messages were lost`, true);
  const deliver = (delivery: Delivery<S>): void => {
    if (delivery.deliverySeq !== deliverySeq + 1) return movedTo(delivery.deliverySeq);
    // Each delivery takes one of what is pending. Fewer are left when another reader has moved the consumer forward, which
    // starts the count of deliveries anew and would pass for ours.
    if (o.shared && delivery.pending < pending - 1)
      return trouble(`${pending - 1 - delivery.pending} messages were passed over`, true);
    ({ deliverySeq, pending } = delivery);
    const [head] = requests;
    if (head !== undefined) {
      const [replySubject, request] = head;
      request.left -= 1;
      request.delivered += 1;
      if (request.left <= 0) requests.delete(replySubject);
    }
    o.onDelivery(delivery);
  };
  const ended = (replySubject: string): void => {
    if (requests.delete(replySubject)) o.onEnded();
  };
  const heard = (m: Msg): void => {
    heardMs = clock.monotonicMs();
    // A message keeps the subject it is stored under; what comes on our own subject is a status.
    if (!m.subject.startsWith(prefix)) {
      const delivery = deliveryOf(o.stream, m);
      return delivery === undefined
        ? trouble('a message without a place in the stream')
        : deliver(delivery);
    }
    heardStatus(m);
  };
  const heardStatus = (m: Msg): void => {
    const { code = 0, description: text = '' } = m.headers ?? {};
    switch (code) {
      case 100: {
        const lastSeq = Number(headerOf(m.headers, 'Nats-Last-Consumer') ?? deliverySeq);
        if (lastSeq !== deliverySeq) return movedTo(lastSeq);
        // Idle with something to deliver: the consumer was moved away from under us.
        return pending > 0 ? trouble(`${pending} messages are not delivered`, true) : o.onIdle();
      }
      case 404:
      case 408:
        return ended(m.subject);
      case 409:
        if (text === 'Batch Completed') return ended(m.subject);
        if (!text.startsWith('Message Size Exceeds')) return trouble(text);
        // A stored message can be greater than the server accepts today: take that one without a limit.
        unlimited = requests.size === 1 && requests.get(m.subject)?.delivered === 0;
        return ended(m.subject);
      default:
        return trouble(`the server answers ${code} ${text}`);
    }
  };

  const subscription = nc.subscribe(`${prefix}*`, {
    callback: (error, m) => {
      if (!open) return;
      if (error === null) heard(m);
      else trouble(error.message);
    },
  });
  const silence = clock.every(
    heartbeatMs,
    () => {
      if (requests.size > 0 && clock.monotonicMs() - heardMs > silenceMs) trouble('no heartbeat');
    },
    { background: true },
  );

  return {
    request: (messages) => {
      if (!open) return;
      const batch = unlimited ? 1 : messages;
      const bytes = Math.max(requestBytesMin, connection.maxPayload() + subjectRoom);
      const reply = prefix + (serial++).toString(36);
      if (requests.size === 0) heardMs = clock.monotonicMs();
      requests.set(reply, { left: batch, delivered: 0 });
      const request = {
        batch,
        ...(unlimited ? {} : { max_bytes: bytes }),
        expires: expiresMs * 1_000_000,
        idle_heartbeat: heartbeatMs * 1_000_000,
      };
      unlimited = false;
      publishQuietly(
        connection,
        `$JS.API.CONSUMER.MSG.NEXT.${o.stream}.${o.consumer}`,
        request,
        reply,
      );
    },
    outstanding: () => {
      let sum = 0;
      for (const request of requests.values()) sum += request.left;
      return sum;
    },
    acknowledge: (reply) => {
      if (open && connection.connected()) nc.publish(reply, '+ACK');
    },
    close,
  };
}

/** A closed connection is noticed by whoever waits for the answer. */
function publishQuietly(
  connection: Connection,
  subject: string,
  body: object,
  reply: string,
): void {
  if (connection.nc.isClosed()) return;
  connection.nc.publish(subject, JSON.stringify(body), { reply });
}
