/**
 * Follows WB_RUNS and WB_AGENTS, and appends what they call for: jobs queued or skipped, offers, completed runs. One decision of
 * a run is on its way at a time; the next is made when the log has given it back, folded in its place.
 */

import type { Appended, Journal, Reader } from '@waybill/journal';
import { refuseNewer } from '@waybill/journal';
import type { Clock, Logger } from '@waybill/process';
import type { StoredMessage } from '@waybill/protocol';
import { allSubjects, readAgentMessage, readRunMessage } from '@waybill/protocol';
import type { Line } from '../domain/board.ts';
import { createBoard, firstOf } from '../domain/board.ts';
import { createFleet } from '../domain/fleet.ts';
import type { Decision } from '../domain/run-decision.ts';
import { decideOffer, decideRun } from '../domain/run-decision.ts';
import { isSettled } from './settled.ts';

export type RunLoopOptions = Readonly<{
  journal: Pick<Journal, 'append' | 'read'>;
  clock: Clock;
  log: Logger;
  onFailure: (error: Error) => void;
}>;
export type RunLoop = Readonly<{
  /** Of WB_RUNS; what agents said is known from the start. */
  reader: Reader;
  knowsRun(runId: string): boolean;
  begin(): void;
  /** Decides nothing more. Readers and what is on its way end with the journal. */
  stop(): void;
}>;

const RETRY_MS = 1_000;
/** Decisions that the log has not answered yet; the rest waits on the board. */
const APPENDS_MAX = 256;

/** A decision of a run that is not folded yet. */
type OnTheWay = Readonly<{
  /** To be folded before the next decision; Infinity while the log has not answered. */
  seq: number;
  /** Whose slot it takes up. */
  agentKey: string | undefined;
}>;

/** Resolves when the agents are known, so that what runs say of a session finds it. */
export async function openRunLoop({
  journal,
  clock,
  log,
  onFailure,
}: RunLoopOptions): Promise<RunLoop> {
  const board = createBoard();
  const fleet = createFleet(board.load);
  let begun = false;
  let stopped = false;
  const onTheWay = new Map<string, OnTheWay>();
  let unanswered = 0;
  /** Runs in which a job has moved since they were looked at. */
  const moved = new Set<string>();
  /** Whether a job, a slot or an agent has come up since offers were looked for. */
  let mayOffer = true;
  let seen = { at: 0, monotonicMs: clock.monotonicMs() };
  let alarm = { cancel: (): void => undefined };

  const serverNow = (): number => seen.at + Math.max(0, clock.monotonicMs() - seen.monotonicMs);
  const isBusy = (runId: string): boolean => onTheWay.has(runId);

  const send = (runId: string, { draft, expect }: Decision, agentKey?: string): void => {
    onTheWay.set(runId, { seq: Number.POSITIVE_INFINITY, agentKey });
    if (agentKey !== undefined) board.reserve(agentKey);
    unanswered += 1;
    journal
      .append(draft, expect)
      .then((answer) => {
        unanswered -= 1;
        answered(runId, answer);
      })
      .catch(onFailure);
  };

  const answered = (runId: string, answer: Appended): void => {
    if (isSettled(answer, log, { runId }))
      return waitFor(runId, answer.outcome === 'stored' ? answer.seq : answer.lastSeq);
    clock.after(RETRY_MS, () => waitFor(runId, 0), { background: true });
  };

  /** The next decision of the run is made when `seq` is folded: at once where it is already, or where the run has ended. */
  const waitFor = (runId: string, seq: number): void => {
    const run = board.run(runId);
    if (run === undefined || run.seq >= seq) arrived(runId);
    else onTheWay.set(runId, { seq, agentKey: onTheWay.get(runId)?.agentKey });
    pump();
  };

  const arrived = (runId: string): void => {
    const agentKey = onTheWay.get(runId)?.agentKey;
    if (agentKey !== undefined) board.release(agentKey);
    onTheWay.delete(runId);
    moved.add(runId);
    mayOffer = true;
  };

  const pump = (): void => {
    if (!begun || stopped) return;
    for (const runId of moved) {
      // The next answer of the log goes on here.
      if (unanswered >= APPENDS_MAX) return;
      moved.delete(runId);
      const run = board.run(runId);
      // One that is busy is looked at again when its decision has arrived.
      const decision = run === undefined || isBusy(runId) ? undefined : decideRun(run);
      if (decision !== undefined) send(runId, decision);
    }
    if (mayOffer) offer();
  };

  /** One job of each line a round, so that no org waits behind another's backlog. Slots only get fewer: a line that finds none is done. */
  const offer = (): void => {
    const now = serverNow();
    let open = board.lines(now);
    while (open.length > 0) open = open.filter((line) => offerFirst(line, now));
    mayOffer = unanswered >= APPENDS_MAX;
    const due = Math.min(
      board.nextDue() ?? Number.POSITIVE_INFINITY,
      fleet.nextDue(now) ?? Number.POSITIVE_INFINITY,
    );
    alarm.cancel();
    if (due === Number.POSITIVE_INFINITY) return;
    alarm = clock.after(Math.max(1, due - now), lookForOffers);
  };

  const lookForOffers = (): void => {
    mayOffer = true;
    pump();
  };

  const offerFirst = (line: Line, now: number): boolean => {
    const waiting = unanswered < APPENDS_MAX ? firstOf(line, isBusy) : undefined;
    const run = waiting === undefined ? undefined : board.run(waiting.runId);
    const job = run?.jobs.find((each) => each.spec.jobId === waiting?.jobId);
    const member = waiting === undefined ? undefined : fleet.pick(line.org, line.runsOn, now);
    if (waiting === undefined || run === undefined || job === undefined || member === undefined)
      return false;
    send(waiting.runId, decideOffer(run, job, member), member.key);
    return true;
  };

  const onRun = (message: StoredMessage): void => {
    const event = readRunMessage(message);
    if (event === undefined) return;
    if (event.type === 'unreadable') refuseNewer(message, event.problem, log);
    // A clock of the log may step back; server time is the greatest that was seen.
    if (event.at >= seen.at) seen = { at: event.at, monotonicMs: clock.monotonicMs() };
    const { isVoid, attempt, hasMoved } = board.fold(event);
    if (!isVoid && attempt !== undefined) fleet.heardRun(event, attempt);
    if (!begun) return;
    const awaited = onTheWay.get(event.runId);
    if (awaited !== undefined && awaited.seq <= event.seq) arrived(event.runId);
    if (hasMoved) moved.add(event.runId);
    mayOffer ||= hasMoved;
    pump();
  };

  const onAgent = (message: StoredMessage): void => {
    const event = readAgentMessage(message);
    if (event === undefined) return;
    if (event.type === 'unreadable') return refuseNewer(message, event.problem, log);
    fleet.heardAgent(event);
    lookForOffers();
  };

  const read = (
    stream: 'WB_RUNS' | 'WB_AGENTS',
    filter: string,
    onMessage: (message: StoredMessage) => void,
  ): Promise<Reader> =>
    journal.read({ stream, filters: [filter], from: undefined, onMessage, onFailure });

  const agents = await read('WB_AGENTS', allSubjects.agents, onAgent);
  await agents.caughtUp;
  const reader = await read('WB_RUNS', allSubjects.runs, onRun);
  return {
    reader,
    knowsRun: (runId) => board.knows(runId),
    begin: () => {
      begun = true;
      for (const [runId] of board.runs()) moved.add(runId);
      pump();
    },
    stop: () => {
      stopped = true;
      alarm.cancel();
    },
  };
}
