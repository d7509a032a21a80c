/**
 * What the scheduler appends: the decision that settles a deadline, extends it, or ends a session. Each expects the run as it was
 * folded, so whatever lies in the log already has won; two schedulers that see the same log make the same ids.
 */

import type { Attempt, BodyOf, DecisionType, Draft, Job, Run, StopReason } from '@waybill/protocol';
import { agentDraft, currentAttempt, decisionId, isAddressed, runDraft } from '@waybill/protocol';
import { type Deadline, nextApproval } from './deadline.ts';
import type { Session } from './session-book.ts';

export type Heartbeat = NonNullable<BodyOf<'job.stale'>['heartbeat']>;
/** Under which lease, at which server time, and which last heartbeat was read since then. */
export type Grounds = Readonly<{ epoch: number; now: number; heartbeat: Heartbeat | null }>;

const SOURCE = '/waybill/scheduler';
/** How long an agent has before a job that it was told to stop is stopped by force; and how long a forced one has. */
const GRACE_MS = 30_000;
const FORCED_GRACE_MS = 10_000;

export function decide(run: Run, job: Job, { kind }: Deadline, grounds: Grounds): Draft {
  const { jobId } = job.spec;
  const { epoch } = grounds;
  if (kind === 'queue') return about(run, job, 'job.timed_out', { jobId }, epoch);
  if (kind === 'approval') return expire(run, job, epoch);
  const current = currentAttempt(job);
  const attempt = current?.attempt ?? 0;
  const reason = reasonOf(current);
  switch (kind) {
    case 'ack':
      return about(run, job, 'job.expired', { jobId, attempt }, epoch);
    case 'recovery':
      return about(run, job, 'job.lost', { jobId, attempt }, epoch);
    case 'stale': {
      const { heartbeat, now: readAt } = grounds;
      return about(run, job, 'job.stale', { jobId, attempt, heartbeat, readAt }, epoch);
    }
    case 'run': {
      const graceMs = run.created?.cancelGraceMs ?? GRACE_MS;
      const body = { jobId, attempt, reason: 'job_timeout', force: false, graceMs } as const;
      return about(run, job, 'job.cancel', body, epoch);
    }
    case 'stop': {
      const body = { jobId, attempt, reason, force: true, graceMs: FORCED_GRACE_MS };
      return about(run, job, 'job.cancel', body, epoch);
    }
    case 'forced':
      return about(run, job, 'job.cancelled', { jobId, attempt, reason }, epoch);
  }
}

const reasonOf = (current: Attempt | undefined): StopReason => current?.stop?.reason ?? 'cancelled';

/** Nobody has said enough in time. */
function expire(run: Run, job: Job, epoch: number): Draft {
  const approval = nextApproval(job);
  if (approval === undefined) throw new Error('only an approval that is open expires');
  const { id: approvalId, attempt, requestId } = approval;
  const asking = attempt === 0 ? {} : { attempt, requestId };
  const body = { jobId: job.spec.jobId, ...asking, approvalId, outcome: 'expired' } as const;
  return about(run, job, 'approval.resolved', body, epoch);
}

export type Extension = Readonly<{ until: number; cause: string }>;

export const extend = (run: Run, job: Job, extension: Extension, epoch: number): Draft =>
  about(
    run,
    job,
    'deadline.extended',
    { jobId: job.spec.jobId, attempt: currentAttempt(job)?.attempt ?? 0, ...extension },
    epoch,
  );

const LOST = 'gateway_lost';

export const endSession = (run: Run, job: Job, session: number, epoch: number): Draft =>
  about(
    run,
    job,
    'session.ended',
    {
      jobId: job.spec.jobId,
      attempt: currentAttempt(job)?.attempt ?? 0,
      session,
      cause: LOST,
    },
    epoch,
  );

/** What its gateway would have said: under the id that it would have said it with. */
export const disconnect = ({ org, agentId, session, gateway }: Session): Draft =>
  agentDraft({
    org,
    agentId,
    type: 'disconnected',
    id: `${org}:s${session}:disconnected`,
    source: SOURCE,
    gateway,
    session,
    body: JSON.stringify({ session, code: 1006, reason: LOST }),
  });

function about<T extends DecisionType>(
  run: Run,
  job: Job,
  type: T,
  body: BodyOf<T>,
  epoch: number,
): Draft {
  if (run.created === null) throw new Error('nothing is decided of a run before it is created');
  const { org, runId } = run.created;
  const { jobId } = job.spec;
  const current = job.state === 'queued' ? undefined : currentAttempt(job);
  const attempted = current === undefined ? jobId : `${jobId}.${current.attempt}`;
  const named = 'approvalId' in body ? String(body.approvalId) : attempted;
  const meta = {
    id: decisionId(org, runId, type, named, run.seq),
    source: SOURCE,
    jobId,
    attempt: current?.attempt,
    fence: current?.fence,
    agentId: current?.agentId,
    session: current?.session,
    epoch,
    requestId: run.requestId ?? undefined,
    traceparent: run.traceparent ?? undefined,
  };
  const to = isAddressed(type) && current !== undefined ? { to: current.agentId } : {};
  return runDraft({ org, runId, type, meta, body, ...to });
}
