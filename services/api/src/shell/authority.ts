/**
 * Who may use `/v1`: a bearer of the API key, in the key's own organisation. Another organisation's paths answer like paths
 * that do not exist, and nothing is answered before the key is right.
 */
import { tokenMatches } from '@waybill/process';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import { notFound, refuse } from './answer.ts';
import type { ApiContext } from './api-context.ts';
import { headersOf, pathOf } from './request-read.ts';

/** Who asks, in what is stored of it. There is one key for an organisation; with users, their names stand here. */
export const asker = 'api-key';

const OrgPath = z.object({ org: z.string() });
const bearer = /^Bearer +([\x21-\x7e]+) *$/i;

/** Of the header `authorization`. */
export function hasKey(header: string | undefined, api: Pick<ApiContext, 'apiKeyHash'>): boolean {
  const token = bearer.exec(header ?? '')?.[1];
  return token !== undefined && tokenMatches(token, api.apiKeyHash);
}

export async function authorise(
  request: FastifyRequest,
  reply: FastifyReply,
  api: ApiContext,
): Promise<FastifyReply | undefined> {
  if (!hasKey(headersOf(request)('authorization'), api))
    return refuse(reply, { code: 'unauthorized' });
  return pathOf(request, OrgPath)?.org === api.org ? undefined : refuse(reply, notFound);
}
