/** The runs that are not finished, folded from WB_RUNS, with their deadlines; and an estimate of server time between looks. */

import type { Journal, Reader } from '@waybill/journal';
import { refuseNewer } from '@waybill/journal';
import type { Clock, Logger } from '@waybill/process';
import type { Run, StoredMessage } from '@waybill/protocol';
import { allSubjects, evolveRun, initialRun, readRunMessage } from '@waybill/protocol';
import type { Deadline } from '../domain/deadline.ts';
import { deadlineOf } from '../domain/deadline.ts';
import type { DeadlineIndex } from '../domain/deadline-index.ts';
import { createDeadlineIndex } from '../domain/deadline-index.ts';

export type RunTable = Readonly<{
  reader: Reader;
  index: DeadlineIndex;
  run(runId: string): Run | undefined;
  /** Server time as far as stored events and this host's elapsed time tell. Only good for deciding when to look. */
  estimatedNow(): number;
  /** Moves the estimate to what the server just said. */
  observe(at: number): void;
}>;

export type RunTableOptions = Readonly<{
  journal: Journal;
  clock: Clock;
  log: Logger;
  /** The earliest that a deadline may be looked at, if later than its own time. */
  lookFrom: (deadline: Deadline) => number;
  onFailure: (error: Error) => void;
}>;

export async function openRunTable({
  journal,
  clock,
  log,
  lookFrom,
  onFailure,
}: RunTableOptions): Promise<RunTable> {
  const runs = new Map<string, Run>();
  const index = createDeadlineIndex();
  let seen = { at: 0, monotonicMs: clock.monotonicMs() };

  const observe = (at: number): void => {
    if (at > seen.at) seen = { at, monotonicMs: clock.monotonicMs() };
  };

  const onMessage = (message: StoredMessage): void => {
    const event = readRunMessage(message);
    if (event === undefined) return;
    if (event.type === 'unreadable') refuseNewer(message, event.problem, log);
    observe(event.at);
    const before = runs.get(event.runId) ?? initialRun;
    const run = evolveRun(before, event);
    if (run.created === null || run.completed !== null) runs.delete(event.runId);
    else runs.set(event.runId, run);
    // A job that is not touched keeps its place: it may stand there because of its heartbeats.
    for (const [at, job] of run.jobs.entries())
      if (job !== before.jobs[at]) index.set(job.spec.jobId, watched(deadlineOf(run, job)));
  };

  const watched = (deadline: Deadline | undefined): Deadline | undefined =>
    deadline && { ...deadline, dueAt: Math.max(deadline.dueAt, lookFrom(deadline)) };

  const reader = await journal.read({
    stream: 'WB_RUNS',
    filters: [allSubjects.runs],
    from: undefined,
    onMessage,
    onFailure,
  });
  return {
    reader,
    index,
    run: (runId) => runs.get(runId),
    estimatedNow: () => seen.at + Math.max(0, clock.monotonicMs() - seen.monotonicMs),
    observe,
  };
}
