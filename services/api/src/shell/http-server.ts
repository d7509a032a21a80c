/**
 * The public HTTP server: routes in groups, one shape for every error, raw bodies, request ids. Upgrades go to whoever asked
 * for their path. Closing lets what is in flight finish, within its bound.
 */
import { randomUUID } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import { type FastifyInstance, fastify } from 'fastify';
import type { Limits } from '../domain/limits.ts';
import { problemBody } from '../domain/problems.ts';
import { agentLogRoutes } from './agent-log-routes.ts';
import { agentRoutes } from './agent-routes.ts';
import { notFound, problemOf, refuse } from './answer.ts';
import type { ApiContext } from './api-context.ts';
import { approvalRoutes } from './approval-routes.ts';
import { authorise } from './authority.ts';
import { bodyArrives, discarded } from './body-arrival.ts';
import { bulkCancelRoutes } from './bulk-cancel-routes.ts';
import { cancelRoutes } from './cancel-routes.ts';
import { healthRoutes } from './health-routes.ts';
import { hookRoutes } from './hook-routes.ts';
import { metricsRoutes } from './metrics-routes.ts';
import { isObjectRoute, objectRoutes } from './object-routes.ts';
import { orgRoutes } from './org-routes.ts';
import { pageRoutes } from './page-routes.ts';
import { ruleRoutes } from './rule-routes.ts';
import { runReads } from './run-reads.ts';
import { runRoutes } from './run-routes.ts';
import { tailRoutes } from './tail-routes.ts';
import { triggerRoutes } from './trigger-routes.ts';
import { openUpstreamFeed, upstreamRoutes } from './upstream-feed.ts';
import { workRoutes } from './work-routes.ts';

export type UpgradeHandler = (request: IncomingMessage, socket: Duplex, head: Buffer) => void;
export type Upgrades = Readonly<Record<string, UpgradeHandler>>;

export type HttpServer = Readonly<{
  address: string;
  /** Takes nothing new, ends event streams, and waits for what is in flight. */
  close(): Promise<void>;
}>;

export type HttpOptions = Readonly<{ host: string; port: number; upgrades: Upgrades }>;

export async function openHttpServer(api: ApiContext, o: HttpOptions): Promise<HttpServer> {
  const app = application(api);
  const upstream = openUpstreamFeed(api);
  const upgraded = attachUpgrades(app, { ...o.upgrades, [upstream.path]: upstream.upgrade });
  const inFlight = new Set<ServerResponse>();
  app.server.on('request', (_request: IncomingMessage, response: ServerResponse) => {
    inFlight.add(response);
    response.once('close', () => inFlight.delete(response));
  });
  await app.listen({ host: o.host, port: o.port });
  return {
    address: addressOf(app, o.host),
    close: async () => {
      api.seats.closeAll();
      upstream.close();
      const closed = app
        .close()
        .catch((error: unknown) =>
          api.log.warn({ err: error }, 'the HTTP server closed with an error'),
        );
      const endsAtMs = api.clock.monotonicMs() + api.bounds.stopMs;
      while (inFlight.size > 0 && api.clock.monotonicMs() < endsAtMs) await api.clock.sleep(10);
      app.server.closeAllConnections();
      // Sockets that were handed over are for others to end.
      if (upgraded.size === 0) await closed;
    },
  };
}

function application(api: ApiContext): FastifyInstance {
  const app = fastify({
    logger: false,
    bodyLimit: api.bounds.runBytes,
    // The longest that a body may take; how long others may, each is watched for.
    requestTimeout: api.bounds.transferMs + api.bounds.bodyMs,
    return503OnClosing: false,
    routerOptions: { maxParamLength: 256 },
    genReqId: (request) => requestIdOf(request, api.bounds),
    clientErrorHandler: (_error, socket) => {
      const body = JSON.stringify(problemBody({ code: 'request-malformed' }, randomUUID()));
      socket.end(
        `HTTP/1.1 400 Bad Request\r\ncontent-type: application/problem+json\r\ncontent-length: ${Buffer.byteLength(body)}\r\nconnection: close\r\n\r\n${body}`,
      );
    },
    frameworkErrors: (error, request, reply) => void refuse(reply, problemOf(error, request, api)),
  });
  app.server.headersTimeout = api.bounds.bodyMs;
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, body, done) => done(null, body));
  app.setErrorHandler(async (error, request, reply) => {
    const problem = problemOf(error, request, api);
    if (problem.code === 'body-too-large') await discarded(request.raw, api);
    return refuse(reply, problem);
  });
  app.setNotFoundHandler((_request, reply) => refuse(reply, notFound));
  app.addHook('onRequest', async (request, reply) => {
    reply.header('x-request-id', request.id);
    if (!isObjectRoute(request)) bodyArrives(request.raw, api.bounds.bodyMs, api.clock);
    const count = request.raw.rawHeaders.length / 2;
    if (count <= api.bounds.headers) return;
    return refuse(reply, {
      code: 'headers-too-many',
      detail: `A request may have ${api.bounds.headers} headers at most.`,
    });
  });
  app.addHook('onResponse', async (request, reply) => {
    const about = {
      method: request.method,
      route: request.routeOptions.url,
      status: reply.statusCode,
      ms: Math.round(reply.elapsedTime),
      requestId: request.id,
    };
    api.log.debug(about, 'answered');
  });
  healthRoutes(app, api);
  pageRoutes(app, api);
  hookRoutes(app, api);
  objectRoutes(app, api);
  metricsRoutes(app, api);
  app.register(
    async (scope) => {
      scope.addHook('onRequest', (request, reply) => authorise(request, reply, api));
      for (const routes of [
        runRoutes,
        runReads,
        cancelRoutes,
        bulkCancelRoutes,
        tailRoutes,
        triggerRoutes,
        agentRoutes,
        agentLogRoutes,
        workRoutes,
        approvalRoutes,
        ruleRoutes,
        orgRoutes,
        upstreamRoutes,
      ])
        routes(scope, api);
    },
    { prefix: '/v1/orgs/:org' },
  );
  return app;
}

const SANE_ID = /^[A-Za-z0-9][A-Za-z0-9._:-]*$/;

/** A caller's own id, where it fits a header and a log line; it follows the work to the agent. */
function requestIdOf(request: IncomingMessage, bounds: Limits): string {
  const given = request.headers['x-request-id'];
  const isSane =
    typeof given === 'string' && given.length <= bounds.requestIdChars && SANE_ID.test(given);
  return isSane ? given : randomUUID();
}

function attachUpgrades(app: FastifyInstance, upgrades: Upgrades): ReadonlySet<Duplex> {
  const sockets = new Set<Duplex>();
  app.server.on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    const path = (request.url ?? '').split('?')[0] ?? '';
    const handler = Object.hasOwn(upgrades, path) ? upgrades[path] : undefined;
    if (handler === undefined) {
      socket.on('error', () => undefined);
      // Nobody else ends it where its other side does not.
      socket.once('finish', () => socket.destroy());
      socket.end('HTTP/1.1 404 Not Found\r\nconnection: close\r\ncontent-length: 0\r\n\r\n');
      return;
    }
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
    handler(request, socket, head);
  });
  return sockets;
}

/** Where callers on this host reach it: an address that means every interface is not one to call. */
function addressOf(app: FastifyInstance, host: string): string {
  // A server that listens on a port has this kind of address.
  const { port } = app.server.address() as AddressInfo;
  const name = host === '0.0.0.0' || host === '::' ? '127.0.0.1' : host;
  return `http://${name.includes(':') ? `[${name}]` : name}:${port}`;
}
