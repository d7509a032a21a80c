/**
 * Live streams: `…/tail`, all run events of the organisation or of one run, and a run's log as it grows. Each client has an
 * ordered reader of its own, from the id it names: nothing is missed, nothing comes twice, and the end of a run ends its log.
 */
import { NewerVersion, type Reader } from '@waybill/journal';
import { unarchived } from '@waybill/objects';
import { iso, logView, RunId, subjects } from '@waybill/protocol';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import { eventView } from '../domain/event-view.ts';
import type { Problem } from '../domain/problems.ts';
import { runAt } from '../domain/time-travel.ts';
import { answering, isProblem, notFound, refuse } from './answer.ts';
import type { ApiContext } from './api-context.ts';
import type { EventStream } from './event-stream.ts';
import { badCursor } from './read-model-query.ts';
import { cursorParameter, headersOf, limitParameter, queryOf } from './request-read.ts';
import { eventOf, runEvents, runExists } from './run-history.ts';
import { archiveOf, lastSeqOf } from './run-log.ts';
import { readLogs, runIdOf } from './run-reads.ts';
import { seqOfCursor } from './seq-cursor.ts';
import { type Begin, beginAfter, beginNow, eventIdOf, resumptionOf } from './stream-position.ts';

const Tail = z.object({ runId: RunId.optional() });
/** Log lines may still be on their way when the job's last status is stored. */
const trailingMs = 300;

export function tailRoutes(app: FastifyInstance, api: ApiContext): void {
  const Logs = z.object({ limit: limitParameter(api.bounds), cursor: cursorParameter });

  app.get('/tail', { exposeHeadRoute: false }, async (request, reply) => {
    const query = queryOf(request, Tail);
    if (isProblem(query)) return refuse(reply, query);
    const begin = await beginOf(request, api);
    if (isProblem(begin)) return refuse(reply, begin);
    if (api.seats.isFull()) return refuse(reply, { code: 'streams-exhausted' });
    await tail(api, { reply, begin, runId: query.runId });
    return reply;
  });

  app.get('/runs/:runId/logs', { exposeHeadRoute: false }, async (request, reply) => {
    const runId = runIdOf(request);
    if (runId === undefined) return refuse(reply, notFound);
    if (wantsStream(request)) return followLogs(request, reply, runId);
    return answering(async () => {
      const query = queryOf(request, Logs);
      if (isProblem(query)) return query;
      const afterSeq = seqOfCursor(query.cursor);
      return afterSeq === undefined ? badCursor : readLogs(api, runId, query.limit, afterSeq);
    })(request, reply);
  });

  const followLogs = async (
    request: FastifyRequest,
    reply: FastifyReply,
    runId: string,
  ): Promise<FastifyReply> => {
    if (!(await runExists(api, runId))) return refuse(reply, notFound);
    const after = resumptionOf(request) ?? { seq: 0, marks: undefined };
    const begin = isProblem(after) ? after : await beginAfter(api, 'WB_LOGS', after);
    if (isProblem(begin)) return refuse(reply, begin);
    if (api.seats.isFull()) return refuse(reply, { code: 'streams-exhausted' });
    await follow(api, { reply, begin, runId });
    return reply;
  };
}

const wantsStream = (request: FastifyRequest): boolean =>
  headersOf(request)('accept')?.includes('text/event-stream') === true;

async function beginOf(request: FastifyRequest, api: ApiContext): Promise<Begin | Problem> {
  const after = resumptionOf(request);
  if (after === undefined) return beginNow(api, 'WB_RUNS');
  return isProblem(after) ? after : beginAfter(api, 'WB_RUNS', after);
}

type Client = Readonly<{ reply: FastifyReply; begin: Begin }>;

