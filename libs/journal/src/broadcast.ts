/**
 * Messages that nobody keeps: whoever listens hears them, in the order of one sender, and whoever does not has missed them. Both
 * sides are told when the connection was away, because what was said meanwhile is lost without a trace.
 */
import type { Msg } from '@nats-io/nats-core';
import type { Connection } from './connection.ts';
import { headerOf } from './message.ts';
import { outgoingHeaders } from './outgoing-headers.ts';

const againMs = 100;

export type Broadcast = Readonly<{
  subject: string;
  headers?: Readonly<Record<string, string>>;
  body: string;
}>;

export type Heard = Readonly<{
  subject: string;
  header: (name: string) => string | undefined;
  body: Uint8Array;
}>;

export type Broadcaster = Readonly<{
  /** Never throws and never waits. */
  publish(broadcast: Broadcast): void;
  stop(): void;
}>;

export type ListenOptions = Readonly<{
  subjects: readonly string[];
  onMessage: (message: Heard) => void;
  /** Connected again: what was sent meanwhile was not heard. */
  onGap: () => void;
}>;
export type Listening = Readonly<{ stop(): void }>;

/** `onGap`: connected again, and what was sent shortly before or meanwhile may have reached nobody. */
export function openBroadcaster(connection: Connection, onGap: () => void): Broadcaster {
  const { nc, log } = connection;
  const stopWatching = watchGaps(connection, onGap);
  return {
    publish: ({ subject, headers = {}, body }) => {
      if (!connection.connected()) return;
      try {
        nc.publish(subject, body, { headers: outgoingHeaders(headers) });
      } catch (error) {
        log.warn({ subject, err: error }, 'a message that nobody keeps was not sent');
      }
    },
    stop: stopWatching,
  };
}

/** Resolves when the server knows that somebody listens. */
export async function listen(connection: Connection, o: ListenOptions): Promise<Listening> {
  const { nc, log } = connection;
  const callback = (error: Error | null, message: Msg): void => {
    if (error !== null) return log.warn({ err: error }, 'a subject cannot be listened to');
    const { subject, headers, data } = message;
    o.onMessage({ subject, header: (name) => headerOf(headers, name), body: data });
  };
  await connection.whenConnected();
  const subscriptions = o.subjects.map((subject) => nc.subscribe(subject, { callback }));
  const stopWatching = watchGaps(connection, o.onGap);
  const stop = (): void => {
    stopWatching();
    for (const subscription of subscriptions) subscription.unsubscribe();
  };
  try {
    await nc.flush();
  } catch (error) {
    stop();
    throw error;
  }
  return { stop };
}

/** Once for every time that the connection was away, when it is there again. */
function watchGaps(connection: Connection, onGap: () => void): () => void {
  let isWaiting = false;
  let isOver = false;
  const again = async (): Promise<void> => {
    await connection.whenConnected();
    try {
      // The server has then been told again who listens to what.
      await connection.nc.flush();
    } catch {
      await connection.clock.sleep(againMs);
      return again();
    }
    isWaiting = false;
    if (!isOver) onGap();
  };
  const stopListening = connection.onDrop(() => {
    if (isWaiting) return;
    isWaiting = true;
    // It ends so when the journal is closed.
    again().catch(() => undefined);
  });
  return () => {
    isOver = true;
    stopListening();
  };
}
