/** `Idempotency-Key`: the same key with the same request is the same request; without one, every request is another. */
import { newId } from '@waybill/process';
import type { FastifyRequest } from 'fastify';
import { isDeliveryId, unusable } from '../domain/delivery.ts';
import type { Limits } from '../domain/limits.ts';
import type { Problem } from '../domain/problems.ts';
import { headersOf } from './request-read.ts';

const HEADER = 'idempotency-key';

/** Keys are kept apart from ids that producers give, so that one cannot stand for the other by chance. */
export function deliveryIdOf(request: FastifyRequest, bounds: Limits): string | Problem {
  const key = headersOf(request)(HEADER);
  if (key === undefined) return `request:${newId()}`;
  return isDeliveryId(key, bounds) ? `key:${key}` : unusable(HEADER, bounds.deliveryIdChars);
}
