/** How an approval ended, as its agent is told: by the frame that answers the one it asked with. */
import type { Approval, Run, wire } from '@waybill/protocol';
import type { Held } from './history.ts';

type Asking = Readonly<{ runId: string; jobId: string }>;
type Outcome = wire.StepApprovalResolved | wire.JobApprovalResolved;

/** `job`: as the wire calls it. Undefined while it has not ended, or where nobody waits for it any more. */
export function outcomeFrame(
  approval: Approval,
  job: Asking,
  reason?: string,
): Outcome | undefined {
  const { outcome, requestId, stepIndex } = approval;
  if (outcome === null || outcome === 'withdrawn') return undefined;
  const said = { requestId, ...job, outcome, ...(reason === undefined ? {} : { reason }) };
  return stepIndex === null
    ? { type: 'job.approval-resolved', ...said }
    : { type: 'step.approval-resolved', ...said, stepIndex };
}

/** The attempt's own, by its id. */
export const approvalIn = ({ job }: Held, id: string): Approval | undefined =>
  job.approvals.find((each) => each.id === id);

/** What the attempt has asked for under that name, last. */
export const approvalAsked = (
  run: Run,
  { jobId, attempt, requestId }: Readonly<{ jobId: string; attempt: number; requestId: string }>,
): Approval | undefined =>
  run.jobs
    .find(({ spec }) => spec.jobId === jobId)
    ?.approvals.findLast((each) => each.attempt === attempt && each.requestId === requestId);
