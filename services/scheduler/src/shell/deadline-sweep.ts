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

const SWEEP_MS = 250;
const BATCH_MAX = 200;
const RETRY_MS = 1_000;
/** While something is open the log is asked for the time this often, due or not. */
const ASK_MS = 1_000;
/** Without an answer for longer than this, words of agents may lie where nobody could take them in. */
const UNANSWERED_MS = 2_000;
/** What every open offer gets then, as after a start: agents and gateways come back first. */
export const WATCH_MS = 10_000;

export type SweepOptions = Readonly<{
  journal: Journal;
  clock: Clock;
  log: Logger;
  table: RunTable;
}>;

/** `now` is server time; no offer is given up before `offersFrom`. */
export type Look = Readonly<{ now: number; offersFrom: number }>;

type Settled = Readonly<{
  isStored: boolean;
  /** When to look again, unless the log has moved the job by then: what is stored may be void all the same. */
  againAt: number;
}>;

/** One look. Resolves with how many decisions were stored. */
export async function sweep(
  { journal, log, table }: Omit<SweepOptions, 'clock'>,
  { now, offersFrom }: Look,
): Promise<number> {
  const later = { isStored: false, againAt: now + RETRY_MS };
  const settled = table.index.takeDue(now, BATCH_MAX).map(async (deadline) => {
    const { runId, kind } = deadline;
    const isEarly = kind === 'ack' && now <= offersFrom;
    const { isStored, againAt } = isEarly
      ? { isStored: false, againAt: offersFrom }
      : await settle(deadline, now, { journal, log, table }).catch((error: unknown) => {
          log.warn({ runId, kind, err: error }, 'looked at again');
          return later;
        });
    table.index.postpone(deadline, againAt);
    return isStored;
  });
  return (await Promise.all(settled)).filter(Boolean).length;
}

async function settle(
  deadline: Deadline,
  now: number,
  { journal, log, table }: Omit<SweepOptions, 'clock'>,
): Promise<Settled> {
  const later = { isStored: false, againAt: now + RETRY_MS };
  const { org, runId, kind } = deadline;
  const run = table.run(runId);
  if (run === undefined) return later;
  const heartbeat = kind === 'stale' ? await lastHeartbeat(journal, deadline) : null;
  const dueAt = dueAfter(run, deadline, heartbeat);
  if (dueAt >= now) return { isStored: false, againAt: dueAt };
  const expect = { filter: subjects.runFilter(org, runId), lastSeq: run.seq };
  const answer = await journal.append(decide(run, deadline, heartbeat), expect);
  switch (answer.outcome) {
    case 'stored':
      return { ...later, isStored: true };
    case 'conflict':
      // The run has moved on, maybe by a word about this very job: seen once it is folded.
      return { isStored: false, againAt: now };
    default:
      log.warn({ runId, kind, outcome: answer.outcome }, 'not appended; looked at again');
      return later;
  }
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
 * Sweeps until stopped; a failed look is logged and made again. After a time in which this process stood still or the log gave
 * no answer, offers get one full answer time more: an outage of ours is no agent's silence.
 */
export function startSweeping(options: SweepOptions): Readonly<{ stop(): void }> {
  const { journal, clock, log, table } = options;
  let isLooking = false;
  let stopped = false;
  /** When the log has last answered, or there was nothing to ask it for. */
  let answeredMs = clock.monotonicMs();
  let offersFrom = 0;

  const look = async (): Promise<void> => {
    const due = table.index.nextDueAt();
    if (due === undefined) answeredMs = clock.monotonicMs();
    const isDue = due !== undefined && due < table.estimatedNow();
    if (!isDue && clock.monotonicMs() - answeredMs < ASK_MS) return;
    const now = await journal.serverTime('WB_RUNS');
    table.observe(now);
    if (clock.monotonicMs() - answeredMs > UNANSWERED_MS) offersFrom = now + WATCH_MS;
    answeredMs = clock.monotonicMs();
    if ((await sweep(options, { now, offersFrom })) > 0) answeredMs = clock.monotonicMs();
  };
  const timer = clock.every(SWEEP_MS, () => {
    if (isLooking) return;
    isLooking = true;
    look()
      .catch((error: unknown) => {
        if (!stopped) log.warn({ err: error }, 'a sweep failed; the next one looks again');
      })
      .finally(() => {
        isLooking = false;
      });
  });
  return {
    // What is on its way ends with the journal; what it did not settle is due at the next start too.
    stop: () => {
      stopped = true;
      timer.cancel();
    },
  };
}
