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
/** Unwatched for longer than this, answers may lie where nobody could take them in. */
const UNWATCHED_MS = 2_000;
/** What every open offer gets then, as after a start: agents and gateways come back first. */
export const WATCH_MS = 10_000;

export type SweepOptions = Readonly<{
  journal: Journal;
  clock: Clock;
  log: Logger;
  table: RunTable;
}>;

/** One look. Resolves with how many decisions were stored. No offer is given up before `offersFrom`. */
export async function sweep(
  { journal, log, table }: Omit<SweepOptions, 'clock'>,
  offersFrom = 0,
): Promise<number> {
  const due = table.index.nextDueAt();
  if (due === undefined || due >= table.estimatedNow()) return 0;
  const now = await journal.serverTime('WB_RUNS');
  table.observe(now);
  const taken = table.index.takeDue(now, BATCH_MAX);
  const settled = await Promise.allSettled(
    taken.map(async (deadline) => {
      if (deadline.kind === 'ack' && now <= offersFrom) {
        table.index.postpone(deadline, offersFrom);
        return false;
      }
      try {
        return await settle(deadline, now, { journal, log, table });
      } catch (error) {
        // It has been taken out: without this nobody would look at it again.
        table.index.postpone(deadline, now + RETRY_MS);
        throw error;
      }
    }),
  );
  const failed = settled.find((each) => each.status === 'rejected');
  if (failed !== undefined) throw failed.reason;
  return settled.filter((each) => each.status === 'fulfilled' && each.value).length;
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

/**
 * Sweeps until stopped; a failed look is logged and made again. After a time in which this process stood still or the log was
 * away, offers get one full answer time more: an outage of ours is no agent's silence.
 */
export function startSweeping(options: SweepOptions): Readonly<{ stop(): Promise<void> }> {
  const { journal, clock, log } = options;
  let current: Promise<unknown> | undefined;
  let watchedMs = clock.monotonicMs();
  let wasAway = false;
  let offersFrom = 0;

  const look = async (): Promise<void> => {
    if (wasAway) {
      offersFrom = (await journal.serverTime('WB_RUNS')) + WATCH_MS;
      wasAway = false;
    }
    await sweep(options, offersFrom);
  };
  const timer = clock.every(SWEEP_MS, () => {
    const nowMs = clock.monotonicMs();
    if (nowMs - watchedMs > UNWATCHED_MS) wasAway = true;
    if (journal.status().connected) watchedMs = nowMs;
    if (current !== undefined) return;
    current = look()
      .catch((error: unknown) => {
        wasAway = true;
        log.warn({ err: error }, 'a sweep failed; the next one looks again');
      })
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
