/**
 * A run's events, read from the log: what its view, its events and its streams are made of. An event that a newer build
 * wrote stops this one, because a fold without it would be wrong.
 */
import { refuseNewer } from '@waybill/journal';
import {
  parseJson,
  type RunEvent,
  readRunMessage,
  readTriggerMessage,
  type StoredMessage,
  subjects,
  triggerOfRun,
  wire,
} from '@waybill/protocol';
import { isAwaited } from '../domain/time-travel.ts';
import type { ApiContext } from './api-context.ts';
import { decisionOf } from './intake.ts';

export async function runEvents(
  api: ApiContext,
  runId: string,
  o: Readonly<{ fromSeq?: number }> = {},
): Promise<readonly RunEvent[]> {
  const messages = await api.journal.load('WB_RUNS', subjects.runFilter(api.org, runId), {
    ...o,
    leader: true,
    deadlineMs: api.bounds.queryMs,
  });
  return messages.flatMap((message) => eventOf(message, api) ?? []);
}

export function eventOf(
  message: StoredMessage,
  api: Pick<ApiContext, 'log'>,
): RunEvent | undefined {
  const event = readRunMessage(message);
  if (event?.type === 'unreadable' && event.problem.code === 'newer-version')
    refuseNewer(message, event.problem, api.log);
  return event;
}

export type Awaited = Readonly<{ at: number; trigger: Readonly<Record<string, unknown>> }>;

/** The stored trigger of a run that has no event yet; undefined for a run that nobody will make. */
export async function awaitedRun(api: ApiContext, runId: string): Promise<Awaited | undefined> {
  const id = triggerOfRun(runId);
  if (id === undefined) return undefined;
  const message = await api.journal.last('WB_TRIGGERS', subjects.triggerAnySource(api.org, id), {
    leader: true,
  });
  const received = message === undefined ? undefined : readTriggerMessage(message);
  if (received?.type !== 'trigger.received') return undefined;
  const decided = await decisionOf(api, received);
  if (!isAwaited(runId, received, decided?.body)) return undefined;
  const { triggerId, source, kind, event, deliveryId, at } = received;
  return { at, trigger: { triggerId, source, kind, event, deliveryId } };
}

/** Whether anything of the run is stored, itself or its trigger. */
export async function runExists(api: ApiContext, runId: string): Promise<boolean> {
  const last = await api.journal.last('WB_RUNS', subjects.runFilter(api.org, runId), {
    leader: true,
  });
  return last !== undefined || (await awaitedRun(api, runId)) !== undefined;
}

/** The first so many messages of a run's log behind a sequence; however long it is, no more of it is read than that takes. */
export async function logChunks(
  api: ApiContext,
  runId: string,
  max: number,
  afterSeq: number,
): Promise<readonly StoredMessage[]> {
  const found: StoredMessage[] = [];
  const enough = new Error('the page is full');
  const replayed = api.journal.replay({
    stream: 'WB_LOGS',
    filter: subjects.logsOf(api.org, runId),
    fromSeq: afterSeq + 1,
    batchMax: max,
    onBatch: (messages) => {
      found.push(...messages.slice(0, max - found.length));
      if (found.length === max) throw enough;
    },
  });
  await replayed.catch((error: unknown) => {
    if (error !== enough) throw error;
  });
  return found;
}

export type LogView = Readonly<{
  seq: number;
  at: string;
  jobId: string;
  attempt: number;
  stepIndex: number;
  lines: readonly string[];
}>;

/** A chunk of a job's log as the outside reads it; undefined for what is none. */
export function logView(message: StoredMessage): LogView | undefined {
  const chunk = wire.LogChunk.safeParse(parseJson(message.body));
  const jobId = message.header('wb-job') ?? message.subject.split('.').at(-1);
  if (!chunk.success || jobId === undefined) return undefined;
  const { stepIndex, lines } = chunk.data;
  const attempt = Number(message.header('wb-attempt') ?? 1);
  return {
    seq: message.seq,
    at: new Date(message.at).toISOString(),
    jobId,
    attempt,
    stepIndex,
    lines,
  };
}
