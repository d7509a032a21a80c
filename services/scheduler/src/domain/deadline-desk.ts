/**
 * What is due: a machine that is told what the log says, what time it is there, and which answers came, and gives what to append.
 * It looks at every open attempt until the log settles it, decides nothing before its time, and leaves everybody a fair time to be
 * heard after an outage of ours. Deterministic and without I/O; all times are server times. Invariants 1, 9 and 10.
 */
import type { AgentEvent, Draft, Expectation, Job, Run, RunEvent } from '@waybill/protocol';
import { currentAttempt, expectationOf, isHeardOut, isPast, isUndecided } from '@waybill/protocol';
import type { Trip } from './breaker.ts';
import { type Deadline, deadlinesOf, isSilence } from './deadline.ts';
import { createDeadlineIndex } from './deadline-index.ts';
import { decide, disconnect, endSession, extend, type Grounds } from './decision.ts';
import { createErrandList, type Errand, type Outcome, RETRY_MS } from './errand.ts';
import { createJobRegister, type Place } from './job-register.ts';
import { createPatience } from './patience.ts';
import { createSilenceBook } from './silence-book.ts';

export type Folded = Readonly<{ event: RunEvent; before: Run; run: Run; isVoid: boolean }>;
export type Task = Readonly<{ kind: 'settle'; deadline: Deadline }> | Errand;
export type Appending = Readonly<{ draft: Draft; expect: Expectation | undefined }>;

export type DeadlineDesk = Readonly<{
  /** A run of a snapshot. */
  restored(run: Run): void;
  /** True where work on that run had to wait for it. */
  folded(folded: Folded): boolean;
  /** A heartbeat of an attempt, of which nothing else is told. */
  heartbeat(jobId: string, attempt: number | undefined, at: number): void;
  heardAgent(event: AgentEvent): void;
  /** A gateway's lease is held, or has lapsed. */
  heardLease(lease: string, isHeld: boolean, at: number): void;
  /** From here on this process looks, and nobody knows for how long nobody did: what is open is heard out first. */
  beginWatch(now: number): void;
  /** The log was away for so long. */
  logIsBack(now: number, awayMs: number): void;
  /** Looks at what is due by now. Gives a trip of the breaker. */
  look(now: number): Trip | undefined;
  /** What to do of it, at most so much: one thing of a run at a time, each until it is settled. */
  take(now: number, max: number): readonly Task[];
  /** The decision, judged once more with what is folded by now; undefined where there is nothing to do any more. */
  draft(task: Task, grounds: Grounds): Appending | undefined;
  settled(task: Task, outcome: Outcome, now: number): void;
  /** The earliest server time at which there may be something to do; 0 for now. */
  nextDueAt(): number | undefined;
  /** Nothing is given up for silence until then; 0 while the breaker has not tripped. */
  holdsUntil(): number;
  /** The sessions as text for a snapshot, and back. */
  lines(): readonly string[];
  restore(lines: readonly string[]): void;
}>;

type Found = Readonly<{ run: Run; job: Job }>;
type Surfaced = Readonly<{ jobId: string; all: readonly Deadline[]; due: readonly Deadline[] }>;
type Extend = Errand & Readonly<{ kind: 'extend' }>;

