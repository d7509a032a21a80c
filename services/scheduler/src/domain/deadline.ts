/**
 * The deadline of a job: when its open attempt is due, and the decision that settles it. Pure; the same run gives the same
 * deadlines to every scheduler, so two of them make the same decision and the log keeps one.
 */

import type { BodyOf, Draft, Job, Run } from '@waybill/protocol';
import { currentAttempt, decisionId, runDraft } from '@waybill/protocol';

export type Kind = 'ack' | 'recovery' | 'stale';
export type Deadline = Readonly<{
  kind: Kind;
  org: string;
  runId: string;
  jobId: string;
  attempt: number;
  /** Server time in ms; only a strictly later time is surely past it, because stored times are rounded down. */
  dueAt: number;
  offeredAt: number;
}>;
export type Heartbeat = NonNullable<BodyOf<'job.stale'>['heartbeat']>;

/** What the job has to do next, and until when; an ended job nothing. */
export function deadlineOf(run: Run, job: Job): Deadline | undefined {
  const current = currentAttempt(job);
  if (current === undefined || run.created === null) return undefined;
  const { org, runId, staleMs } = run.created;
  const place = {
    org,
    runId,
    jobId: job.spec.jobId,
    attempt: current.attempt,
    offeredAt: current.offeredAt,
  };
  switch (job.state) {
    case 'offered':
      return { ...place, kind: 'ack', dueAt: current.until };
    case 'recovering':
      return current.recoverUntil === null
        ? undefined
        : { ...place, kind: 'recovery', dueAt: current.recoverUntil };
    case 'running':
    case 'cancelling':
      return { ...place, kind: 'stale', dueAt: (current.heardAt ?? current.offeredAt) + staleMs };
    default:
      return undefined;
  }
}

/** When a stale deadline is due in the light of the job's last heartbeat, which lies in another stream. */
export const dueAfter = (run: Run, deadline: Deadline, heartbeat: Heartbeat | null): number =>
  heartbeat === null
    ? deadline.dueAt
    : Math.max(deadline.dueAt, heartbeat.at + (run.created?.staleMs ?? 0));

const TYPES = { ack: 'job.expired', recovery: 'job.lost', stale: 'job.stale' } as const;

/** Expiry, loss or staleness, expecting the run as it was folded: an ack that lies in the log already has won. */
export function decide(run: Run, deadline: Deadline, heartbeat: Heartbeat | null): Draft {
  const { org, runId, jobId, attempt, kind } = deadline;
  const type = TYPES[kind];
  const current = run.jobs.find((job) => job.spec.jobId === jobId)?.attempts.at(-1);
  const meta = {
    id: decisionId(org, runId, type, `${jobId}.${attempt}`, run.seq),
    source: '/waybill/scheduler',
    jobId,
    attempt,
    fence: current?.fence,
    agentId: current?.agentId,
    session: current?.session,
    requestId: run.requestId ?? undefined,
    traceparent: run.traceparent ?? undefined,
  };
  if (type === 'job.stale')
    return runDraft({ org, runId, type, meta, body: { jobId, attempt, heartbeat } });
  return runDraft({ org, runId, type, meta, body: { jobId, attempt } });
}
