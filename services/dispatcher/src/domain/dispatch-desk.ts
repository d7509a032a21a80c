/**
 * Decides what becomes of the runs of a partition: it is told what lies in the log, what came of its appends and what time it is
 * there, and says what to append. One decision of a run is on its way at a time, and so many of all runs together; the next one is
 * made when the log has given the last one back, folded in its place. Deterministic: the same words give the same decisions.
 */

import type { AgentEvent, Attempt, Job, Run, RunEvent } from '@waybill/protocol';
import { currentAttempt, isHeld, isUndecided } from '@waybill/protocol';
import { createBoard, firstOf, type Line } from './board.ts';
import { createFleet, type Fleet } from './fleet.ts';
import { createOnTheWay } from './on-the-way.ts';
import { type Decision, decideOffer, decideRun } from './run-decision.ts';

/** An event of the log, with what it has made of its run. */
export type Heard = Readonly<{ event: RunEvent; before: Run; run: Run; isVoid: boolean }>;

export type Desk = Readonly<{
  /** A run as a snapshot has kept it, before any event. */
  restored(run: Run): void;
  heard(event: Heard): void;
  heardAgent(event: AgentEvent): void;
  heardGateway: Fleet<Line>['heardGateway'];
  /** `seq`: what of the run is to be folded before it is decided about again; undefined where nobody knows what is stored. */
  answered(runId: string, seq: number | undefined, now: number): void;
  /** To be appended now; each is to be answered. `mayOffer`: whether new work may begin. */
  decide(now: number, mayOffer: boolean): readonly Decision[];
  /** The server time at which there may be something to decide without a word from anybody. */
  nextDue(): number | undefined;
  fleet: Pick<Fleet<Line>, 'save' | 'restore' | 'load'>;
  /** Decisions without an answer. */
  unanswered(): number;
}>;

export type DeskOptions = Readonly<{
  /** How long agents have to answer, where the org has set it. */
  ackTimeoutMs: (org: string) => number | undefined;
}>;

type Place = Readonly<{ org: string; runId: string; at: number }>;

export const unansweredMax = 256;

