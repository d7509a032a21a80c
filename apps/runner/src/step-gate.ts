/** Steps that people have to approve: who is asked, and what an answer, or none, means for the job. */
import { JobAborted, type JobHandle } from '@waybill/agent';
import { safeError } from '@waybill/process';
import type { StepPlan } from './job-plan.ts';

export type Barred = Readonly<{ reason: string; message: string }>;

/** Undefined where the step may run. Takes as long as people do; throws only when the job has to end. */
export async function askApproval(step: StepPlan, job: JobHandle): Promise<Barred | undefined> {
  const { approval, index, name } = step;
  if (approval === undefined) return undefined;
  const { clauses, timeoutSeconds } = approval;
  const asked = approval.reason ?? `step "${name}" needs approval`;
  job.log(index, [`Waiting for approval: ${asked}`]);
  try {
    const { outcome, reason: why } = await job.approve({
      step: { index, name },
      clauses,
      reason: asked,
      ...(timeoutSeconds === undefined ? {} : { timeoutSeconds }),
    });
    const because = why === undefined || why === '' ? '' : `: ${why}`;
    job.log(index, [`The approval ${wordOf[outcome]}${because}`]);
    if (outcome === 'approved') return undefined;
    return outcome === 'rejected'
      ? { reason: 'approval_rejected', message: `the approval was rejected${because}` }
      : { reason: 'approval_expired', message: `the approval has expired${because}` };
  } catch (error) {
    if (error instanceof JobAborted) throw error;
    // Nobody knows what people would have said: that is no approval.
    return { reason: 'approval_lost', message: safeError(error).message };
  }
}

const wordOf = { approved: 'was given', rejected: 'was rejected', expired: 'has expired' } as const;
