/**
 * Runs as they lie in the log, folded: the only source of what is true of an attempt before something is done about it. Those that
 * are asked for again are folded on from where they were, so that a decision about a run costs one small read.
 */
import { type Journal, type LoadOptions, refuseNewer } from '@waybill/journal';
import { type Clock, isOutage, type Logger, retry } from '@waybill/process';
import {
  type Run,
  type RunEvent,
  readRunMessage,
  type StoredMessage,
  subjects,
  type Unreadable,
} from '@waybill/protocol';
import { type Folded, foldOn, type Judged, unfolded, verdictAt } from '../domain/history.ts';
import { limits } from '../domain/limits.ts';

export type RunHistory = Readonly<{
  /** What the event that lies at `seq` was worth, and the run behind it. Tried until it succeeds or is ended. */
  judge(place: Place, seq: number, ending?: AbortSignal): Promise<Weighed>;
  /** With everything that is stored at the time of the call. Tried likewise. */
  current(place: Place, ending?: AbortSignal): Promise<Run>;
  /** Nobody will ask for it soon. */
  forget(runId: string): void;
}>;

/** `bytes`: of all events of the run, hence about the most that can follow from them. */
export type Weighed = Judged & Readonly<{ bytes: number }>;

/** `lastSeq`: that of the event before the one that is judged, where it is known. */
export type Place = Readonly<{ org: string; runId: string; lastSeq?: number }>;

type Deps = Readonly<{
  journal: Pick<Journal, 'load'>;
  clock: Clock;
  log: Logger;
  signal: AbortSignal;
  /** A run that a newer build has written to: nothing about it can be judged here. */
  onFailure: (error: Error) => void;
}>;

type Kept = Readonly<{ folded: Folded; bytes: number }>;
const nothing: Kept = { folded: unfolded, bytes: 0 };

export function openRunHistory({ journal, clock, log, signal, onFailure }: Deps): RunHistory {
  const kept = openKept();

  const refuse = (message: StoredMessage, problem: Unreadable): void => {
    try {
      refuseNewer(message, problem, log);
    } catch (error) {
      if (error instanceof Error) onFailure(error);
      throw error;
    }
  };
  const eventOf = (message: StoredMessage): readonly RunEvent[] => {
    const event = readRunMessage(message);
    if (event === undefined) return [];
    if (event.type === 'unreadable') refuse(message, event.problem);
    return [event];
  };
  const foldedOn = async (
    { org, runId }: Place,
    o: LoadOptions,
    ending: AbortSignal = signal,
  ): Promise<Kept> => {
    const before = kept.of(runId) ?? nothing;
    const fromSeq = before.folded.run.seq + 1;
    const filter = subjects.runFilter(org, runId);
    const messages = await retry(() => journal.load('WB_RUNS', filter, { ...o, fromSeq }), {
      clock,
      deadlineMs: Number.POSITIVE_INFINITY,
      retryable: isOutage,
      signal: ending,
    });
    const folded = foldOn(before.folded, messages.flatMap(eventOf));
    const bytes = messages.reduce((sum, { body }) => sum + body.length, before.bytes);
    kept.put(runId, { folded, bytes });
    return { folded, bytes };
  };
  return {
    judge: async (place, seq, ending) => {
      const known = kept.of(place.runId);
      const { folded, bytes } =
        known !== undefined && known.folded.run.seq >= seq
          ? known
          : await foldedOn(place, { minSeq: seq, sparse: isFar(place, seq) }, ending);
      return { run: folded.run, verdict: verdictAt(folded, seq), bytes };
    },
    current: async (place, ending) => (await foldedOn(place, { leader: true }, ending)).folded.run,
    forget: kept.drop,
  };
}

/** So much between two events of a run that reading past it costs more than finding them one by one. */
const farFrom = 250;

/** As an offer lies behind its run's creation when the job has waited in a long queue. */
const isFar = ({ lastSeq }: Place, seq: number): boolean =>
  lastSeq !== undefined && seq - lastSeq > farFrom;

type KeptRuns = Readonly<{
  of(runId: string): Kept | undefined;
  put(runId: string, next: Kept): void;
  drop(runId: string): void;
}>;

/** The runs that were asked for last, within the bounds of their number and size. */
function openKept(): KeptRuns {
  const runs = new Map<string, Kept>();
  let bytes = 0;
  const drop = (runId: string): void => {
    bytes -= runs.get(runId)?.bytes ?? 0;
    runs.delete(runId);
  };
  return {
    of: (runId) => runs.get(runId),
    put: (runId, next) => {
      const before = runs.get(runId);
      // Two that read at once: who has seen more stays.
      if (before !== undefined && before.folded.run.seq > next.folded.run.seq) return;
      // Agents may name runs that there never were: these take nobody's place.
      if (next.folded.run.seq === 0) return;
      drop(runId);
      if (next.bytes > limits.foldedBytesMax) return;
      runs.set(runId, next);
      bytes += next.bytes;
      for (const oldest of runs.keys()) {
        if (runs.size <= limits.foldedRunsMax && bytes <= limits.foldedBytesMax) return;
        drop(oldest);
      }
    },
    drop,
  };
}
