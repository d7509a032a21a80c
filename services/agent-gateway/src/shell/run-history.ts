/** Runs as they lie in the log, folded: the only source of what is true of an attempt before something is done about it. */
import { type Journal, type LoadOptions, refuseNewer } from '@waybill/journal';
import { type Clock, isOutage, type Logger, retry } from '@waybill/process';
import {
  foldRun,
  type Run,
  type RunEvent,
  readRunMessage,
  type StoredMessage,
  subjects,
  type Unreadable,
} from '@waybill/protocol';
import { type Judged, judgeAt } from '../domain/history.ts';
import { limits } from '../domain/limits.ts';

export type RunHistory = Readonly<{
  /** What the event at `seq` was worth, and the run behind it. Gives up after `deadlineMs`. */
  judge(place: Place, seq: number, deadlineMs?: number): Promise<Judged>;
  /** With everything that is stored at the time of the call. Tried until it succeeds. */
  current(place: Place): Promise<Run>;
}>;

export type Place = Readonly<{ org: string; runId: string }>;

type Deps = Readonly<{
  journal: Pick<Journal, 'load'>;
  clock: Clock;
  log: Logger;
  signal: AbortSignal;
  /** A run that a newer build has written to: nothing about it can be judged here. */
  onFailure: (error: Error) => void;
}>;

export function openRunHistory({ journal, clock, log, signal, onFailure }: Deps): RunHistory {
  const refuse = (message: StoredMessage, problem: Unreadable): void => {
    try {
      refuseNewer(message, problem, log);
    } catch (error) {
      if (error instanceof Error) onFailure(error);
      throw error;
    }
  };
  const load = async (
    { org, runId }: Place,
    o: LoadOptions,
    deadlineMs: number,
  ): Promise<readonly RunEvent[]> => {
    const messages = await retry(() => journal.load('WB_RUNS', subjects.runFilter(org, runId), o), {
      clock,
      deadlineMs,
      retryable: isOutage,
      signal,
    });
    return messages.flatMap((message) => {
      const event = readRunMessage(message);
      if (event === undefined) return [];
      if (event.type === 'unreadable') refuse(message, event.problem);
      return [event];
    });
  };
  return {
    judge: async (place, seq, deadlineMs = limits.loadDeadlineMs) =>
      judgeAt(await load(place, { minSeq: seq }, deadlineMs), seq),
    current: async (place) =>
      foldRun(await load(place, { leader: true }, Number.POSITIVE_INFINITY)),
  };
}
