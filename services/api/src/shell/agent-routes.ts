/** `…/agents`: who is connected, or was, as the projection has it. */
import { listAgents } from '@waybill/readmodel';
import type { FastifyInstance } from 'fastify';
import { z } from 'zod';
import { answering, isProblem } from './answer.ts';
import type { ApiContext } from './api-context.ts';
import { pageAnswer, queryReadModel } from './read-model-query.ts';
import { cursorParameter, limitParameter, queryOf } from './request-read.ts';

export function agentRoutes(app: FastifyInstance, api: ApiContext): void {
  const List = z.object({
    state: z.string().max(32).optional(),
    limit: limitParameter(api.bounds),
    cursor: cursorParameter,
  });
  app.get(
    '/agents',
    answering(async (request) => {
      const query = queryOf(request, List);
      if (isProblem(query)) return query;
      return pageAnswer(
        await queryReadModel(api, (db) => listAgents(db, { ...query, org: api.org })),
      );
    }),
  );
}
