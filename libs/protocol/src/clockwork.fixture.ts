/**
 * The least that a dispatcher and a scheduler do with a run when nobody else says a word: needs are decided, queued jobs are
 * offered, and what is past its deadline is given up. With it a property can ask whether every history comes to an end.
 */
import { isOpenApproval, tallyOf } from './approval.ts';
import type { Attempt } from './attempt.ts';
import { runsUntil } from './attempt.ts';
import { currentAttempt, isHeld, type Job, silenceMs, waitsUntil } from './job.ts';
import { needsOf } from './needs.ts';
import { ORG, RUN } from './run.fixture.ts';
import { evolveRun, type Run } from './run.ts';
import type { BodyOf, DecisionType } from './run-event.ts';
import type { RunEvent } from './run-message.ts';
import { completionOf } from './run-view.ts';

/** What is decided next about a job, and the server time that has to be past. */
export type Due = Readonly<{ type: DecisionType; body: object; at: number }>;

const due = <T extends DecisionType>(type: T, body: BodyOf<T>, at: number): Due => ({
  type,
  body,
  at,
});

/** What ends the attempt, or the wait, if nobody speaks: the earliest of its deadlines. Undefined for what waits without a limit. */
export function dueOf(job: Job, run: Run): Due | undefined {
  const current = currentAttempt(job);
  const found =
    current === undefined || !isHeld(job)
      ? [ofWait(job), job.state === 'held' ? ofApproval(job) : undefined]
      : [
          ofAttempt(job, current, run.created === null ? 0 : silenceMs(job.spec, run.created)),
          ofLimit(job, current),
          ofStop(job, current),
          ofApproval(job),
        ];
  return found.filter((each) => each !== undefined).toSorted((a, b) => a.at - b.at)[0];
}

function ofWait(job: Job): Due | undefined {
  const until = waitsUntil(job);
  return until === undefined ? undefined : due('job.timed_out', { jobId: job.spec.jobId }, until);
}

const aboutOf = (job: Job, { attempt }: Attempt) => ({ jobId: job.spec.jobId, attempt });
const overTime = (job: Job, current: Attempt, force: boolean) =>
  ({ ...aboutOf(job, current), reason: 'job_timeout', force, graceMs: 20 }) as const;

function ofAttempt(job: Job, current: Attempt, silence: number): Due {
  const about = aboutOf(job, current);
  if (job.state === 'offered') return due('job.expired', about, current.until);
  if (job.state === 'recovering')
    return due('job.lost', about, current.recoverUntil ?? Number.POSITIVE_INFINITY);
  const silentAt = (current.heardAt ?? current.offeredAt) + silence;
  return due('job.stale', { ...about, heartbeat: null }, silentAt);
}

function ofLimit(job: Job, current: Attempt): Due | undefined {
  const limit = runsUntil(current, job.spec.timeoutMs);
  return limit === undefined ? undefined : due('job.cancel', overTime(job, current, false), limit);
}

function ofStop(job: Job, current: Attempt): Due | undefined {
  const { stop } = current;
  if (stop === null) return undefined;
  return stop.force
    ? due('job.cancelled', { ...aboutOf(job, current), reason: stop.reason }, stop.until)
    : due('job.cancel', overTime(job, current, true), stop.until);
}

/** Where people have had their say it is settled at once, else when their time is over. */
function ofApproval(job: Job): Due | undefined {
  const approval = job.approvals.find(isOpenApproval);
  if (approval === undefined) return undefined;
  const { id: approvalId, attempt, expiresAt } = approval;
  const tally = tallyOf(approval);
  const body = { jobId: job.spec.jobId, approvalId, outcome: tally ?? 'expired' } as const;
  return due(
    'approval.resolved',
    attempt === 0 ? body : { ...body, attempt },
    tally === undefined ? expiresAt : 0,
  );
}

/** What the run itself needs next. */
function decidedOf(job: Job, run: Run): Due | undefined {
  const { jobId } = job.spec;
  if (job.state === 'pending') {
    const needs = needsOf(job.spec.needs, run.jobs);
    if (needs.kind === 'open') return undefined;
    return needs.kind === 'met'
      ? due('job.queued', { jobId }, 0)
      : due('job.skipped', { jobId, because: [...needs.because] }, 0);
  }
  if (job.state !== 'queued') return undefined;
  const offer = {
    jobId,
    attempt: job.attempts.length + 1,
    fence: run.seq,
    agentId: 'nobody',
    session: 1,
    ackTimeoutMs: 50,
    reason: 'retry',
  } as const;
  return due('job.offered', offer, job.notBefore);
}

/** The next decision of all that may be made, the earliest first. Undefined once the run has ended. */
export function nextOf(run: Run): Due | undefined {
  const completion = completionOf(run);
  if (run.completed !== null) return undefined;
  if (completion !== undefined) {
    const body = { ...completion, usage: {}, costUsd: 0, priceGeneration: null, jobs: [] };
    return due('run.completed', body, 0);
  }
  return run.jobs
    .flatMap((job) => [decidedOf(job, run), dueOf(job, run)])
    .filter((each) => each !== undefined)
    .toSorted((a, b) => a.at - b.at)[0];
}

/** The decision as an event that is stored next, after its moment. */
export const eventOf = (run: Run, { type, body, at }: Due, now: number): RunEvent => {
  const seq = run.seq + 1;
  const id = `clockwork@${seq}`;
  // The body was made for the type.
  return {
    type,
    body,
    org: ORG,
    runId: RUN,
    seq,
    at: Math.max(now, at + 1),
    id,
    meta: { id, source: 'clockwork' },
  } as RunEvent;
};

/** Goes on until nothing is left to do, or the steps are used up. */
export function settled(run: Run, now: number, stepsMax: number): Run {
  let folded = run;
  let at = now;
  for (let step = 0; step < stepsMax; step++) {
    const next = nextOf(folded);
    if (next === undefined) return folded;
    const event = eventOf(folded, next, at);
    at = event.at;
    folded = evolveRun(folded, event);
  }
  return folded;
}
