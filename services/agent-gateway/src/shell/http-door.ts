/** The gateway's own port, for when it runs alone: agents at `/ws`, `/healthz` and `/readyz` for whoever runs it. */
import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { Duplex } from 'node:stream';
import type { ReadinessGate } from '@waybill/process';
import { refuseUpgrade } from './socket-server.ts';

export type HttpDoor = Readonly<{
  port: number;
  /** Takes no more connections; resolves when those that there are have ended. */
  close(): Promise<void>;
}>;

type Options = Readonly<{
  host: string;
  port: number;
  gate: ReadinessGate;
  upgrade: (request: IncomingMessage, socket: Duplex, head: Buffer) => void;
}>;

const pathOf = (request: IncomingMessage): string => (request.url ?? '').split('?', 1)[0] ?? '';

export async function openHttpDoor({ host, port, gate, upgrade }: Options): Promise<HttpDoor> {
  const server = createServer((request, response) => {
    const answer = (status: number, body: object): void => {
      response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
    };
    const path = pathOf(request);
    if (path === '/healthz') answer(200, { status: 'ok' });
    else if (path === '/readyz')
      void gate.ready().then((report) => {
        answer(report.ready ? 200 : 503, report);
      });
    else answer(404, { title: 'there is nothing here: agents connect to /ws', status: 404 });
  });
  server.on('upgrade', (request, socket, head) => {
    if (pathOf(request) === '/ws') upgrade(request, socket, head);
    else refuseUpgrade(socket, 404);
  });
  await listen(server, host, port);
  const address = server.address();
  return {
    port: typeof address === 'object' && address !== null ? address.port : port,
    close: () => {
      const closed = new Promise<void>((resolve) => {
        server.close(() => resolve());
      });
      server.closeIdleConnections();
      return closed;
    },
  };
}

/** Connections that the system holds for us while we are busy, when all agents come back at once; it may allow fewer. */
const backlog = 4_096;

function listen(server: Server, host: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen({ port, host, backlog }, () => {
      server.off('error', reject);
      resolve();
    });
  });
}
