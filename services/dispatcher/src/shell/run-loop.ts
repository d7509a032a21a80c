/**
 * Follows WB_RUNS and WB_AGENTS, and appends what they call for: jobs queued or skipped, offers, completed runs. One decision of
 * a run is on its way at a time; the next is made when the log has given it back, folded in its place.
 */

import type { Journal, Reader } from '@waybill/journal';
import { refuseNewer } from '@waybill/journal';
import type { Clock, Logger } from '@waybill/process';
import type { StoredMessage } from '@waybill/protocol';
import { allSubjects, readAgentMessage, readRunMessage, subjects } from '@waybill/protocol';
import type { Board } from '../domain/board.ts';
import { createBoard } from '../domain/board.ts';
import type { Fleet } from '../domain/fleet.ts';
import {
  emptyFleet,
  memberKey,
  pickMember,
  reopened,
  withAgentEvent,
  withRunEvent,
} from '../domain/fleet.ts';
import type { Decision } from '../domain/run-decision.ts';
import { decideOffer, decideRun } from '../domain/run-decision.ts';

export type RunLoopOptions = Readonly<{
  journal: Journal;
  clock: Clock;
  log: Logger;
  onFailure: (error: Error) => void;
}>;
export type RunLoop = Readonly<{
  readers: readonly Reader[];
  knowsRun(runId: string): boolean;
  begin(): void;
  /** Resolves when nothing is on its way any more. */
  drain(): Promise<void>;
}>;

/** A full agent that stays silent is asked again after this long. */
const REOPEN_MS = 30_000;
const RETRY_MS = 1_000;

