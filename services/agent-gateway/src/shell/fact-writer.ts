/**
 * How facts reach the log: what was appended is stored, whatever the log does meanwhile, and per lane (one for each job) one
 * append is in flight at a time, so that the order of an agent's words survives every retry. Lanes do not wait for each other.
 */
import type { Journal } from '@waybill/journal';
import { backoffMs, type Clock, type Logger, serialQueue } from '@waybill/process';
import type { Draft } from '@waybill/protocol';
import type { AgentKey } from '../domain/custody.ts';
import { limits } from '../domain/limits.ts';

export type Stored = Readonly<{ seq: number; duplicate: boolean }>;

export type FactWriter = Readonly<{
  /** Resolves once stored. Rejects only when the gateway has given up stopping in order. */
  store(draft: Draft): Promise<Stored>;
  /** Behind everything that was put into the lane before. */
  within<T>(lane: string, work: () => Promise<T>): Promise<T>;
  /** Nothing waits in any lane. */
  idle(): Promise<void>;
}>;

/** The lane of what an agent says of itself; a job's lane is its id. */
export const agentLane = ({ org, agentId }: AgentKey): string => `agent ${org} ${agentId}`;

type Deps = Readonly<{
  journal: Pick<Journal, 'append'>;
  clock: Clock;
  log: Logger;
  signal: AbortSignal;
}>;

const backoff = { baseMs: 100, capMs: 5_000, random: Math.random };

export function openFactWriter({ journal, clock, log, signal }: Deps): FactWriter {
  // Sockets are not read while they owe too much: that is the bound of what waits here.
  const lanes = serialQueue({ pendingMax: Number.POSITIVE_INFINITY });

  const store = async (draft: Draft): Promise<Stored> => {
    for (let attempt = 1; ; attempt++) {
      signal.throwIfAborted();
      const appended = await journal.append(draft, undefined, {
        deadlineMs: limits.appendDeadlineMs,
        signal,
      });
      if (appended.outcome === 'stored')
        return { seq: appended.seq, duplicate: appended.duplicate };
      const place = { stream: draft.stream, type: draft.type, id: draft.meta.id, attempt };
      if (appended.outcome === 'conflict') {
        // The agent has used an id twice for different words; the log keeps the first.
        log.warn(place, 'another fact lies under this id');
        return { seq: appended.lastSeq, duplicate: true };
      }
      const why =
        appended.outcome === 'refused'
          ? { code: appended.code, detail: appended.detail }
          : { err: appended.cause };
      log.warn({ ...place, ...why }, 'a fact is not stored yet and is tried again');
      await clock.sleep(backoffMs(attempt, backoff), signal);
    }
  };

  return { store, within: lanes.run, idle: lanes.idle };
}
