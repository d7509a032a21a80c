/**
 * `/metrics`, for Prometheus: numbers of the organisation, read when they are asked for. For whoever has the API key, as everything
 * else that is told of an organisation.
 */
import { logVolume } from '@waybill/readmodel';
import type { FastifyInstance } from 'fastify';
import { Gauge, Registry } from 'prom-client';
import { refuse } from './answer.ts';
import type { ApiContext } from './api-context.ts';
import { hasKey } from './authority.ts';
import { queryReadModel } from './read-model-query.ts';
import { headersOf } from './request-read.ts';

export function metricsRoutes(app: FastifyInstance, api: ApiContext): void {
  const registry = new Registry();
  const logBytes = new Gauge({
    name: 'waybill_org_log_bytes',
    help: 'Bytes of log that the runs of the organisation have streamed, as their agents counted them.',
    labelNames: ['org'],
    registers: [registry],
  });
  app.get('/metrics', async (request, reply) => {
    if (!hasKey(headersOf(request)('authorization'), api))
      return refuse(reply, { code: 'unauthorized' });
    const { org } = api;
    logBytes.set({ org }, await queryReadModel(api, (db) => logVolume(db, org)));
    return reply.type(registry.contentType).send(await registry.metrics());
  });
}
