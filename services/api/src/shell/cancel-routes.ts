/**
 * `…/runs/{runId}/cancel`. A cancel is a fact that somebody asked: what no agent has ends by it at once, the rest when its agent
 * says so, or is given up. Asked again, nothing changes, unless it is by force.
 */
import { isDeepStrictEqual } from 'node:util';
import {
  foldRun,
  isTerminalRun,
  JobId,
  type Run,
  type RunEvent,
  runDraft,
  shortHash,
} from '@waybill/protocol';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { z } from 'zod';
import type { Problem } from '../domain/problems.ts';
import { type Answer, answering, isProblem, notFound } from './answer.ts';
import type { ApiContext } from './api-context.ts';
import { asker } from './authority.ts';
import { deliveryIdOf } from './idempotency-key.ts';
import { bodyOf, bytesOf, originOf } from './request-read.ts';
import { awaitedRun, runEvents } from './run-history.ts';
import { runIdOf } from './run-reads.ts';

export const reason = z.string().min(1).max(500).optional();
const One = z.strictObject({
  reason,
  /** At once, without the hooks of its jobs. */
  force: z.boolean().optional(),
  /** Only these jobs of the run. */
  jobIds: z.array(JobId).min(1).max(256).optional(),
});
export type Asked = Omit<z.infer<typeof One>, 'jobIds'> &
  Readonly<{ jobIds?: readonly string[] | undefined }>;

export function cancelRoutes(app: FastifyInstance, api: ApiContext): void {
  app.post(
    '/runs/:runId/cancel',
    answering((request) => cancelOne(request, api)),
  );
}

async function cancelOne(request: FastifyRequest, api: ApiContext): Promise<Answer | Problem> {
  const runId = runIdOf(request);
  if (runId === undefined) return notFound;
  const asked = bytesOf(request).length === 0 ? {} : bodyOf(request, api.bounds, One);
  if (isProblem(asked)) return asked;
  const deliveryId = deliveryIdOf(request, api.bounds);
  if (typeof deliveryId !== 'string') return deliveryId;
  const events = await runEvents(api, runId);
  const run = foldRun(events);
  if (run.created === null) return notCreated(api, runId);
  const id = cancelId(api, runId, deliveryId);
  const earlier = events.find((event) => event.id === id);
  if (earlier !== undefined)
    return isSameWish(earlier, asked) ? accepted(run, earlier.seq) : { code: 'key-reused' };
  const { jobIds } = asked;
  const unknown = jobIds?.find((id) => !run.jobs.some(({ spec }) => spec.jobId === id));
  if (unknown !== undefined)
    return {
      code: 'request-invalid',
      errors: [{ path: 'jobIds', message: `${unknown} is no job of this run` }],
    };
  if (isTerminalRun(run.completed?.state ?? 'pending')) return ended(run);
  return cancel(request, api, { runId, id, asked });
}

/** Its trigger is stored, and its first event is not: there is nothing yet that could be cancelled. */
const notCreated = async (api: ApiContext, runId: string): Promise<Problem> =>
  (await awaitedRun(api, runId)) === undefined ? notFound : { code: 'run-pending' };

const ended = ({ state }: Run): Problem => ({
  code: 'run-ended',
  detail: `The run has ended with ${state}.`,
});

export const cancelId = ({ org }: ApiContext, runId: string, deliveryId: string): string =>
  `${org}:${runId}:cancel.requested:${shortHash(deliveryId)}`;

const wishOf = ({ jobIds, reason: why, force }: Asked) => ({
  by: asker,
  ...(jobIds === undefined ? {} : { jobIds: [...jobIds] }),
  ...(why === undefined ? {} : { reason: why }),
  ...(force === undefined ? {} : { force }),
});

const isSameWish = (event: RunEvent, asked: Asked): boolean =>
  event.type === 'cancel.requested' && isDeepStrictEqual({ ...event.body }, wishOf(asked));

const accepted = (run: Run, seq: number): Answer => ({
  status: 202,
  body: {
    runId: run.created?.runId,
    state: run.state,
    seq,
    jobs: run.jobs.map(({ spec, state }) => ({ jobId: spec.jobId, name: spec.name, state })),
  },
});

type Cancel = Readonly<{ runId: string; id: string; asked: Asked }>;

export async function cancel(
  request: FastifyRequest,
  api: ApiContext,
  { runId, id, asked }: Cancel,
): Promise<Answer | Problem> {
  const { org } = api;
  const meta = { id, source: '/waybill/api', ...originOf(request) };
  const draft = runDraft({ org, runId, type: 'cancel.requested', meta, body: wishOf(asked) });
  const outcome = await api.journal.append(draft, undefined, { deadlineMs: api.bounds.appendMs });
  if (outcome.outcome !== 'stored') return { code: 'log-unavailable' };
  return accepted(foldRun(await runEvents(api, runId)), outcome.seq);
}
