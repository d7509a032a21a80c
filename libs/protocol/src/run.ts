/**
 * A run: the one pure fold that says what is true, used by every service, the CLI and the tests alike.
 * `evolveRun` is total and judges every event, facts and decisions alike, by its place in the run's order: what is illegal, late,
 * repeated or foreign there is void, changes nothing and is counted. It reads no clock, rolls no dice and knows no other stream.
 */

import type { Attempt } from './attempt.ts';
import type { RunCompleted } from './decision-body.ts';
import { withDropped } from './dropped-jobs.ts';
import { isDecidedFor, isFirst, isOpenJob, isOutcome } from './guards.ts';
import type { IdSet } from './id-set.ts';
import { addId, emptyIdSet } from './id-set.ts';
import type { Cancel, Job } from './job.ts';
import { ended, isUntouched, newJob, unbound } from './job.ts';
import { evolveJob } from './job-judgement.ts';
import { needsOf } from './needs.ts';
import { rollUp } from './roll-up.ts';
import type { RunCreated } from './run-created.ts';
import { isDecision } from './run-event.ts';
import type { RunEvent, RunEventOf } from './run-message.ts';
import type { RunState } from './states.ts';
import { addUsage, noUsage, type Usage, usageIn } from './usage.ts';
import type { Judged, Void } from './void.ts';

export type Run = Readonly<{
  /** `absent` before `run.created`: the api answers `pending` for a run whose trigger is stored. */
  state: RunState | 'absent';
  created: RunCreated | null;
  requestId: string | null;
  traceparent: string | null;
  createdAt: number;
  completed: RunCompleted | null;
  /** The whole run is to end. */
  cancel: Cancel | null;
  jobs: readonly Job[];
  /** What was reported as used behind the end: the record does not have it, and its corrections do. */
  lateUsage: Usage;
  firstSeq: number;
  /** The last sequence folded: what the next decision expects. */
  seq: number;
  anomalies: number;
  /** The last event judged void, with the reason. */
  lastVoid: Readonly<{ seq: number; why: Void }> | null;
  seen: IdSet;
}>;

export const initialRun: Run = {
  state: 'absent',
  created: null,
  requestId: null,
  traceparent: null,
  createdAt: 0,
  completed: null,
  cancel: null,
  jobs: [],
  lateUsage: noUsage,
  firstSeq: 0,
  seq: 0,
  anomalies: 0,
  lastVoid: null,
  seen: emptyIdSet,
};

/** Total. An event at or before the last folded sequence is a redelivery and returns the same state. */
export function evolveRun(run: Run, event: RunEvent): Run {
  if (event.seq <= run.seq) return run;
  const placed = {
    ...run,
    seq: event.seq,
    firstSeq: run.firstSeq === 0 ? event.seq : run.firstSeq,
  };
  // Poison is nothing at all: not even its id is taken from an event that can be read.
  if (event.type === 'unreadable') return voided(placed, 'unreadable');
  if (!isFirst(run.seen, event.id)) return voided(placed, 'repeated');
  const judged = judge(run, event);
  const seen = addId(run.seen, event.id);
  if (typeof judged === 'string') return voided({ ...placed, seen }, judged);
  return { ...placed, ...judged, seen };
}

export const foldRun = (events: Iterable<RunEvent>, from: Run = initialRun): Run => {
  let run = from;
  for (const event of events) run = evolveRun(run, event);
  return run;
};

const voided = (run: Run, why: Void): Run => ({
  ...run,
  anomalies: run.anomalies + 1,
  lastVoid: { seq: run.seq, why },
});

/** Whether the event at `seq` was void, asked of the run as folded up to it: what a service asks before it acts on it. */
export const wasVoid = (run: Run, seq: number): boolean => run.lastVoid?.seq === seq;

type Change = Partial<
  Pick<
    Run,
    | 'state'
    | 'created'
    | 'createdAt'
    | 'completed'
    | 'cancel'
    | 'jobs'
    | 'lateUsage'
    | 'requestId'
    | 'traceparent'
  >
>;

