/** `…/triggers`: triggers from people and programs with an API key, and what became of each. */
import { digest } from '@waybill/process';
import {
  iso,
  readTriggerMessage,
  subjects,
  Token,
  TriggerId,
  triggerId,
  UPSTREAM,
} from '@waybill/protocol';
import { listTriggers } from '@waybill/readmodel';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { z } from 'zod';
import { withoutSeals } from '../domain/event-view.ts';
import { bodyBytesMax } from '../domain/limits.ts';
import { mistakeOf, placedOf } from '../domain/mistake.ts';
import type { Problem } from '../domain/problems.ts';
import { type Answer, answering, isProblem, notFound, ok } from './answer.ts';
import type { ApiContext } from './api-context.ts';
import { asker } from './authority.ts';
import { deliveryIdOf } from './idempotency-key.ts';
import { decisionOf, takeIn } from './intake.ts';
import { pageAnswer, queryReadModel } from './read-model-query.ts';
import {
  cursorParameter,
  jsonBodyOf,
  limitParameter,
  originOf,
  pathOf,
  queryOf,
} from './request-read.ts';

/** Nobody else may write there: runs that are asked for, their secrets sealed, and events that steps emit, whose word is trusted. */
const reserved: ReadonlyMap<string, string> = new Map([
  ['api', 'runs that are asked for'],
  [UPSTREAM, 'events that steps emit'],
]);

export function triggerRoutes(app: FastifyInstance, api: ApiContext): void {
  const { bounds } = api;
  const TriggerRequest = z.strictObject({
    source: Token,
    type: z.string().min(1).max(bounds.eventChars),
    id: z.string().min(1).max(bounds.deliveryIdChars).optional(),
    data: z.unknown().refine((data) => data !== undefined, 'is required; null is a value'),
  });
  const List = z.object({
    source: z.string().max(64).optional(),
    limit: limitParameter(bounds),
    cursor: cursorParameter,
  });
  const One = z.object({ triggerId: TriggerId });

  const add = async (request: FastifyRequest): Promise<Answer | Problem> => {
    const json = jsonBodyOf(request, bounds);
    if (isProblem(json)) return json;
    const read = TriggerRequest.safeParse(json.value);
    if (!read.success)
      return { code: 'request-invalid', errors: placedOf(read.error.issues).map(mistakeOf) };
    const { source, type, id } = read.data;
    const owner = reserved.get(source);
    if (owner !== undefined)
      return { code: 'source-reserved', detail: `The source "${source}" is that of ${owner}.` };
    const deliveryId = id ?? deliveryIdOf(request, bounds);
    if (typeof deliveryId !== 'string') return deliveryId;
    const place = json.members.get('data') ?? { start: 0, end: 0 };
    // As it came: numbers that JavaScript would round are stored with all their digits.
    const body = json.text.slice(place.start, place.end);
    const answer = await takeIn(api, {
      org: api.org,
      source,
      triggerId: triggerId(api.org, source, deliveryId),
      kind: 'manual',
      event: type,
      deliveryId,
      digest: digest(api.ring, `${JSON.stringify(type)}${body}`),
      askedBy: asker,
      ...originOf(request),
      body,
      mismatch: id === undefined ? 'key-reused' : 'delivery-conflict',
    });
    return isProblem(answer) ? answer : { status: 202, body: answer };
  };

  const list = async (request: FastifyRequest): Promise<Answer | Problem> => {
    const query = queryOf(request, List);
    if (isProblem(query)) return query;
    return pageAnswer(
      await queryReadModel(api, (db) => listTriggers(db, { ...query, org: api.org })),
    );
  };

  app.post(
    '/triggers',
    { bodyLimit: bodyBytesMax(bounds, api.journal.maxPayload) },
    answering(add),
  );
  app.get('/triggers', answering(list));
  app.get(
    '/triggers/:triggerId',
    answering(async (request) => {
      const path = pathOf(request, One);
      return path === undefined ? notFound : oneTrigger(api, path.triggerId);
    }),
  );
}

/** From the log, so that a trigger can be read as soon as it was accepted. */
async function oneTrigger(api: ApiContext, id: string): Promise<Answer | Problem> {
  const message = await api.journal.last('WB_TRIGGERS', subjects.triggerAnySource(api.org, id), {
    leader: true,
  });
  const event = message === undefined ? undefined : readTriggerMessage(message);
  if (message === undefined || event?.type !== 'trigger.received') return notFound;
  const decided = await decisionOf(api, event);
  return ok({
    triggerId: event.triggerId,
    org: event.org,
    source: event.source,
    kind: event.kind,
    event: event.event,
    deliveryId: event.deliveryId,
    requestId: event.meta.requestId ?? null,
    receivedAt: iso(event.at),
    decision: decided?.body.decision ?? null,
    detail: decided?.body.detail ?? null,
    decidedAt: decided === undefined ? null : iso(decided.at),
    runs: decided?.body.runs ?? [],
    seq: decided?.seq ?? event.seq,
    data: withoutSeals(event.data),
  });
}
