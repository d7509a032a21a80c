/**
 * How a route answers: with a value, or with a problem. Here is the only place that writes an error to the wire, whoever
 * found it: a route, the framework or a server that is away.
 */
import { isJournalError, NewerVersion } from '@waybill/journal';
import { isOutage, safeError } from '@waybill/process';
import type { FastifyReply, FastifyRequest } from 'fastify';
import {
  type Problem,
  type ProblemCode,
  problemBody,
  problems,
  retryAfterOf,
} from '../domain/problems.ts';
import type { ApiContext } from './api-context.ts';

export type Answer = Readonly<{
  status: number;
  body: unknown;
  headers?: Readonly<Record<string, string>>;
}>;
export type Handler = (request: FastifyRequest) => Promise<Answer | Problem>;

export const ok = (body: unknown): Answer => ({ status: 200, body });
export const isProblem = (value: object): value is Problem =>
  'code' in value && typeof value.code === 'string' && Object.hasOwn(problems, value.code);
export const notFound: Problem = { code: 'not-found' };

export const answering =
  (handler: Handler) =>
  async (request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> => {
    const answer = await handler(request);
    if (isProblem(answer)) return refuse(reply, answer);
    return reply
      .code(answer.status)
      .headers({ 'cache-control': 'no-store', ...answer.headers })
      .send(answer.body);
  };

export function refuse(reply: FastifyReply, problem: Problem): FastifyReply {
  const body = problemBody(problem, reply.request.id);
  const retryAfter = retryAfterOf(problem.code);
  reply.code(body.status).headers({
    'content-type': 'application/problem+json; charset=utf-8',
    'cache-control': 'no-store',
    'x-request-id': reply.request.id,
    ...(retryAfter === undefined ? {} : { 'retry-after': String(retryAfter) }),
    ...(problem.code === 'unauthorized' ? { 'www-authenticate': 'Bearer realm="waybill"' } : {}),
  });
  // As text, so that no serialiser of the framework gives an error another shape.
  return reply.send(JSON.stringify(body));
}

/** What was thrown, as a problem; a defect is logged here, once. */
export function problemOf(error: unknown, request: FastifyRequest, api: ApiContext): Problem {
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  if (code === 'FST_ERR_CTP_BODY_TOO_LARGE') return tooLarge(request.routeOptions.bodyLimit ?? 0);
  if (code.startsWith('FST_ERR_CTP')) return { code: 'media-type' };
  if (code.startsWith('FST_')) return { code: 'request-malformed' };
  if (error instanceof NewerVersion) api.fail(error);
  const outage = outageCode(error, code);
  const about = { requestId: request.id, route: request.routeOptions.url, err: safeError(error) };
  if (outage === undefined) api.log.error(about, 'a request failed');
  else api.log.warn(about, 'a request met an outage');
  return { code: outage ?? 'internal' };
}

function outageCode(error: unknown, code: string): ProblemCode | undefined {
  if (code === 'too-slow' || code === 'read-model-unavailable') return code;
  const isOfLog = isOutage(error) || isJournalError(error) || error instanceof NewerVersion;
  return isOfLog ? 'log-unavailable' : undefined;
}

export const tooLarge = (bytesMax: number, what = 'The body'): Problem => ({
  code: 'body-too-large',
  detail: `${what} may have ${bytesMax} bytes at most.`,
});
