/**
 * A run with, for each of its jobs, the sequence of the event that last changed it: what has to be written after a batch is
 * what changed since the checkpoint, whatever the batches were. Rows are therefore the same for every way of cutting the log.
 */
import { evolveRun, initialRun, type Run, type RunEvent } from '@waybill/protocol';

export type FoldedRun = Readonly<{
  run: Run;
  /** In the order of `run.jobs`. */
  jobSeqs: readonly number[];
}>;

export const initialFoldedRun: FoldedRun = { run: initialRun, jobSeqs: [] };

export function foldRunEvent(folded: FoldedRun, event: RunEvent): FoldedRun {
  const run = evolveRun(folded.run, event);
  if (run === folded.run) return folded;
  if (run.jobs === folded.run.jobs) return { run, jobSeqs: folded.jobSeqs };
  const before = folded.run.jobs;
  const jobSeqs = run.jobs.map((job, index) =>
    job === before[index] ? (folded.jobSeqs[index] ?? event.seq) : event.seq,
  );
  return { run, jobSeqs };
}

/** Whether this event ended the run: only then, and only once, a record is written. */
export const isEndedBy = (before: FoldedRun, after: FoldedRun): boolean =>
  before.run.completed === null && after.run.completed !== null;
