/**
 * The leanest JetStream publisher: one inbox for all acknowledgements, no timer, promise or error
 * object per publish. A refusal ends the process: the floor repairs nothing.
 */
import { createInbox } from '@nats-io/nats-core';
import type { NatsConnection } from '@nats-io/transport-node';

export type Publish = (subject: string, body: string, stored?: () => void) => void;

type PubAck = Readonly<{ error?: Readonly<{ description?: string }> }>;

export function publisherOf(nc: NatsConnection): Publish {
  const prefix = `${createInbox()}.`;
  const open = new Map<string, (() => void) | undefined>();
  let count = 0;
  nc.subscribe(`${prefix}*`, {
    callback: (error, message) => {
      if (error !== null) throw error;
      if (message.data.length === 0) throw new Error('no stream answers');
      // As the server writes it; the floor validates nothing.
      const ack = message.json<PubAck>();
      if (ack.error !== undefined) throw new Error(ack.error.description ?? 'refused');
      const key = message.subject.slice(prefix.length);
      const stored = open.get(key);
      open.delete(key);
      stored?.();
    },
  });
  return (subject, body, stored) => {
    const key = (count++).toString(36);
    open.set(key, stored);
    nc.publish(subject, body, { reply: prefix + key });
  };
}
