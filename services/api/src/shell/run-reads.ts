/** `…/runs/{runId}` and what belongs to it: the run as it is or was, its events, its logs. All of it from the log. */
import {
  type Candidate,
  iso,
  pendingView,
  type Run,
  RunId,
  type RunView,
  runView,
} from '@waybill/protocol';
import { type AgentSummary, connectedAgents, recordRef } from '@waybill/readmodel';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { z } from 'zod';
import { eventView } from '../domain/event-view.ts';
import type { Problem } from '../domain/problems.ts';
import { isPast, type Place, runAt } from '../domain/time-travel.ts';
import { type Answer, answering, isProblem, notFound, ok } from './answer.ts';
import type { ApiContext } from './api-context.ts';
import { badCursor, queryReadModel, within } from './read-model-query.ts';
import {
  cursorParameter,
  instantParameter,
  limitParameter,
  pathOf,
  queryOf,
  seqParameter,
} from './request-read.ts';
import { awaitedRun, runEvents, runExists } from './run-history.ts';
import { logPage } from './run-log.ts';
import { cursorOf, seqOfCursor } from './seq-cursor.ts';

const RunPath = z.object({ runId: RunId });
const RunQuery = z.object({ atSeq: seqParameter, at: instantParameter, minSeq: seqParameter });
const pollMs = 50;

export const runIdOf = (request: FastifyRequest): string | undefined =>
  pathOf(request, RunPath)?.runId;

export function runReads(app: FastifyInstance, api: ApiContext): void {
  const Paged = z.object({ limit: limitParameter(api.bounds), cursor: cursorParameter });
  type Page = Readonly<{ limit: number; afterSeq: number }>;
  const paged =
    (read: (runId: string, page: Page) => Promise<Answer | Problem>) =>
    async (request: FastifyRequest): Promise<Answer | Problem> => {
      const runId = runIdOf(request);
      const query = queryOf(request, Paged);
      if (isProblem(query)) return query;
      const afterSeq = seqOfCursor(query.cursor);
      if (afterSeq === undefined) return badCursor;
      return runId === undefined ? notFound : read(runId, { limit: query.limit, afterSeq });
    };

  app.get(
    '/runs/:runId',
    answering(async (request) => {
      const runId = runIdOf(request);
      const query = queryOf(request, RunQuery);
      if (isProblem(query)) return query;
      return runId === undefined ? notFound : readRun(api, runId, query);
    }),
  );

  app.get(
    '/runs/:runId/events',
    answering(
      paged(async (runId, { limit, afterSeq }) => {
        const events = await runEvents(api, runId, { fromSeq: afterSeq + 1 });
        if (events.length === 0 && !(await runExists(api, runId))) return notFound;
        return ok(pageOf(events, limit, (event) => eventView(event, iso(event.at) ?? '')));
      }),
    ),
  );
}

export async function readLogs(
  api: ApiContext,
  runId: string,
  limit: number,
  afterSeq: number,
): Promise<Answer | Problem> {
  const read = logPage(api, runId, limit + 1, afterSeq);
  const found = await within(api.clock, api.bounds.queryMs, read);
  if (found.length === 0 && !(await runExists(api, runId))) return notFound;
  const shown = found.slice(0, limit);
  const last = shown.at(-1);
  return ok({
    items: shown,
    next: found.length > limit && last !== undefined ? cursorOf(last.seq) : null,
  });
}

function pageOf<R extends Readonly<{ seq: number }>, T>(
  rows: readonly R[],
  limit: number,
  item: (row: R) => T,
) {
  const shown = rows.slice(0, limit);
  const last = shown.at(-1);
  return {
    items: shown.map(item),
    next: rows.length > limit && last !== undefined ? cursorOf(last.seq) : null,
  };
}

type Wanted = Place & Readonly<{ minSeq?: number | undefined }>;

async function readRun(api: ApiContext, runId: string, wanted: Wanted): Promise<Answer | Problem> {
  if (wanted.minSeq !== undefined && !(await reaches(api, wanted.minSeq)))
    return {
      code: 'sequence-not-reached',
      detail: `WB_RUNS did not reach ${wanted.minSeq} within ${api.bounds.minSeqMs} ms.`,
    };
  const events = await runEvents(api, runId);
  const run = runAt(events, wanted);
  if (run.seq === 0) return pendingRun(api, runId, wanted);
  const record = run.completed === null ? null : await recordOf(api, runId);
  const now = await waitingSide(api, run, wanted);
  return ok(runView(run, api.org, runId, { record, ...now }));
}

/** Agents and time as they are now, for a job that waits now; without Postgres the rest can still be read. */
async function waitingSide(
  api: ApiContext,
  run: Run,
  place: Place,
): Promise<Readonly<{ agents?: readonly Candidate[]; now?: number }>> {
  if (isPast(place) || !run.jobs.some(({ state }) => state === 'queued')) return {};
  const { journal, bounds, log, org } = api;
  try {
    const agents = await queryReadModel(api, (db) =>
      connectedAgents(db, org, bounds.blockingAgents),
    );
    return { agents: agents.map(candidateOf), now: await journal.serverTime('WB_RUNS') };
  } catch (error) {
    log.warn(
      { runId: run.created?.runId, err: error },
      'the agents that a job waits for are not known',
    );
    return {};
  }
}

const Labels = z.array(z.string());

/** What the agent last said of its session; it may have jobs that are not ours. */
const Status = z.looseObject({ activeJobs: z.number() });

const candidateOf = (agent: AgentSummary): Candidate => ({
  agentId: agent.agentId,
  labels: Labels.safeParse(agent.labels).data ?? [],
  capacity: agent.maxConcurrency,
  load: Math.max(agent.activeJobs, Status.safeParse(agent.lastStatus).data?.activeJobs ?? 0),
  isDraining: agent.draining !== null,
});

/** Once the stream is past the sequence, the run's own events up to it are all there, however few they are. */
async function reaches(api: ApiContext, minSeq: number): Promise<boolean> {
  const { clock, journal, bounds } = api;
  const endsAtMs = clock.monotonicMs() + bounds.minSeqMs;
  for (;;) {
    if ((await journal.info('WB_RUNS')).lastSeq >= minSeq) return true;
    if (clock.monotonicMs() >= endsAtMs) return false;
    await clock.sleep(pollMs);
  }
}

/** Stored and not decided yet, or asked for at a place before its first event. */
async function pendingRun(api: ApiContext, runId: string, place: Place): Promise<Answer | Problem> {
  const awaited = await awaitedRun(api, runId);
  const isKnownThen = awaited !== undefined && awaited.at <= (place.at ?? Number.MAX_SAFE_INTEGER);
  if (isKnownThen) return ok(pendingView(api.org, runId, awaited.trigger));
  if (!isPast(place) || awaited === undefined) return notFound;
  return { code: 'not-found', detail: 'The run did not exist at that time.' };
}

/** The record is the projector's; without Postgres the run itself can still be read. */
async function recordOf(api: ApiContext, runId: string): Promise<RunView['record']> {
  try {
    return await queryReadModel(api, (db) => recordRef(db, api.org, runId));
  } catch (error) {
    api.log.warn({ runId, err: error }, 'the record of a run is not known');
    return null;
  }
}
