/**
 * `…/upstream`: the upstream messages of the published protocol over a WebSocket, for dashboards that were built for them. Asks for
 * the API key before it says anything, holds so many readers and no more, and ends them when the service stops.
 */
import { randomUUID } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { STATUS_CODES } from 'node:http';
import type { Duplex } from 'node:stream';
import type { FastifyInstance } from 'fastify';
import { WebSocketServer } from 'ws';
import { type Problem, problemBody, retryAfterOf } from '../domain/problems.ts';
import { answering } from './answer.ts';
import type { ApiContext } from './api-context.ts';
import { hasKey } from './authority.ts';
import { openUpstreamClient, type UpstreamClient } from './upstream-client.ts';
import { shared, takeSnapshot } from './upstream-snapshot.ts';

export type UpstreamFeed = Readonly<{
  path: string;
  upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void;
  close(): void;
}>;

const GOING_AWAY = 1001;
/** Readers have nothing to say. */
const bytesInMax = 64 * 1024;

export function openUpstreamFeed(api: ApiContext): UpstreamFeed {
  const clients = new Set<UpstreamClient>();
  const snapshot = shared(() => takeSnapshot(api));
  const server = new WebSocketServer({
    noServer: true,
    perMessageDeflate: false,
    clientTracking: false,
    maxPayload: bytesInMax,
  });
  let isOpen = true;

  const refusalOf = (request: IncomingMessage): Problem | undefined => {
    if (!hasKey(request.headers.authorization, api)) return { code: 'unauthorized' };
    const isFull = !isOpen || clients.size >= api.bounds.upstreamClients;
    return isFull ? { code: 'streams-exhausted' } : undefined;
  };
  return {
    path: `/v1/orgs/${api.org}/upstream`,
    upgrade: (request, socket, head) => {
      // Until the WebSocket has taken over, an error on the raw socket would have no listener.
      socket.on('error', () => socket.destroy());
      const refusal = refusalOf(request);
      if (refusal !== undefined) return refuseUpgrade(socket, refusal);
      server.handleUpgrade(request, socket, head, (ws) => {
        const client = openUpstreamClient(ws, api, snapshot);
        clients.add(client);
        void client.closed.then(() => clients.delete(client));
      });
    },
    close: () => {
      isOpen = false;
      for (const client of clients) client.close(GOING_AWAY, 'the api stops');
    },
  };
}

/** Asked for without an upgrade. */
export function upstreamRoutes(app: FastifyInstance): void {
  app.get(
    '/upstream',
    answering(async () => ({ code: 'upgrade-required' })),
  );
}

function refuseUpgrade(socket: Duplex, problem: Problem): void {
  // Nobody else ends it where its other side does not.
  socket.once('finish', () => socket.destroy());
  const body = problemBody(problem, randomUUID());
  const text = JSON.stringify(body);
  const retryAfterS = retryAfterOf(problem.code);
  const head = [
    `HTTP/1.1 ${body.status} ${STATUS_CODES[body.status] ?? ''}`,
    'content-type: application/problem+json',
    `content-length: ${Buffer.byteLength(text)}`,
    ...(retryAfterS === undefined ? [] : [`retry-after: ${retryAfterS}`]),
    'connection: close',
  ];
  socket.end(`${head.join('\r\n')}\r\n\r\n${text}`);
}
