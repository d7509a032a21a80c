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

export async function authorise(
  request: FastifyRequest,
  reply: FastifyReply,
  api: ApiContext,
): Promise<FastifyReply | undefined> {
  const token = bearer.exec(headersOf(request)('authorization') ?? '')?.[1];
  if (token === undefined || !tokenMatches(token, api.apiKeyHash))
    return refuse(reply, { code: 'unauthorized' });
  return pathOf(request, OrgPath)?.org === api.org ? undefined : refuse(reply, notFound);
}
