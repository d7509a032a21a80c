/**
 * A run's events, read from the log: what its view, its events and its streams are made of. An event that a newer build
 * wrote stops this one, because a fold without it would be wrong.
 */
import { refuseNewer } from '@waybill/journal';
import {
  type RunEvent,
  readRunMessage,
  readTriggerMessage,
  type StoredMessage,
  subjects,
  triggerOfRun,
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
