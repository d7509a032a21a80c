/**
 * The door for agents: HTTP upgrades in, sessions out. Bounded in how many sockets it holds, and in how many of them may be
 * strangers that have not registered. Stops by telling every agent to come back later, and waits until the log knows it.
 */
import { type IncomingMessage, STATUS_CODES } from 'node:http';
import type { Duplex } from 'node:stream';
import { WebSocketServer } from 'ws';
import { limits } from '../domain/limits.ts';
import { LinkedWebSocket } from './agent-socket.ts';
import { startLiveness } from './liveness.ts';
import type { OpenFiles } from './open-files.ts';
import { Session, type SessionDeps, type SessionHost } from './session.ts';
import { openStrangers, UNKNOWN } from './strangers.ts';

export type SocketServer = Readonly<{
  upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void;
  count(): number;
  /** No new sockets from here on; those that there are end with 1001. */
  drain(): Promise<void>;
}>;

export function openSocketServer(
  deps: SessionDeps,
  o: Readonly<{ maxPayload: number; files: OpenFiles }>,
): SocketServer {
  const server = new WebSocketServer({
    noServer: true,
    perMessageDeflate: false,
    clientTracking: false,
    maxPayload: o.maxPayload,
    WebSocket: LinkedWebSocket,
  });
  const liveness = startLiveness<Session>(deps.clock);
  const strangers = openStrangers<Session>();
  const empty = Promise.withResolvers<void>();
  let isOpen = true;

  const host: SessionHost = {
    registered: strangers.known,
    departed: (session) => {
      strangers.known(session);
      liveness.forget(session);
      if (!isOpen && liveness.count() === 0) empty.resolve();
    },
  };
  const hasRoom = (address: string): boolean =>
    isOpen && o.files.hasRoom(liveness.count()) && strangers.hasRoom(address);

  return {
    upgrade: (request, socket, head) => {
      // Until the WebSocket has taken over, an error on the raw socket would have no listener.
      socket.on('error', destroy);
      const address = strangers.areFew() ? UNKNOWN : (request.socket.remoteAddress ?? UNKNOWN);
      if (!hasRoom(address)) {
        refuseUpgrade(socket, 503);
        return;
      }
      server.handleUpgrade(request, socket, head, (ws) => {
        socket.off('error', destroy);
        const session = new Session(ws, deps, host);
        boundUntilSignedIn(socket, session);
        strangers.came(session, address);
        liveness.watch(session);
      });
    },
    count: liveness.count,
    drain: async () => {
      isOpen = false;
      liveness.stop();
      for (const session of liveness.all()) session.stop();
      if (liveness.count() > 0) await empty.promise;
    },
  };
}

/** Counted as they come: a frame is seen as one only once all of it is in memory. */
function boundUntilSignedIn(socket: Duplex, session: Session): void {
  let bytes = 0;
  const count = (chunk: Uint8Array): void => {
    bytes += chunk.length;
    if (session.isSignedIn()) socket.off('data', count);
    else if (bytes > limits.strangerBytesMax) socket.destroy();
  };
  socket.on('data', count);
}

function destroy(this: Duplex): void {
  this.destroy();
}

/** Answers an upgrade that leads nowhere. Nobody else listens to the socket any more, nor ends it where its other side does not. */
export function refuseUpgrade(socket: Duplex, status: number): void {
  socket.on('error', destroy);
  socket.once('finish', destroy);
  const retryAfterS = Math.ceil((limits.retryAfterMs * (1 + Math.random())) / 1_000);
  const retry = status === 503 ? `Retry-After: ${retryAfterS}\r\n` : '';
  socket.end(
    `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}\r\n${retry}Connection: close\r\nContent-Length: 0\r\n\r\n`,
  );
}