export async function openRunLoop({
  journal,
  clock,
  log,
  onFailure,
}: RunLoopOptions): Promise<RunLoop> {
  const board: Board = createBoard();
  let fleet: Fleet = emptyFleet;
  let begun = false;
  let stopped = false;
  let pumping = false;
  /** Per run: the sequence that must be folded before the next decision, or Infinity while one is on its way. */
  const awaiting = new Map<string, number>();
  const dirty = new Set<string>();
  const onTheWay = new Set<Promise<void>>();
  let lastSeen = { at: 0, monotonicMs: clock.monotonicMs() };
  let alarm = { cancel: (): void => undefined };

  const serverNow = (): number =>
    lastSeen.at + Math.max(0, clock.monotonicMs() - lastSeen.monotonicMs);
  const isBusy = (runId: string): boolean => awaiting.has(runId);

  const send = (runId: string, jobId: string | undefined, decision: Decision): void => {
    awaiting.set(runId, Number.POSITIVE_INFINITY);
    const done = commit(runId, jobId, decision).catch(onFailure);
    onTheWay.add(done);
    void done.finally(() => onTheWay.delete(done));
  };

  const commit = async (
    runId: string,
    jobId: string | undefined,
    { draft, expectedSeq }: Decision,
  ): Promise<void> => {
    const parsedFilter = filterOf(board, runId);
    const answer = await journal.append(draft, { filter: parsedFilter, lastSeq: expectedSeq });
    switch (answer.outcome) {
      case 'stored':
        return settle(runId, jobId, answer.seq);
      case 'conflict':
        return settle(runId, jobId, answer.lastSeq);
      default:
        log.warn(
          {
            runId,
            outcome: answer.outcome,
            ...(answer.outcome === 'refused' ? { code: answer.code } : {}),
          },
          'not appended; tried again',
        );
        clock.after(RETRY_MS, () => settle(runId, jobId, 0));
    }
  };

  /** The next decision of the run waits until the reader has folded `seq`; a job keeps its reserved slot until then. */
  const settle = (runId: string, jobId: string | undefined, seq: number): void => {
    const run = board.run(runId);
    if (run !== undefined && run.seq < seq) {
      awaiting.set(runId, seq);
      return;
    }
    freed(runId, jobId);
    pump();
  };

  const reservedJob = new Map<string, string>();
  const freed = (runId: string, jobId = reservedJob.get(runId)): void => {
    awaiting.delete(runId);
    reservedJob.delete(runId);
    if (jobId !== undefined) board.release(jobId);
    dirty.add(runId);
  };

  const pump = (): void => {
    if (!begun || stopped || pumping) return;
    pumping = true;
    for (const runId of dirty) {
      if (isBusy(runId)) continue;
      dirty.delete(runId);
      const run = board.run(runId);
      const decision = run === undefined ? undefined : decideRun(run);
      if (decision !== undefined) send(runId, undefined, decision);
    }
    while (offerOnce()) {
      // Each round offers at most one job of each line, so that no org waits behind another's backlog.
    }
    alarm.cancel();
    const due = board.nextDue(serverNow());
    if (due !== undefined) alarm = clock.after(Math.max(1, due - serverNow()), pump);
    pumping = false;
  };

  const offerOnce = (): boolean => {
    let offered = false;
    for (const waiting of board.heads(serverNow(), isBusy)) {
      const run = board.run(waiting.runId);
      const job = run?.jobs.find((each) => each.spec.jobId === waiting.jobId);
      const member = pickMember(fleet, waiting.org, waiting.runsOn, board.load);
      if (run === undefined || job === undefined || member === undefined || isBusy(waiting.runId))
        continue;
      board.reserve(waiting.jobId, memberKey(waiting.org, member.agentId));
      reservedJob.set(waiting.runId, waiting.jobId);
      send(waiting.runId, waiting.jobId, decideOffer(run, job, member));
      offered = true;
    }
    return offered;
  };

  const onRun = (message: StoredMessage): void => {
    const event = readRunMessage(message);
    if (event === undefined) return;
    if (event.type === 'unreadable') refuseNewer(message, event.problem, log);
    lastSeen = { at: Math.max(lastSeen.at, event.at), monotonicMs: clock.monotonicMs() };
    const { run, isVoid, attempt } = board.fold(event);
    if (!isVoid && attempt !== undefined) {
      fleet = withRunEvent(fleet, event, attempt);
      if (event.type === 'job.reject')
        reopenLater(memberKey(event.org, attempt.agentId), attempt.session);
    }
    const awaited = awaiting.get(event.runId);
    if (awaited !== undefined && awaited <= event.seq) freed(event.runId);
    dirty.add(event.runId);
    if (run.completed !== null) awaiting.delete(event.runId);
    pump();
  };

  const reopenLater = (key: string, session: number): void => {
    clock.after(
      REOPEN_MS,
      () => {
        fleet = reopened(fleet, key, session);
        pump();
      },
      { background: true },
    );
  };

  const onAgent = (message: StoredMessage): void => {
    const event = readAgentMessage(message);
    if (event === undefined) return;
    if (event.type === 'unreadable') return refuseNewer(message, event.problem, log);
    fleet = withAgentEvent(fleet, event);
    pump();
  };

  const read = (
    stream: 'WB_RUNS' | 'WB_AGENTS',
    filter: string,
    onMessage: (message: StoredMessage) => void,
  ): Promise<Reader> =>
    journal.read({ stream, filters: [filter], from: undefined, onMessage, onFailure });

  const readers = [
    await read('WB_RUNS', allSubjects.runs, onRun),
    await read('WB_AGENTS', allSubjects.agents, onAgent),
  ];
  return {
    readers,
    knowsRun: (runId) => board.knows(runId),
    begin: () => {
      begun = true;
      for (const [runId] of board.runs()) dirty.add(runId);
      pump();
    },
    drain: async () => {
      stopped = true;
      alarm.cancel();
      await Promise.all(onTheWay);
    },
  };
}

function filterOf(board: Board, runId: string): string {
  const org = board.run(runId)?.created?.org;
  if (org === undefined) throw new Error('a decision is about a run that is folded');
  return subjects.runFilter(org, runId);
}