function judge(run: Run, event: Readable): Change | Void {
  if (event.type === 'run.created') return created(run, event);
  if (run.created === null) return 'before-created';
  if (run.completed !== null)
    return event.type === 'usage.reported' ? late(run, event) : 'after-end';
  if (event.type === 'run.completed') return completed(run, event);
  if (event.type === 'cancel.requested') return cancelled(run, event);
  const jobId = jobOf(event);
  const index = run.jobs.findIndex((job) => job.spec.jobId === jobId);
  const job = run.jobs[index];
  if (job === undefined) return 'unknown-job';
  const judged = judgeJob(run, job, event, run.created);
  if (typeof judged === 'string') return judged;
  const jobs = run.jobs.with(index, judged);
  return {
    jobs: event.type === 'job.status' ? withDropped(jobs, event) : jobs,
    state: run.state === 'pending' && judged.startedAt !== null ? 'running' : run.state,
  };
}

/** Money that was spent does not go away because the run has ended; what is sealed stays as it was. */
function late(run: Run, event: RunEventOf<'usage.reported'>): Change | Void {
  const isKnown = run.jobs.some(({ spec, attempts }) => {
    const { jobId, attempt, agentId } = event.meta;
    const isOf = (each: Attempt): boolean => each.attempt === attempt && each.agentId === agentId;
    return spec.jobId === jobId && attempts.some(isOf);
  });
  if (!isKnown) return 'stale-attempt';
  return { lateUsage: addUsage(run.lateUsage, usageIn(event.body)) };
}

type Readable = Exclude<RunEvent, { type: 'unreadable' }>;
type JobsEvent = Exclude<
  Readable,
  RunEventOf<'run.created' | 'run.completed' | 'cancel.requested'>
>;

/** Decisions name their job in the body, facts in the envelope: the `jobId` inside a frame is the wire's, with the attempt in it. */
const jobOf = (event: JobsEvent): string | undefined =>
  isDecision(event.type) && typeof event.body['jobId'] === 'string'
    ? event.body['jobId']
    : event.meta.jobId;

function judgeJob(run: Run, job: Job, event: JobsEvent, made: RunCreated): Judged {
  if (event.type !== 'job.queued' && event.type !== 'job.skipped')
    return evolveJob(job, event, made);
  if (!isOpenJob(job.state)) return 'after-end';
  if (!isDecidedFor(job.state, ['pending'])) return 'not-pending';
  const needs = needsOf(job.spec.needs, run.jobs);
  if (event.type === 'job.queued')
    return needs.kind === 'met' ? unbound(job, event.at, made) : 'needs-open';
  return needs.kind === 'unmet'
    ? ended(job, 'skipped', event.at, `needs: ${needs.because.join(', ')}`)
    : 'needs-open';
}

function created(run: Run, event: RunEventOf<'run.created'>): Change | Void {
  if (run.created !== null) return 'created-twice';
  const { body } = event;
  if (body.runId !== event.runId || body.org !== event.org) return 'foreign-run';
  return {
    state: 'pending',
    created: body,
    createdAt: event.at,
    requestId: event.meta.requestId ?? null,
    traceparent: event.meta.traceparent ?? null,
    jobs: body.jobs.map((spec) => newJob(spec, event.at, body)),
  };
}

function completed(run: Run, event: RunEventOf<'run.completed'>): Change | Void {
  if (!isOutcome(event.body.state, rollUp(run.jobs))) return 'wrong-outcome';
  return { state: event.body.state, completed: event.body };
}

/** What no agent has ends at once; what an agent has is told to stop by a decision, again where it has moved. */
function cancelled(run: Run, event: RunEventOf<'cancel.requested'>): Change | Void {
  const { jobIds, reason = null, force = false, by } = event.body;
  const cancel: Cancel = { at: event.at, reason, by, force };
  const isNew = (was: Cancel | null): boolean => was === null || (force && !was.force);
  const meant = jobIds === undefined ? undefined : new Set(jobIds);
  const asked = run.jobs.filter(({ spec }) => meant?.has(spec.jobId) ?? true);
  if (asked.length === 0) return 'unknown-job';
  const open = asked.filter(({ state }) => isOpenJob(state));
  if (open.length === 0) return 'after-end';
  const news = new Set(open.filter((job) => isNew(job.cancel)));
  const isWhole = meant === undefined && isNew(run.cancel);
  if (news.size === 0 && !isWhole) return 'already-stopping';
  const jobs = run.jobs.map((job) => {
    if (!news.has(job)) return job;
    return isUntouched(job)
      ? ended({ ...job, cancel }, 'cancelled', event.at, 'cancelled')
      : { ...job, cancel };
  });
  return isWhole ? { jobs, cancel, state: 'cancelling' } : { jobs };
}