async function tail(
  api: ApiContext,
  client: Client & Readonly<{ runId: string | undefined }>,
): Promise<void> {
  const { org } = api;
  const stream = api.seats.open(client.reply);
  const filter =
    client.runId === undefined ? subjects.runsOf(org) : subjects.runFilter(org, client.runId);
  await serve(api, stream, () =>
    api.journal.read({
      stream: 'WB_RUNS',
      filters: [filter],
      from: client.begin.from,
      onMessage: (message) => {
        const event = eventOf(message, api);
        if (event === undefined) return;
        const data = { runId: event.runId, ...eventView(event, iso(event.at) ?? '') };
        return stream.write({ id: eventIdOf(client.begin.identity, message), data });
      },
      onFailure: (error) => broken(api, stream, error),
    }),
  );
}

async function follow(
  api: ApiContext,
  client: Client & Readonly<{ runId: string }>,
): Promise<void> {
  const { org, journal } = api;
  const { runId } = client;
  const stream = api.seats.open(client.reply);
  let sentSeq = client.begin.from?.seq ?? 0;
  let finishing: Promise<void> | undefined;

  /** Once the run has ended: when what is stored of its log has been sent, and nothing more came for a moment. */
  const finish = async (): Promise<void> => {
    await api.clock.sleep(trailingMs);
    const last = await journal.last('WB_LOGS', subjects.logsOf(org, runId), { leader: true });
    const isSent = (): boolean => sentSeq >= (last?.seq ?? 0);
    while (stream.isOpen() && !isSent()) await api.clock.sleep(trailingMs / 10);
    await stream.write({ event: 'end', data: { runId } });
    stream.close();
  };
  await serve(
    api,
    stream,
    async () => {
      sentSeq = await sendArchive(api, stream, runId, sentSeq);
      return journal.read({
        stream: 'WB_LOGS',
        filters: [subjects.logsOf(org, runId)],
        from: client.begin.from,
        onMessage: async (message) => {
          if (message.seq <= sentSeq) return;
          const view = logView(message);
          const id = eventIdOf(client.begin.identity, message);
          if (view !== undefined) await stream.write({ id, data: view });
          sentSeq = message.seq;
        },
        onFailure: (error) => broken(api, stream, error),
      });
    },
    () =>
      journal.read({
        stream: 'WB_RUNS',
        filters: [subjects.run(org, runId, 'run.completed')],
        from: undefined,
        onMessage: async () => {
          // A completion may be void: only the fold says whether this was the end.
          if (runAt(await runEvents(api, runId), {}).completed === null || !stream.isOpen()) return;
          finishing ??= finish().catch((error: unknown) => broken(api, stream, error));
        },
        onFailure: (error) => broken(api, stream, error),
      }),
  );
}

/**
 * What the stream has forgotten. Sent without ids, which name places in the stream: a client that is cut off within it begins
 * again where it began.
 */
async function sendArchive(
  api: ApiContext,
  stream: EventStream,
  runId: string,
  sentSeq: number,
): Promise<number> {
  const archive = await archiveOf(api, runId);
  if (archive === undefined || lastSeqOf(archive) <= sentSeq) return sentSeq;
  for await (const view of unarchived(await api.objects.read(archive)))
    if (view.seq > sentSeq) await stream.write({ data: view });
  return lastSeqOf(archive);
}

/** Readers live exactly as long as the stream, whichever ends first. */
async function serve(
  api: ApiContext,
  stream: EventStream,
  ...opens: readonly (() => Promise<Reader>)[]
): Promise<void> {
  for (const open of opens) {
    try {
      const reader = await open();
      void stream.closed.then(() => reader.stop());
    } catch (error) {
      broken(api, stream, error);
      return;
    }
  }
}

/** The client comes back with its last id; a log that it cannot go on in says so then. */
function broken(api: ApiContext, stream: EventStream, error: unknown): void {
  if (error instanceof NewerVersion) api.fail(error);
  if (stream.isOpen()) api.log.warn({ err: error }, 'a stream of events broke off');
  stream.close();
}
