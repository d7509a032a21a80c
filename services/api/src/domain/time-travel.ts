/** A run as it stood at a sequence of the log, or at an instant: the same fold, over what had happened by then. */
import { foldRun, type Run, type RunEvent } from '@waybill/protocol';

export type Place = Readonly<{ atSeq?: number | undefined; at?: number | undefined }>;

export const isPast = (place: Place): boolean =>
  place.atSeq !== undefined || place.at !== undefined;

export function runAt(events: readonly RunEvent[], { atSeq, at }: Place): Run {
  const seqMax = atSeq ?? Number.MAX_SAFE_INTEGER;
  const atMax = at ?? Number.MAX_SAFE_INTEGER;
  return foldRun(events.filter((event) => event.seq <= seqMax && event.at <= atMax));
}

/** The run that a trigger will make, or has been decided to make, before its first event lies in the log. */
export function isAwaited(
  runId: string,
  trigger: Readonly<{ triggerId: string }>,
  decided: Readonly<{ runs: readonly Readonly<{ runId: string }>[] }> | undefined,
): boolean {
  if (decided !== undefined) return decided.runs.some((run) => run.runId === runId);
  return runId === `${trigger.triggerId}-0`;
}
