/**
 * `…/agents/{agentId}/logs`: an agent's own logs, asked for through the gateway that holds it and given as one archive. The request
 * is in the log, and so is how it ended; nobody waits for longer than a minute.
 */
import { Readable } from 'node:stream';
import { newId } from '@waybill/process';
import {
  type AgentEvent,
  agentDraft,
  bundleObject,
  readAgentMessage,
  subjects,
} from '@waybill/protocol';
import { agent } from '@waybill/readmodel';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { z } from 'zod';
import type { Problem } from '../domain/problems.ts';
import { AgentPath } from './agent-routes.ts';
import { type Answer, answering, isProblem, notFound } from './answer.ts';
import type { ApiContext } from './api-context.ts';
import { asker } from './authority.ts';
import { queryReadModel } from './read-model-query.ts';
import { bodyOf, bytesOf, pathOf } from './request-read.ts';

export function agentLogRoutes(app: FastifyInstance, api: ApiContext): void {
  const { agentLogsHours, agentLogsBytes } = api.bounds;
  const Asked = z.strictObject({
    /** How far back. */
    hours: z.number().positive().max(agentLogsHours).default(24),
    /** Raw bytes of them. */
    maxBytes: z.int().positive().max(agentLogsBytes).default(1_048_576),
  });
  app.post(
    '/agents/:agentId/logs',
    answering(async (request) => {
      const path = pathOf(request, AgentPath);
      if (path === undefined) return notFound;
      const asked =
        bytesOf(request).length === 0 ? Asked.parse({}) : bodyOf(request, api.bounds, Asked);
      return isProblem(asked) ? asked : collected(request, api, { ...path, ...asked });
    }),
  );
}

type Wanted = Readonly<{ agentId: string; hours: number; maxBytes: number }>;
type Outcome = Extract<AgentEvent, { type: 'logs_collected' | 'logs_failed' }>;

async function collected(
  request: FastifyRequest,
  api: ApiContext,
  { agentId, hours, maxBytes }: Wanted,
): Promise<Answer | Problem> {
  const { org, journal, objects } = api;
  const known = await queryReadModel(api, (db) => agent(db, org, agentId));
  if (known === undefined) return notFound;
  if (known.state !== 'online') return { code: 'agent-away' };
  const requestId = newId();
  const asked = await journal.append(
    agentDraft({
      org,
      agentId,
      type: 'logs_requested',
      id: `${org}:logs_requested:${requestId}`,
      gateway: '',
      source: '/waybill/api',
      body: JSON.stringify({ requestId, agentId, hours, maxBytes, by: asker }),
    }),
    undefined,
    { deadlineMs: api.bounds.appendMs },
  );
  if (asked.outcome !== 'stored') return { code: 'log-unavailable' };
  const outcome = await outcomeOf(request, api, { agentId, requestId, fromSeq: asked.seq + 1 });
  if (outcome === undefined)
    return { code: 'agent-logs-failed', detail: 'The agent did not answer in time.' };
  if (outcome.type === 'logs_failed')
    return { code: 'agent-logs-failed', detail: `${outcome.body.message}.` };
  const entry = await objects.find(bundleObject(org, agentId, requestId));
  if (entry === undefined) return { code: 'object-gone' };
  const body = Readable.from(await objects.read(entry), { objectMode: false });
  const headers = {
    'content-type': 'application/zip',
    'content-length': String(entry.sizeBytes),
    'x-waybill-sha256': entry.sha256,
  };
  return { status: 200, body, headers };
}

type Asked = Readonly<{ agentId: string; requestId: string; fromSeq: number }>;

/** Undefined where it takes too long, and where nobody waits any more. */
async function outcomeOf(
  request: FastifyRequest,
  { org, journal, clock, bounds }: ApiContext,
  { agentId, requestId, fromSeq }: Asked,
): Promise<Outcome | undefined> {
  const endsAtMs = clock.monotonicMs() + bounds.agentLogsMs;
  while (clock.monotonicMs() < endsAtMs && !request.raw.socket.destroyed) {
    for (const event of ['logs_collected', 'logs_failed']) {
      const filter = subjects.agent(org, agentId, event);
      const messages = await journal.load('WB_AGENTS', filter, { fromSeq, leader: true });
      for (const message of messages) {
        const found = readAgentMessage(message);
        if (found?.type !== 'logs_collected' && found?.type !== 'logs_failed') continue;
        if (found.body.requestId === requestId) return found;
      }
    }
    await clock.sleep(bounds.agentLogsLookMs);
  }
  return undefined;
}
