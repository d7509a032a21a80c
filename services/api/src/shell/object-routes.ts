/**
 * `/v1/objects/{token}`: takes and gives the bytes of objects where they lie in the embedded store. The token in the path is all
 * the authority there is: signed, for one method, until it expires, once. It is never logged.
 */
import { Readable } from 'node:stream';
import {
  contentDisposition,
  type DoorRefusal,
  type Given,
  isRefused,
  type Refused,
} from '@waybill/objects';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import type { Problem, ProblemCode } from '../domain/problems.ts';
import { refuse, tooLarge } from './answer.ts';
import type { ApiContext } from './api-context.ts';
import { BodyStalled, discarded, paced } from './body-arrival.ts';
import { headersOf, pathOf } from './request-read.ts';

/** Tokens are longer than the parameters of other paths may be. */
const URL = '/v1/objects/*';
const Path = z.object({ '*': z.string() });

export const isObjectRoute = (request: FastifyRequest): boolean => request.routeOptions.url === URL;

export function objectRoutes(app: FastifyInstance, api: ApiContext): void {
  app.register(async (scope) => {
    scope.removeAllContentTypeParsers();
    // Whatever its type: the bytes are taken as they come, and never as a whole.
    scope.addContentTypeParser('*', (_request, payload, done) => done(null, payload));
    scope.put(URL, (request, reply) => take(request, reply, api));
    scope.get(URL, { exposeHeadRoute: false }, (request, reply) => give(request, reply, api));
    scope.head(URL, (request, reply) => look(request, reply, api));
  });
}

const tokenOf = (request: FastifyRequest): string => pathOf(request, Path)?.['*'] ?? '';

async function take(
  request: FastifyRequest,
  reply: FastifyReply,
  api: ApiContext,
): Promise<FastifyReply> {
  const pass = api.door.open(tokenOf(request), 'PUT');
  if (isRefused(pass)) return turnAway(request, reply, api, problemOf(pass));
  const { bytesMax } = pass;
  // Before the URL is used up: whoever says so may yet send less with it.
  if (Number(headersOf(request)('content-length') ?? 0) > bytesMax)
    return turnAway(request, reply, api, tooLarge(bytesMax));
  const { clock, bounds } = api;
  const pace = { stallMs: bounds.uploadStallMs, withinMs: bounds.transferMs, clock };
  try {
    const taken = await api.door.take(pass, paced(request.raw, pace));
    if (isRefused(taken)) return await turnAway(request, reply, api, problemOf(taken, bytesMax));
    return await reply.code(200).header('etag', `"${taken.sha256}"`).send();
  } catch (error) {
    if (error instanceof BodyStalled)
      return turnAway(request, reply, api, { code: 'upload-stalled' });
    // The uploader went away in the middle: there is nobody to answer.
    if (request.raw.destroyed && !request.raw.complete)
      return refuse(reply, { code: 'request-malformed' });
    throw error;
  }
}

/** With what is still to come thrown away for a moment, and the connection closed behind the answer. */
async function turnAway(
  request: FastifyRequest,
  reply: FastifyReply,
  api: ApiContext,
  problem: Problem,
): Promise<FastifyReply> {
  if (problem.code !== 'upload-stalled') await discarded(request.raw, api);
  if (!request.raw.complete) reply.header('connection', 'close');
  return refuse(reply, problem);
}

async function give(
  request: FastifyRequest,
  reply: FastifyReply,
  api: ApiContext,
): Promise<FastifyReply> {
  const pass = api.door.open(tokenOf(request), 'GET');
  if (isRefused(pass)) return refuse(reply, problemOf(pass));
  const given = await api.door.give(pass);
  if (isRefused(given)) return refuse(reply, problemOf(given));
  const body = Readable.from(given.body, { objectMode: false });
  const late = api.clock.after(api.bounds.transferMs, () => body.destroy(), { background: true });
  body.once('close', late.cancel);
  return described(reply, given).send(body);
}

async function look(
  request: FastifyRequest,
  reply: FastifyReply,
  api: ApiContext,
): Promise<FastifyReply> {
  const pass = api.door.open(tokenOf(request), 'HEAD');
  if (isRefused(pass)) return refuse(reply, problemOf(pass));
  const found = await api.door.look(pass);
  return isRefused(found) ? refuse(reply, problemOf(found)) : described(reply, found).send();
}

const mediaTypeForm = /^[\w.+-]+\/[\w.+-]+(?:; ?[\w-]+=[\w."+-]+)*$/;

/** What agents have stored is downloaded and never shown as a page of ours. */
const described = (reply: FastifyReply, o: Omit<Given, 'body'>): FastifyReply =>
  reply.code(200).headers({
    'content-type': mediaTypeForm.test(o.mediaType ?? '')
      ? o.mediaType
      : 'application/octet-stream',
    'content-length': o.sizeBytes,
    'content-disposition': contentDisposition(o.filename),
    'x-content-type-options': 'nosniff',
    'cache-control': 'no-store',
    etag: `"${o.sha256}"`,
  });

const codes: Readonly<Record<Exclude<DoorRefusal, 'too-big'>, ProblemCode>> = {
  forged: 'object-url-invalid',
  expired: 'object-url-expired',
  used: 'object-url-used',
  gone: 'object-gone',
};

const problemOf = ({ refusal }: Refused, bytesMax = 0): Problem =>
  refusal === 'too-big' ? tooLarge(bytesMax) : { code: codes[refusal] };
