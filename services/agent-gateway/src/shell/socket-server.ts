/**
 * The door for agents: HTTP upgrades in, sessions out. Bounded in how many sockets it holds, and in how many of them may be
 * strangers that have not registered. Stops by telling every agent to come back later, and waits until the log knows it.
 */
import { type IncomingMessage, STATUS_CODES } from 'node:http';
import type { Duplex } from 'node:stream';
import { WebSocketServer } from 'ws';
import { limits } from '../domain/limits.ts';
import { startLiveness } from './liveness.ts';
import { openSession, type Session, type SessionDeps } from './session.ts';

export type SocketServer = Readonly<{
  upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void;
  /** No new sockets from here on; those that there are end with 1001. */
  drain(): Promise<void>;
}>;

export function openSocketServer(
  deps: SessionDeps,
  o: Readonly<{ maxPayload: number }>,
): SocketServer {
  const sessions = new Set<Session>();
  const server = new WebSocketServer({
    noServer: true,
    perMessageDeflate: false,
    clientTracking: false,
    maxPayload: o.maxPayload,
  });
  const liveness = startLiveness(deps.clock);
  let isOpen = true;

  const isFull = (): boolean => {
    if (sessions.size >= limits.socketsMax) return true;
    if (sessions.size < limits.strangersMax) return false;
    let strangers = 0;
    for (const session of sessions) strangers += session.isStranger() ? 1 : 0;
    return strangers >= limits.strangersMax;
  };

  return {
    upgrade: (request, socket, head) => {
      // Until the WebSocket has taken over, an error on the raw socket would have no listener.
      socket.on('error', () => socket.destroy());
      if (!isOpen || isFull()) {
        refuseUpgrade(socket, 503);
        return;
      }
      server.handleUpgrade(request, socket, head, (ws) => {
        const session = openSession(ws, deps);
        sessions.add(session);
        liveness.watch(session);
        void session.departed.then(() => {
          sessions.delete(session);
          liveness.forget(session);
        });
      });
    },
    drain: async () => {
      isOpen = false;
      liveness.stop();
      for (const session of sessions) session.stop();
      await Promise.all([...sessions].map((session) => session.departed));
    },
  };
}

/** Answers an upgrade that leads nowhere. */
export function refuseUpgrade(socket: Duplex, status: number): void {
  const retry = status === 503 ? 'Retry-After: 5\r\n' : '';
  socket.end(
    `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}\r\n${retry}Connection: close\r\nContent-Length: 0\r\n\r\n`,
  );
}