export function createDesk({ ackTimeoutMs }: DeskOptions): Desk {
  const runs = new Map<string, Run>();
  /** Runs in which something has moved since they were looked at. */
  const moved = new Set<string>();
  /** Lines of which somebody may be offered: new in it, or there is room that was not, or a run of it is free again. */
  const hopeful = new Set<Line>();
  const onTheWay = createOnTheWay();
  let turn = 0;

  const fleet = createFleet<Line>((line) => {
    if (line.runs.size > 0) hopeful.add(line);
  });
  const board = createBoard({
    onOpen: fleet.post,
    onClose: (line) => {
      hopeful.delete(line);
      fleet.unpost(line);
    },
    onJoin: (line) => hopeful.add(line),
  });

  const isBusy = (runId: string): boolean => !isUndecided(onTheWay.has(runId));

  const move = (place: Place, before: Job | undefined, after: Job): void => {
    const { org, runId, at } = place;
    const was = before === undefined ? undefined : heldAttempt(before);
    const is = heldAttempt(after);
    if (was?.agentId !== is?.agentId) {
      if (is !== undefined) fleet.hold(org, is.agentId, 1);
      if (was !== undefined) fleet.hold(org, was.agentId, -1, at);
    }
    if (before?.state === 'queued') board.leave(org, runId, before);
    if (after.state === 'queued') board.join(org, runId, after, at);
  };

  /** Whether one of them is not as it was. */
  const moveJobs = (place: Place, before: Run, run: Run): boolean => {
    let hasMoved = false;
    for (const [index, job] of run.jobs.entries()) {
      const was = before.jobs[index];
      if (was === job || (was !== undefined && isStill(was, job))) continue;
      hasMoved = true;
      if (was?.state !== job.state) move(place, was, job);
    }
    return hasMoved;
  };

  const begin = (run: Run, decision: Decision, agentKey?: string): Decision => {
    onTheWay.begin(decision.runId, run.seq, agentKey);
    if (agentKey !== undefined) fleet.reserve(agentKey);
    return decision;
  };

  /** The run may be decided about again. */
  const arrived = (runId: string): void => {
    const agentKey = onTheWay.end(runId);
    if (agentKey !== undefined) fleet.release(agentKey);
    const run = runs.get(runId);
    if (run === undefined || run.created === null) return;
    moved.add(runId);
    for (const { state, spec } of run.jobs) {
      const line = state === 'queued' ? board.line(run.created.org, spec) : undefined;
      if (line?.runs.has(runId) === true) hopeful.add(line);
    }
  };

  const offerFirst = (line: Line): Decision | undefined => {
    const waiting = firstOf(line, isBusy);
    const run = waiting && runs.get(waiting.runId);
    const job = run?.jobs.find(({ spec }) => spec.jobId === waiting?.jobId);
    const to = job && fleet.pick(line);
    if (run === undefined || job === undefined || to === undefined) return undefined;
    const decision = decideOffer(run, job, to, ackTimeoutMs(line.org));
    if (decision === undefined) return undefined;
    turn += 1;
    line.served = turn;
    return begin(run, decision, to.key);
  };

  const isOffered = (line: Line, made: Decision[]): boolean => {
    // The next answer of the log goes on here.
    if (onTheWay.unanswered() >= unansweredMax) return false;
    const decision = offerFirst(line);
    if (decision === undefined) hopeful.delete(line);
    else made.push(decision);
    return decision !== undefined;
  };
  /** One job of each line a round, so that no org waits behind another's backlog. Slots only get fewer: a line that finds none is done. */
  const offer = (made: Decision[]): void => {
    let open = [...hopeful].sort((a, b) => a.served - b.served);
    const next = (line: Line): boolean => isOffered(line, made);
    while (open.length > 0) open = open.filter(next);
  };

  const letIn = (now: number): void => {
    for (const runId of onTheWay.due(now)) arrived(runId);
    board.letIn(now);
    fleet.askAgain(now);
  };

  return {
    restored: (run) => {
      const { created } = run;
      if (created === null || run.completed !== null) return;
      runs.set(created.runId, run);
      moved.add(created.runId);
      for (const job of run.jobs) {
        const attempt = heldAttempt(job);
        if (attempt !== undefined) fleet.hold(created.org, attempt.agentId, 1);
        if (job.state === 'queued') board.join(created.org, created.runId, job, 0);
      }
    },
    heard: ({ event, before, run, isVoid }) => {
      if (run.created === null) return;
      // The texts of the run itself: those of an event are pieces of its whole subject.
      const { org, runId } = run.created;
      const isOver = run.completed !== null;
      const hasMoved = moveJobs({ org, runId, at: event.at }, before, run);
      if (isOver) runs.delete(runId);
      else runs.set(runId, run);
      const attempt = isVoid ? undefined : attemptOf(run, event.meta.jobId);
      if (attempt !== undefined) fleet.heardRun(event, attempt);
      if (onTheWay.isAwaited(runId, isOver ? Number.MAX_SAFE_INTEGER : event.seq)) arrived(runId);
      if (isOver) moved.delete(runId);
      else if (hasMoved) moved.add(runId);
    },
    heardAgent: fleet.heardAgent,
    heardGateway: fleet.heardGateway,
    answered: (runId, seq, now) => {
      if (onTheWay.answered(runId, seq, runs.get(runId)?.seq, now)) arrived(runId);
    },
    decide: (now, mayOffer) => {
      letIn(now);
      const made: Decision[] = [];
      for (const runId of moved) {
        // The next answer of the log goes on here.
        if (onTheWay.unanswered() >= unansweredMax) return made;
        moved.delete(runId);
        const run = runs.get(runId);
        // One that is busy is looked at again when its decision has arrived.
        const decision = run === undefined || isBusy(runId) ? undefined : decideRun(run);
        if (run !== undefined && decision !== undefined) made.push(begin(run, decision));
      }
      if (mayOffer && hopeful.size > 0) offer(made);
      return made;
    },
    nextDue: () => {
      const due = Math.min(
        onTheWay.nextDue() ?? Number.POSITIVE_INFINITY,
        board.nextDue() ?? Number.POSITIVE_INFINITY,
        fleet.nextDue() ?? Number.POSITIVE_INFINITY,
      );
      return due === Number.POSITIVE_INFINITY ? undefined : due;
    },
    fleet,
    unanswered: onTheWay.unanswered,
  };
}

/** Nothing of it that is decided about has changed. */
const isStill = (was: Job, job: Job): boolean =>
  was.state === job.state && was.cancel === job.cancel && was.approvals === job.approvals;

const heldAttempt = (job: Job): Attempt | undefined =>
  isHeld(job) ? currentAttempt(job) : undefined;

function attemptOf(run: Run, jobId: string | undefined): Attempt | undefined {
  const job = run.jobs.find(({ spec }) => spec.jobId === jobId);
  return job === undefined ? undefined : currentAttempt(job);
}
