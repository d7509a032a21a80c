/**
 * Looks at what is due, every 250 ms, and appends what the desks give, for the partitions whose lease is held here. A host's clock
 * only says when to look: what is due is judged by server time, and an event that lies before its deadline all the same is void
 * for every reader.
 */
import type { Journal } from '@waybill/journal';
import { type Clock, type Logger, type Milestone, milestone } from '@waybill/process';
import { holdsLease } from '@waybill/protocol';
import type { Task } from '../domain/deadline-desk.ts';
import type { Outcome } from '../domain/errand.ts';
import { AWAY_MS, createLogWatch } from '../domain/log-watch.ts';
import { lastHeartbeat } from './heartbeat-tail.ts';
import type { PartitionSeat } from './partition-seat.ts';

const SWEEP_MS = 250;
/** The log is asked for the time this often, due or not: else nobody would notice that it is away. */
const ASK_MS = 1_000;
/** Decisions of one partition that the log has not answered yet; the rest waits in the desk. */
const BATCH_MAX = 200;

export type SweepSeat = Pick<PartitionSeat, 'name' | 'desk' | 'live' | 'epoch' | 'onFreed'>;
export type SweepOptions = Readonly<{
  journal: Pick<Journal, 'append' | 'last' | 'serverTime'>;
  clock: Clock;
  log: Logger;
  seats: readonly SweepSeat[];
}>;

const FAILED: Outcome = { is: 'failed' };
/** When the log said what time it is, by the log and by this process: too old, and nothing is decided by it. */
type Look = Readonly<{ now: number; answeredMs: number; epoch: number }>;
type Desk = {
  readonly seat: SweepSeat;
  readonly onTheWay: Set<Task>;
  /** The last one; undefined while the lease is not held. */
  look: Look | undefined;
};

/** Sweeps until stopped; a failed look is logged and made again. */
export function startSweeping(o: SweepOptions): Readonly<{ stop(): void }> {
  const { journal, clock, log } = o;
  const watch = createLogWatch(clock.monotonicMs());
  const desks = o.seats.map((seat): Desk => ({ seat, onTheWay: new Set(), look: undefined }));
  let isLooking = false;
  let hasLooked = false;
  let stopped = false;
  let askedMs = Number.NEGATIVE_INFINITY;

  /** Still ours to decide, and on fresh grounds: this process may have stood still since it looked. */
  const isOurs = (seat: SweepSeat, { answeredMs, epoch }: Look): boolean =>
    holdsLease(seat.epoch()) &&
    seat.epoch() === epoch &&
    clock.monotonicMs() - answeredMs <= AWAY_MS;

  const perform = async (seat: SweepSeat, task: Task, look: Look): Promise<Outcome> => {
    const { desk } = seat;
    const { now, epoch } = look;
    const isStale = task.kind === 'settle' && task.deadline.kind === 'stale';
    const heartbeat = isStale ? await lastHeartbeat(o, task.deadline) : null;
    if (isStale && heartbeat !== null)
      desk.heartbeat(task.deadline.jobId, task.deadline.attempt, heartbeat.at);
    const appending = desk.draft(task, { epoch, now, heartbeat });
    if (appending === undefined) return { is: 'void' };
    const { draft, expect } = appending;
    milestone('due.read', draft);
    if (!isOurs(seat, look)) return FAILED;
    const startedMs = clock.monotonicMs();
    const answer = await journal.append(draft, expect, { deadlineMs: AWAY_MS });
    const endedMs = clock.monotonicMs();
    if (answer.outcome === 'unknown' || endedMs - startedMs > AWAY_MS) watch.unanswered(startedMs);
    if (answer.outcome !== 'unknown') watch.answered(endedMs);
    if (answer.outcome === 'stored') milestone(appendedAs(draft.type), draft);
    if (answer.outcome === 'stored') return { is: 'stored', seq: answer.seq };
    if (answer.outcome === 'conflict') return { is: 'moved', seq: answer.lastSeq };
    if (!stopped) log.warn({ type: draft.type, answer }, 'not appended; looked at again');
    return FAILED;
  };

  const failed = (task: Task, error: unknown): Outcome => {
    if (!stopped) log.warn({ task, err: error }, 'looked at again');
    return FAILED;
  };
  const settle = async ({ seat, onTheWay }: Desk, task: Task, look: Look): Promise<void> => {
    onTheWay.add(task);
    const outcome = await perform(seat, task, look).catch((error: unknown) => failed(task, error));
    onTheWay.delete(task);
    seat.desk.settled(task, outcome, look.now);
  };
  const give = (desk: Desk, look: Look): void => {
    for (const task of desk.seat.desk.take(look.now, BATCH_MAX - desk.onTheWay.size))
      void settle(desk, task, look);
  };
  /** A run that is folded may have more to decide of. */
  const goOn = (desk: Desk): void => {
    if (!stopped && desk.look !== undefined && isOurs(desk.seat, desk.look)) give(desk, desk.look);
  };

  const isDue = ({ seat }: Desk): boolean => {
    if (!holdsLease(seat.epoch())) return false;
    const dueAt = seat.desk.nextDueAt();
    return dueAt !== undefined && dueAt < seat.live.serverNow();
  };

  const look = async (): Promise<void> => {
    if (clock.monotonicMs() - askedMs < ASK_MS && !desks.some(isDue)) return;
    askedMs = clock.monotonicMs();
    const now = await journal.serverTime('WB_RUNS');
    const answeredMs = clock.monotonicMs();
    watch.answered(answeredMs);
    const awayMs = watch.wasAway(answeredMs);
    if (awayMs !== undefined)
      log.warn({ awayMs }, 'the log was away, or nobody looked: open offers get more time');
    for (const desk of desks) {
      const { seat } = desk;
      const epoch = seat.epoch();
      seat.live.observe(now);
      if (awayMs !== undefined) seat.desk.logIsBack(now, awayMs);
      // What was before cannot be known from here. From then on the log is watched, whoever holds the lease: gaining it changes nothing.
      if (!hasLooked) seat.desk.beginWatch(now);
      desk.look = holdsLease(epoch) ? { now, answeredMs, epoch } : undefined;
      if (desk.look === undefined) continue;
      const trip = seat.desk.look(now);
      if (trip !== undefined)
        log.error(
          { partition: seat.name, ...trip },
          'too much falls silent at once: nothing is given up for a while',
        );
      give(desk, desk.look);
    }
    hasLooked = true;
  };
  for (const desk of desks) desk.seat.onFreed(goOn.bind(undefined, desk));
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

function appendedAs(type: string): Milestone {
  if (type === 'job.expired') return 'expired.appended';
  return type === 'deadline.extended' ? 'extended.appended' : 'overdue.appended';
}
