/** Reading a request: its headers, bytes, JSON, path and query, each as a checked value or a problem. */
import { newTraceparent, parseTraceparent } from '@waybill/process';
import type { FastifyRequest } from 'fastify';
import { z } from 'zod';
import type { Headers } from '../domain/delivery.ts';
import { type JsonText, placeOf, readJson } from '../domain/json-text.ts';
import type { Limits } from '../domain/limits.ts';
import { mistakeOf, placedOf } from '../domain/mistake.ts';
import type { Problem } from '../domain/problems.ts';
import { isProblem } from './answer.ts';

/** A header that is given twice counts as the list that it then is. */
export const headersOf = (request: FastifyRequest): Headers => {
  const { headers } = request;
  return (name) => {
    const value = headers[name];
    return Array.isArray(value) ? value.join(', ') : value;
  };
};

/** Whatever the content type says, the root's parser hands over the bytes as they came. */
export const bytesOf = (request: FastifyRequest): Uint8Array =>
  request.body instanceof Uint8Array ? request.body : new Uint8Array();

export const mediaTypeOf = (request: FastifyRequest): string =>
  (request.headers['content-type'] ?? '').split(';')[0]?.trim().toLowerCase() ?? '';

export const isJsonType = (mediaType: string): boolean =>
  mediaType === 'application/json' || /^application\/[\w.-]+\+json$/.test(mediaType);

export function jsonOf(bytes: Uint8Array, bounds: Limits): JsonText | Problem {
  const json = readJson(bytes, bounds.jsonDepth);
  if ('kind' in json) return json;
  return {
    code: json.code,
    detail: `At ${placeOf(json)} (character ${json.offset + 1}): ${json.message}.`,
  };
}

export function jsonBodyOf(request: FastifyRequest, bounds: Limits): JsonText | Problem {
  if (!isJsonType(mediaTypeOf(request)))
    return { code: 'media-type', detail: 'The body must be application/json.' };
  return jsonOf(bytesOf(request), bounds);
}

export function bodyOf<S extends z.ZodType>(
  request: FastifyRequest,
  bounds: Limits,
  shape: S,
): z.infer<S> | Problem {
  const json = jsonBodyOf(request, bounds);
  if (isProblem(json)) return json;
  const read = shape.safeParse(json.value);
  if (read.success) return read.data;
  return { code: 'request-invalid', errors: placedOf(read.error.issues).map(mistakeOf) };
}

/** Ids in a path are only looked up: one that cannot exist is not found, like every other. */
export function pathOf<S extends z.ZodType>(
  request: FastifyRequest,
  shape: S,
): z.infer<S> | undefined {
  return shape.safeParse(request.params).data;
}

export function queryOf<S extends z.ZodType>(
  request: FastifyRequest,
  shape: S,
): z.infer<S> | Problem {
  const query = shape.safeParse(request.query);
  if (query.success) return query.data;
  return { code: 'query-invalid', errors: placedOf(query.error.issues).map(mistakeOf) };
}

const number = (max: number) =>
  z
    .string()
    .regex(/^\d{1,15}$/, 'must be a whole number')
    .transform(Number)
    .refine((value) => value <= max, `must be ${max} at most`);

export const seqParameter = number(Number.MAX_SAFE_INTEGER).optional();
export const cursorParameter = z.string().max(256).optional();
export const limitParameter = (bounds: Limits) =>
  number(bounds.pageSize)
    .refine((value) => value >= 1, 'must be 1 at least')
    .default(bounds.pageSizeDefault);

/** Unix milliseconds, or ISO 8601. */
export const instantParameter = z
  .string()
  .transform((text, context) => {
    const at = /^\d{1,15}$/.test(text)
      ? Number(text)
      : /^\d{4}-/.test(text)
        ? Date.parse(text)
        : Number.NaN;
    if (Number.isFinite(at)) return at;
    context.addIssue({
      code: 'custom',
      message: 'must be a time such as 2026-01-31T12:00:00Z, or Unix milliseconds',
    });
    return z.NEVER;
  })
  .optional();

/** Goes with the trigger to the dispatch, however late that is. */
export type Origin = Readonly<{ requestId: string; traceparent: string }>;

export function originOf(request: FastifyRequest): Origin {
  const given = headersOf(request)('traceparent');
  const traceparent =
    given !== undefined && parseTraceparent(given) !== undefined ? given : newTraceparent();
  return { requestId: request.id, traceparent };
}