export function createDeadlineDesk(o: {
  readonly run: (runId: string) => Run | undefined;
}): DeadlineDesk {
  const register = createJobRegister();
  const index = createDeadlineIndex();
  const patience = createPatience();
  const errands = createErrandList();
  const silence = createSilenceBook();
  /** Due and not given yet; given and not settled. Both end with the next word about the job. */
  const ready = new Map<string, Deadline>();
  const given = new Map<string, Deadline>();
  /** By run: what has to be folded before the next decision about it; all that comes, while one has no answer. */
  const onTheWay = new Map<string, number>();

  const find = ({ runId, jobId }: Pick<Place, 'runId' | 'jobId'>): Found | undefined => {
    const run = o.run(runId);
    const job = run?.jobs.find(({ spec }) => spec.jobId === jobId);
    return run === undefined || job === undefined ? undefined : { run, job };
  };
  const deadlines = ({ run, job }: Found): readonly Deadline[] =>
    deadlinesOf(run, job, register.known(run, job.spec.jobId));
  const isDue = (deadline: Deadline, now: number): boolean =>
    isPast(now, deadline.dueAt) && isHeardOut(now, patience.heardFrom(deadline));

  /** When the first of these can be settled. */
  const setIndex = (jobId: string, all: readonly Deadline[]): void => {
    let dueAt = Number.POSITIVE_INFINITY;
    for (const each of all) dueAt = Math.min(dueAt, Math.max(each.dueAt, patience.heardFrom(each)));
    index.set(jobId, all.length === 0 ? undefined : dueAt);
  };
  const reindex = (place: Pick<Place, 'runId' | 'jobId'>): void => {
    const found = find(place);
    setIndex(place.jobId, found === undefined ? [] : deadlines(found));
  };

  const touched = (run: Run, job: Job): void => {
    const { jobId } = job.spec;
    ready.delete(jobId);
    given.delete(jobId);
    register.set(run, job);
    const all = deadlines({ run, job });
    silence.moved(jobId, all);
    // By its own time, the earliest there is: whether it is left alone for longer is seen when it surfaces.
    index.set(jobId, all[0]?.dueAt);
  };

  const oweExtensions = (
    places: Iterable<Place>,
    why: Pick<Extend, 'cause' | 'since' | 'awayMs'>,
  ): void => {
    for (const { org, runId, jobId } of places) {
      const owed = errands.find('extend', jobId);
      const before = owed?.kind === 'extend' ? owed.awayMs : 0;
      const awayMs = why.awayMs + before;
      errands.set({ ...why, awayMs, kind: 'extend', org, runId, jobId });
    }
  };

  /** Whoever is lost takes its sessions with it: first in the runs, then among the agents. */
  const oweEnds = (now: number): void => {
    for (const lost of patience.lost(now)) {
      const { session } = lost;
      const places = [...register.onSession(session)].filter((each) => isOn(find(each), session));
      for (const { org, runId, jobId } of places)
        errands.ensure({ kind: 'end', org, runId, jobId, session });
      if (places.length > 0) continue;
      if (patience.isNewest(lost)) errands.ensure({ kind: 'bury', session });
      else patience.forget(lost);
    }
  };

  /** What has surfaced in the index and is due; the rest goes back to its time. */
  const surface = (now: number): readonly Surfaced[] => {
    const surfaced: Surfaced[] = [];
    for (const jobId of index.takeDue(now)) {
      const place = register.find(jobId);
      const found = place && find(place);
      // What is given already is looked at again when it is settled.
      if (found === undefined || given.has(jobId)) continue;
      const all = deadlines(found);
      const due = all.filter((each) => isDue(each, now));
      if (due.length > 0) surfaced.push({ jobId, all, due });
      else setIndex(jobId, all);
    }
    return surfaced;
  };
  /** The first that is not held; where its silence is, the job’s other limits run on all the same. */
  const makeReady = ({ jobId, all, due }: Surfaced, now: number): void => {
    const free = due.find((each) => now > silence.heldUntil(each));
    const next = free ?? due[0];
    if (next !== undefined) ready.set(jobId, next);
    if (free !== undefined) return;
    const limits = all.filter((each) => !isSilence(each));
    setIndex(jobId, limits);
  };

  const settling = (deadline: Deadline, grounds: Grounds): Appending | undefined => {
    const found = find(deadline);
    const { kind, attempt } = deadline;
    const due =
      found && deadlines(found).find((each) => each.kind === kind && each.attempt === attempt);
    if (found === undefined || due === undefined || !isDue(due, grounds.now)) return undefined;
    return expecting(found.run, decide(found.run, found.job, due, grounds));
  };

  const extending = (errand: Extend, { now, epoch }: Grounds): Appending | undefined => {
    const { cause, since, awayMs, jobId } = errand;
    const found = find(errand);
    const open =
      found && deadlines(found).find(({ kind }) => kind === 'ack' || kind === 'recovery');
    if (found === undefined || open === undefined || open.since >= since) return undefined;
    const { answerMs } = register.known(found.run, jobId);
    // Absences are measured in parts of a millisecond; the log has whole ones.
    const until = Math.ceil(open.kind === 'ack' ? now + answerMs : open.dueAt + awayMs);
    if (until <= open.dueAt) return undefined;
    return expecting(found.run, extend(found.run, found.job, { until, cause }, epoch));
  };

  const isFree = (runId: string): boolean => isUndecided(onTheWay.has(runId));
  const takeErrands = (now: number, max: number): readonly Errand[] =>
    errands.take(now, max, (errand) => {
      if (errand.kind === 'bury') return true;
      if (!isFree(errand.runId)) return false;
      onTheWay.set(errand.runId, Number.POSITIVE_INFINITY);
      return true;
    });
  const takeReady = (now: number, max: number): readonly Task[] => {
    const tasks: Task[] = [];
    for (const [jobId, deadline] of ready) {
      if (tasks.length >= max) break;
      if (now <= silence.heldUntil(deadline)) continue;
      // Its extension comes first.
      if (!isFree(deadline.runId) || errands.find('extend', jobId) !== undefined) continue;
      onTheWay.set(deadline.runId, Number.POSITIVE_INFINITY);
      ready.delete(jobId);
      given.set(jobId, deadline);
      tasks.push({ kind: 'settle', deadline });
    }
    return tasks;
  };
  /** The next one of the run, once what was answered is folded: before that it would only meet its own past. */
  const answered = (runId: string, outcome: Outcome): void => {
    const seq = 'seq' in outcome ? outcome.seq : 0;
    if ((o.run(runId)?.seq ?? seq) >= seq) onTheWay.delete(runId);
    else onTheWay.set(runId, seq);
  };

  return {
    restored: (run) => {
      for (const job of run.jobs) touched(run, job);
    },
    folded: ({ event, before, run, isVoid }) => {
      // A job that is not touched keeps its place: it may stand there because of its heartbeats.
      for (const [at, job] of run.jobs.entries()) if (job !== before.jobs[at]) touched(run, job);
      if (event.type === 'deadline.extended' && !isVoid) errands.drop('extend', event.body.jobId);
      const awaited = onTheWay.get(event.runId);
      if (awaited === undefined || event.seq < awaited) return false;
      return onTheWay.delete(event.runId);
    },
    heartbeat: register.heartbeat,
    heardAgent: patience.heardAgent,
    heardLease: (lease, isHeld, at) => {
      for (const { session } of patience.heardLease(lease, isHeld, at)) {
        const places = [...register.onSession(session)];
        oweExtensions(places, { cause: 'gateway-lapsed', since: at, awayMs: 0 });
        for (const place of places) reindex(place);
      }
    },
    beginWatch: patience.begin,
    logIsBack: (now, awayMs) => {
      patience.begin(now);
      oweExtensions(register.held(), { cause: 'log-outage', since: now, awayMs });
    },
    look: (now) => {
      oweEnds(now);
      const surfaced = surface(now);
      const due = surfaced.flatMap((each) => each.due);
      const trip = silence.saw(due, register.heldCount(), now);
      for (const each of surfaced) makeReady(each, now);
      return trip;
    },
    take: (now, max) => {
      const owed = takeErrands(now, max);
      return [...owed, ...takeReady(now, max - owed.length)];
    },
    draft: (task, grounds) => {
      const { now, epoch } = grounds;
      switch (task.kind) {
        case 'settle':
          return settling(task.deadline, grounds);
        case 'extend':
          return extending(task, grounds);
        case 'end': {
          const found = find(task);
          if (found === undefined || !isOn(found, task.session)) return undefined;
          if (patience.findLost(task.session, now) === undefined) return undefined;
          return expecting(found.run, endSession(found.run, found.job, task.session, epoch));
        }
        case 'bury': {
          const lost = patience.findLost(task.session, now);
          return lost && { draft: disconnect(lost), expect: undefined };
        }
      }
    },
    settled: (task, outcome, now) => {
      if (task.kind !== 'settle') errands.settled(task, outcome, now);
      if (task.kind !== 'bury')
        answered(task.kind === 'settle' ? task.deadline.runId : task.runId, outcome);
      if (task.kind !== 'settle') return;
      const { deadline } = task;
      const { jobId } = deadline;
      // Touched since: its new deadlines are in the index.
      if (given.get(jobId) !== deadline) return;
      given.delete(jobId);
      if (outcome.is === 'void') reindex(deadline);
      else if (outcome.is === 'moved') ready.set(jobId, deadline);
      else index.set(jobId, now + RETRY_MS);
    },
    nextDueAt: () => {
      const never = Number.POSITIVE_INFINITY;
      let next = Math.min(index.nextDueAt() ?? never, errands.nextAt() ?? never);
      for (const deadline of ready.values()) {
        if (next === 0) break;
        next = Math.min(next, silence.heldUntil(deadline));
      }
      return next === never ? undefined : next;
    },
    holdsUntil: silence.holdsUntil,
    lines: patience.lines,
    restore: patience.restore,
  };
}

/** Whether the end of the session changes anything for it. */
function isOn(found: Found | undefined, session: number): boolean {
  const current = found && currentAttempt(found.job);
  if (found === undefined || current?.session !== session) return false;
  const { state } = found.job;
  return state === 'offered' || state === 'running' || (state === 'cancelling' && !current.away);
}

/** Only what is created is decided about. */
const expecting = (run: Run, draft: Draft): Appending => ({
  draft,
  expect: expectationOf(run.created?.org ?? '', run.created?.runId ?? '', run.seq),
});
