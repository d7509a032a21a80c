/**
 * One subscription for many answers: every question gets its own reply subject under one wildcard, so that asking costs
 * neither a subscription nor a timer. Whoever adds an entry removes it.
 */
import { createInbox, type Msg } from '@nats-io/nats-core';
import type { Connection } from './connection.ts';

export type Inbox<T> = Readonly<{
  /** The reply subject under which answers for this entry arrive. */
  add(entry: T): string;
  remove(replySubject: string): boolean;
  size(): number;
  entries(): Iterable<readonly [replySubject: string, entry: T]>;
  close(): void;
}>;

export function openInbox<T>(
  connection: Connection,
  onReply: (entry: T, message: Msg, replySubject: string) => void,
): Inbox<T> {
  const prefix = `${createInbox(connection.inboxPrefix)}.`;
  const waiting = new Map<string, T>();
  let next = 0;
  const subscription = connection.nc.subscribe(`${prefix}*`, {
    callback: (error, message) => {
      if (error !== null) {
        connection.log.error({ err: error }, 'the inbox of the journal is refused');
        return;
      }
      const entry = waiting.get(message.subject);
      if (entry !== undefined) onReply(entry, message, message.subject);
    },
  });
  return {
    add: (entry) => {
      const replySubject = prefix + (next++).toString(36);
      waiting.set(replySubject, entry);
      return replySubject;
    },
    remove: (replySubject) => waiting.delete(replySubject),
    size: () => waiting.size,
    entries: () => waiting,
    close: () => subscription.unsubscribe(),
  };
}
