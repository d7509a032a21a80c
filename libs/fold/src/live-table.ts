/**
 * The runs that are not finished, as a fold of the events of a partition in their order. Pure state: no reading and no clock.
 * Its memory is bounded by the runs that are live; of finished ones it knows only the last ids.
 */
import type { Run, RunEvent } from '@waybill/protocol';
import { compact, evolveRun, initialRun, lean, wasVoid } from '@waybill/protocol';
import { rememberFinished } from './finished-runs.ts';

/** What an event made of its run. Both runs are lean. */
export type Folded = Readonly<{ event: RunEvent; before: Run; run: Run; isVoid: boolean }>;

export type LiveTable = Readonly<{
  /**
   * An event of a run that is neither live nor created by it is void and leaves nothing behind: `run` is then the initial one.
   * A run that this event finishes is given back once more, and forgotten but for its id.
   */
  fold(event: RunEvent): Folded;
  run(runId: string): Run | undefined;
  runs(): Iterable<Run>;
  isFinished(runId: string): boolean;
  /** What it is now, whatever comes later: runs never change, they are replaced. */
  state(): TableState;
}>;

export type TableState = Readonly<{ runs: readonly Run[]; finished: readonly string[] }>;

const finishedMax = 100_000;

export function openLiveTable(from: TableState = { runs: [], finished: [] }): LiveTable {
  const runs = new Map<string, Run>();
  const finished = rememberFinished(finishedMax);
  for (const runId of from.finished) finished.add(runId);
  for (const run of from.runs) keep(run);

  /** Under the id as its creation says it, a text of its own: that of an event is a piece of its subject. */
  function keep(run: Run): void {
    if (run.created === null) return;
    const { runId } = run.created;
    if (run.completed === null) runs.set(runId, run);
    else if (runs.delete(runId)) finished.add(runId);
  }

  const foldOnto = (before: Run, event: RunEvent): Folded => {
    const run = evolveRun(before, event);
    if (run.created === null) return { event, before, run: initialRun, isVoid: true };
    const kept = event.type === 'run.created' ? compact(run) : run;
    keep(kept);
    return { event, before, run: kept, isVoid: run === before || wasVoid(run, event.seq) };
  };

  return {
    fold: (whole) => {
      const event = lean(whole);
      const before = runs.get(event.runId);
      if (before !== undefined) return foldOnto(before, event);
      if (event.type === 'run.created' && !finished.has(event.runId))
        return foldOnto(initialRun, event);
      return { event, before: initialRun, run: initialRun, isVoid: true };
    },
    run: (runId) => runs.get(runId),
    runs: () => runs.values(),
    isFinished: finished.has,
    state: () => ({ runs: [...runs.values()], finished: finished.ids() }),
  };
}
