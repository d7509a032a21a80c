/**
 * Which of a job's approvals is to be resolved now: one that people have had their say about, or one whose agent has moved since it
 * was told, and asks again. Those that nobody answers in time are the scheduler's.
 */
import type { BodyOf, Job } from '@waybill/protocol';
import {
  currentAttempt,
  isAskedAgain,
  isHeld,
  isOpenApproval,
  rejectionOf,
  tallyOf,
} from '@waybill/protocol';

export function resolutionOf(job: Job): BodyOf<'approval.resolved'> | undefined {
  const asking = isHeld(job) ? (currentAttempt(job)?.attempt ?? 0) : 0;
  for (const approval of job.approvals) {
    if (approval.attempt !== asking) continue;
    const settled = isAskedAgain(approval) ? approval.outcome : null;
    const outcome = isOpenApproval(approval) ? tallyOf(approval) : settled;
    if (outcome === undefined || outcome === null || outcome === 'withdrawn') continue;
    const { id: approvalId, attempt, requestId } = approval;
    const reason = outcome === 'rejected' ? rejectionOf(approval) : null;
    return {
      jobId: job.spec.jobId,
      ...(attempt === 0 ? {} : { attempt, requestId }),
      approvalId,
      outcome,
      ...(reason === null ? {} : { reason }),
    };
  }
  return undefined;
}
