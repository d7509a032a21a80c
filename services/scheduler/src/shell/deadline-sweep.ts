/**
 * Looks at what is due, every 250 ms at most, and appends the decisions that settle it. A host's clock only says when to look: what
 * is due is judged by server time, and an event that lies before its deadline all the same is void for every reader.
 */
import type { Journal } from '@waybill/journal';
import type { Clock, Logger } from '@waybill/process';
import { isUnreadable, metaOf, subjects } from '@waybill/protocol';
import type { Deadline, Heartbeat } from '../domain/deadline.ts';
import { decide, dueAfter } from '../domain/deadline.ts';
import type { RunTable } from './run-table.ts';

export const SWEEP_MS = 250;
const BATCH_MAX = 200;
const RETRY_MS = 1_000;

export type SweepOptions = Readonly<{
  journal: Journal;
  clock: Clock;
  log: Logger;
  table: RunTable;
}>;

/** One look. Resolves with how many decisions were stored. */
export async function sweep({ journal, log, table }: SweepOptions): Promise<number> {
  const due = table.index.nextDueAt();
  if (due === undefined || due >= table.estimatedNow()) return 0;
  const now = await journal.serverTime('WB_RUNS');
  table.observe(now);
  const taken = table.index.takeDue(now, BATCH_MAX);
  const settled = await Promise.all(
    taken.map((deadline) => settle(deadline, now, { journal, log, table })),
  );
  return settled.filter(Boolean).length;
}

async function settle(
  deadline: Deadline,
  now: number,
  { journal, log, table }: Omit<SweepOptions, 'clock'>,
): Promise<boolean> {
  const run = table.run(deadline.runId);
  if (run === undefined) return false;
  const heartbeat = deadline.kind === 'stale' ? await lastHeartbeat(journal, deadline) : null;
  const dueAt = dueAfter(run, deadline, heartbeat);
  if (dueAt >= now) {
    table.index.postpone(deadline, dueAt);
    return false;
  }
  const filter = subjects.runFilter(deadline.org, deadline.runId);
  const answer = await journal.append(decide(run, deadline, heartbeat), {
    filter,
    lastSeq: run.seq,
  });
  if (answer.outcome === 'stored') return true;
  // A conflict means that the run moved on: folding what came between sets its deadlines anew.
  if (answer.outcome === 'conflict') return false;
  log.warn(
    { runId: deadline.runId, kind: deadline.kind, outcome: answer.outcome },
    'not appended; looked at again',
  );
  table.index.postpone(deadline, now + RETRY_MS);
  return false;
}

/** The last heartbeat of this very attempt, read from the leader: one of an earlier attempt says nothing. */
async function lastHeartbeat(
  journal: Journal,
  { org, runId, jobId, attempt }: Deadline,
): Promise<Heartbeat | null> {
  const message = await journal.last('WB_HEARTBEATS', subjects.heartbeat(org, runId, jobId), {
    leader: true,
  });
  if (message === undefined) return null;
  const meta = metaOf(message);
  if (isUnreadable(meta) || meta.attempt !== attempt) return null;
  return { seq: message.seq, at: message.at };
}

/** Sweeps until stopped; a failed look is logged and made again. */
export function startSweeping(options: SweepOptions): Readonly<{ stop(): Promise<void> }> {
  const { clock, log } = options;
  let current: Promise<unknown> | undefined;
  const timer = clock.every(SWEEP_MS, () => {
    if (current !== undefined) return;
    current = sweep(options)
      .catch((error: unknown) =>
        log.warn({ err: error }, 'a sweep failed; the next one looks again'),
      )
      .finally(() => {
        current = undefined;
      });
  });
  return {
    stop: async () => {
      timer.cancel();
      await current;
    },
  };
}
