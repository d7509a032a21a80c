/** `…/agents`: who is connected, or was, as the projection has it; and who is to get no more work. */
import { newId } from '@waybill/process';
import { agentDraft } from '@waybill/protocol';
import { agent, listAgents } from '@waybill/readmodel';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { z } from 'zod';
import type { Problem } from '../domain/problems.ts';
import { type Answer, answering, isProblem, notFound, ok } from './answer.ts';
import type { ApiContext } from './api-context.ts';
import { asker } from './authority.ts';
import { pageAnswer, queryReadModel } from './read-model-query.ts';
import { cursorParameter, limitParameter, pathOf, queryOf } from './request-read.ts';

export const AgentPath = z.object({ agentId: z.string().min(1).max(256) });

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
  app.get(
    '/agents/:agentId',
    answering(async (request) => {
      const path = pathOf(request, AgentPath);
      if (path === undefined) return notFound;
      const found = await queryReadModel(api, (db) => agent(db, api.org, path.agentId));
      return found === undefined ? notFound : ok(found);
    }),
  );
  const setDraining =
    (draining: boolean) =>
    (request: FastifyRequest): Promise<Answer | Problem> =>
      drain(request, api, draining);
  app.put('/agents/:agentId/drain', answering(setDraining(true)));
  app.delete('/agents/:agentId/drain', answering(setDraining(false)));
}

/** Work that it has goes on. A repeat of what holds already is stored and changes nothing. */
async function drain(
  request: FastifyRequest,
  api: ApiContext,
  draining: boolean,
): Promise<Answer | Problem> {
  const path = pathOf(request, AgentPath);
  if (path === undefined) return notFound;
  const { org } = api;
  const { agentId } = path;
  const known = await queryReadModel(api, (db) => agent(db, org, agentId));
  if (known === undefined) return notFound;
  const outcome = await api.journal.append(
    agentDraft({
      org,
      agentId,
      type: 'draining',
      id: `${org}:draining:${newId()}`,
      gateway: '',
      source: '/waybill/api',
      body: JSON.stringify({ draining, by: asker }),
    }),
    undefined,
    { deadlineMs: api.bounds.appendMs },
  );
  if (outcome.outcome !== 'stored') return { code: 'log-unavailable' };
  return {
    status: 200,
    body: { agentId, draining, activeJobs: known.activeJobs, seq: outcome.seq },
  };
}
