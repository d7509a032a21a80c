/**
 * `…/runs/cancel`: every open run that meets a filter is told to stop, or, as a preview, only counted. A page of them at a time:
 * what is left is told by `next`.
 */
import { newId } from '@waybill/process';
import { foldRun } from '@waybill/protocol';
import { openRuns } from '@waybill/readmodel';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { z } from 'zod';
import type { Problem } from '../domain/problems.ts';
import { type Answer, answering, isProblem } from './answer.ts';
import type { ApiContext } from './api-context.ts';
import { type Asked, cancel, cancelId, reason } from './cancel-routes.ts';
import { badCursor, queryReadModel } from './read-model-query.ts';
import { bodyOf, cursorParameter } from './request-read.ts';
import { runEvents } from './run-history.ts';
import { cursorOf, seqOfCursor } from './seq-cursor.ts';

const text = z.string().min(1).max(256).optional();
const Many = z.strictObject({
  filter: z
    .strictObject({
      state: z.enum(['pending', 'running', 'cancelling']).optional(),
      workflow: text,
      rule: text,
      source: text,
      ref: text,
      createdBefore: z.iso.datetime({ offset: true }).optional(),
    })
    .refine((filter) => Object.keys(filter).length > 0, {
      error: 'needs at least one condition; { "createdBefore": <now> } is every open run',
    }),
  /** Says how many are meant, and cancels none. */
  preview: z.boolean().optional(),
  /** The `next` of the answer before. */
  cursor: cursorParameter,
  reason,
  force: z.boolean().optional(),
});

const atOnceMax = 16;
/** Shown of a preview. */
const sampleMax = 20;

export function bulkCancelRoutes(app: FastifyInstance, api: ApiContext): void {
  app.post(
    '/runs/cancel',
    answering((request) => cancelMany(request, api)),
  );
}

async function cancelMany(request: FastifyRequest, api: ApiContext): Promise<Answer | Problem> {
  const asked = bodyOf(request, api.bounds, Many);
  if (isProblem(asked)) return asked;
  const { filter, preview = false } = asked;
  const afterSeq = seqOfCursor(asked.cursor);
  if (afterSeq === undefined) return badCursor;
  const limit = preview ? sampleMax : api.bounds.bulkRuns;
  const { runs, count } = await queryReadModel(api, (db) =>
    openRuns(db, api.org, filter, { limit, afterSeq }),
  );
  const runIds = runs.map(({ runId }) => runId);
  if (preview) return { status: 200, body: { preview: true, matched: count, runIds } };
  const told: Told[] = [];
  for (let at = 0; at < runIds.length; at += atOnceMax)
    told.push(
      ...(await Promise.all(
        runIds.slice(at, at + atOnceMax).map((runId) => tell(request, api, runId, asked)),
      )),
    );
  const numberOf = (one: Told): number => told.filter((each) => each === one).length;
  const last = runs.at(-1);
  const body = {
    preview: false,
    matched: count,
    requested: numberOf('requested'),
    already: numberOf('already'),
    failed: numberOf('failed'),
    next: count > runs.length && last !== undefined ? cursorOf(last.firstSeq) : null,
  };
  return { status: 202, body };
}

type Told = 'requested' | 'already' | 'failed';

/** One that has ended since the rows were written, or was told before, is left as it is. */
async function tell(
  request: FastifyRequest,
  api: ApiContext,
  runId: string,
  asked: Asked,
): Promise<Told> {
  const run = foldRun(await runEvents(api, runId));
  const wasTold = run.cancel !== null && (asked.force !== true || run.cancel.force);
  if (run.completed !== null || wasTold) return 'already';
  const id = cancelId(api, runId, newId());
  const answer = await cancel(request, api, { runId, id, asked });
  return isProblem(answer) ? 'failed' : 'requested';
}
