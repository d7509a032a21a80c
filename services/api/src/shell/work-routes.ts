/**
 * What agents have left behind and used: artifacts of a run, attestations of an artefact by its digest, what a run has cost.
 * Bytes are not given here: whoever asks for them is sent to where they lie, at an address that expires.
 */
import type { ObjectEntry } from '@waybill/objects';
import {
  addUsage,
  artifactObject,
  foldRun,
  provenanceObject,
  type RunObject,
  spendingOf,
  usd,
  withoutCost,
} from '@waybill/protocol';
import {
  artifact,
  isBadCursor,
  listArtifacts,
  listAttestations,
  listUsage,
} from '@waybill/readmodel';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { z } from 'zod';
import type { Problem } from '../domain/problems.ts';
import { type Answer, answering, isProblem, notFound, ok } from './answer.ts';
import type { ApiContext } from './api-context.ts';
import { badCursor, queryReadModel } from './read-model-query.ts';
import { cursorParameter, limitParameter, pathOf, queryOf } from './request-read.ts';
import { runEvents, runExists } from './run-history.ts';
import { runIdOf } from './run-reads.ts';

const NamePath = z.object({ '*': z.string().min(1).max(1_024) });
const DigestPath = z.object({ digest: z.string().regex(/^[0-9a-f]{1,128}$/) });

export function workRoutes(app: FastifyInstance, api: ApiContext): void {
  app.get(
    '/runs/:runId/artifacts',
    answering((request) => artifactsOf(request, api)),
  );
  app.get(
    '/runs/:runId/artifacts/*',
    answering((request) => artifactContent(request, api)),
  );
  app.get(
    '/provenance/:digest',
    answering((request) => attestationsOf(request, api)),
  );
  app.get(
    '/provenance/:digest/content',
    answering((request) => attestationContent(request, api)),
  );
  const Paged = z.object({ limit: limitParameter(api.bounds), cursor: cursorParameter });
  app.get(
    '/runs/:runId/usage',
    answering(async (request) => {
      const runId = runIdOf(request);
      const query = queryOf(request, Paged);
      if (isProblem(query)) return query;
      return runId === undefined ? notFound : usageOf(api, runId, query);
    }),
  );
}

async function artifactsOf(request: FastifyRequest, api: ApiContext): Promise<Answer | Problem> {
  const { org, bounds } = api;
  const runId = runIdOf(request);
  if (runId === undefined) return notFound;
  const items = await queryReadModel(api, (db) =>
    listArtifacts(db, { org, runId, limit: bounds.artifacts }),
  );
  if (items.length === 0 && !(await runExists(api, runId))) return notFound;
  return ok({ items, next: null });
}

async function artifactContent(
  request: FastifyRequest,
  api: ApiContext,
): Promise<Answer | Problem> {
  const { org } = api;
  const runId = runIdOf(request);
  const name = pathOf(request, NamePath)?.['*'];
  if (runId === undefined || name === undefined) return notFound;
  const found = await queryReadModel(api, (db) => artifact(db, { org, runId, name }));
  if (found === undefined) return notFound;
  return sentTo(api, artifactObject({ ...found, org }, name), name.split('/').at(-1));
}

async function attestationsOf(request: FastifyRequest, api: ApiContext): Promise<Answer | Problem> {
  const items = await attestations(request, api);
  return items.length === 0 ? notFound : ok({ items, next: null });
}

async function attestationContent(
  request: FastifyRequest,
  api: ApiContext,
): Promise<Answer | Problem> {
  const { org } = api;
  const [newest] = await attestations(request, api);
  if (newest === undefined) return notFound;
  const name = provenanceObject({ ...newest, org }, newest.subjectDigest);
  return sentTo(api, name, `${newest.subjectDigest}.json`);
}

async function attestations(request: FastifyRequest, api: ApiContext) {
  const { org, bounds } = api;
  const subjectDigest = pathOf(request, DigestPath)?.digest;
  if (subjectDigest === undefined) return [];
  const limit = bounds.pageSize;
  return queryReadModel(api, (db) => listAttestations(db, { org, subjectDigest, limit }));
}

async function sentTo(
  { objects }: ApiContext,
  name: RunObject,
  filename: string | undefined,
): Promise<Answer | Problem> {
  const entry: ObjectEntry | undefined = await objects.find(name);
  if (entry === undefined) return { code: 'object-gone' };
  const location = await objects.downloadUrl(entry, { filename });
  return { status: 302, body: '', headers: { location } };
}

/** Sums from the log, entries as they are projected. */
async function usageOf(
  api: ApiContext,
  runId: string,
  query: Readonly<{ limit: number; cursor?: string | undefined }>,
): Promise<Answer | Problem> {
  const { org } = api;
  const page = await queryReadModel(api, (db) => listUsage(db, { ...query, org, runId }));
  if (isBadCursor(page)) return badCursor;
  const run = foldRun(await runEvents(api, runId));
  if (run.seq === 0 && !(await runExists(api, runId))) return notFound;
  const { lateUsage } = run;
  return ok({
    runId,
    ...spendingOf(run),
    late: { usage: withoutCost(lateUsage), costUsd: usd(lateUsage.costNanoUsd ?? 0) },
    total: totalOf(run),
    jobs: run.jobs.map(({ spec, usage }) => ({
      jobId: spec.jobId,
      name: spec.name,
      usage: withoutCost(usage),
      costUsd: usd(usage.costNanoUsd ?? 0),
    })),
    items: page.items,
    next: page.next,
  });
}

/** With what was reported behind the end. */
function totalOf({ jobs, lateUsage }: ReturnType<typeof foldRun>) {
  const usage = addUsage(...jobs.map((job) => job.usage), lateUsage);
  return { usage: withoutCost(usage), costUsd: usd(usage.costNanoUsd ?? 0) };
}
