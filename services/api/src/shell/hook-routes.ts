/**
 * `POST /hooks/{org}/{source}`: signed deliveries. In this order: who and where, size, signature over the raw bytes, JSON,
 * and only then the log. What is stored is the JSON as it came.
 */
import { digest } from '@waybill/process';
import { triggerId } from '@waybill/protocol';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { z } from 'zod';
import { deliveryOf, type HookSource, hookSource, keptOf } from '../domain/delivery.ts';
import { bodyBytesMax } from '../domain/limits.ts';
import type { Problem } from '../domain/problems.ts';
import { type Answer, answering, isProblem, notFound, refuse, tooLarge } from './answer.ts';
import type { ApiContext } from './api-context.ts';
import { takeIn } from './intake.ts';
import {
  bytesOf,
  headersOf,
  isJsonType,
  jsonOf,
  mediaTypeOf,
  originOf,
  pathOf,
} from './request-read.ts';
import { signatureProblem } from './signature.ts';

const HookPath = z.object({ org: z.string(), source: z.string() });
type Place = Readonly<{ org: string; source: string; hook: HookSource }>;

export function hookRoutes(app: FastifyInstance, api: ApiContext): void {
  app.route({
    method: 'POST',
    url: '/hooks/:org/:source',
    bodyLimit: bodyBytesMax(api.bounds, api.journal.maxPayload),
    onRequest: async (request, reply) => {
      if (placeOf(request, api) === undefined) return refuse(reply, notFound);
    },
    handler: answering((request) => deliver(request, api)),
  });
}

function placeOf(request: FastifyRequest, api: ApiContext): Place | undefined {
  const path = pathOf(request, HookPath);
  const hook = path === undefined ? undefined : hookSource(path.source);
  return path?.org === api.org && hook !== undefined ? { ...path, hook } : undefined;
}

async function deliver(request: FastifyRequest, api: ApiContext): Promise<Answer | Problem> {
  const place = placeOf(request, api);
  if (place === undefined) return notFound;
  const { org, source, hook } = place;
  const raw = bytesOf(request);
  const header = headersOf(request);
  // The server may have come back with a smaller bound than the route was made with.
  const bytesMax = bodyBytesMax(api.bounds, api.journal.maxPayload);
  if (raw.length > bytesMax) return tooLarge(bytesMax);
  const forged = signatureProblem({ source: hook, header, body: raw }, api.webhookSecrets);
  if (forged !== undefined) return forged;
  const body = payloadOf(raw, mediaTypeOf(request));
  if (isProblem(body)) return body;
  const delivery = deliveryOf(hook, header, api.bounds);
  if (isProblem(delivery)) return delivery;
  const json = jsonOf(body, api.bounds);
  if (isProblem(json)) return json;
  const bodyDigest = digest(api.ring, body);
  const deliveryId = delivery.deliveryId ?? `body:${bodyDigest}`;
  const answer = await takeIn(api, {
    org,
    source,
    triggerId: triggerId(org, source, deliveryId),
    kind: 'webhook',
    event: delivery.event,
    deliveryId,
    digest: bodyDigest,
    ...originOf(request),
    headers: keptOf(header),
    body,
    mismatch: 'delivery-conflict',
  });
  return isProblem(answer) ? answer : { status: 202, body: answer };
}

/** The JSON of a delivery: the body itself, or GitHub's form with one field `payload`. */
function payloadOf(raw: Uint8Array, mediaType: string): Uint8Array | Problem {
  if (isJsonType(mediaType)) return raw;
  if (mediaType !== 'application/x-www-form-urlencoded')
    return {
      code: 'media-type',
      detail: 'A delivery is application/json, or a form with the field payload.',
    };
  const [payload, ...more] = new URLSearchParams(Buffer.from(raw).toString('utf8')).getAll(
    'payload',
  );
  if (payload === undefined || more.length > 0)
    return { code: 'json-malformed', detail: 'The form must have the field payload, once.' };
  return Buffer.from(payload);
}
