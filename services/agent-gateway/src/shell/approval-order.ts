/**
 * Tells an agent how an approval ended that it asked for. Only after the run was folded up to the decision, and only on the session
 * that the fold says is told: an agent that has moved since asks again, or does not wait any more.
 */
import { type RunEventOf, rejectionOf, wireJobId } from '@waybill/protocol';
import { approvalAsked, approvalIn, outcomeFrame } from '../domain/approval-outcome.ts';
import type { Custody } from '../domain/custody.ts';
import type { JobFrame } from '../domain/fact.ts';
import { heldAttempt } from '../domain/history.ts';
import { replyTo } from '../domain/reply.ts';
import type { Registry, Seat } from './registry.ts';
import type { RunHistory } from './run-history.ts';

export type ApprovalRequest = Extract<
  JobFrame,
  { type: 'step.approval-request' | 'job.approval-request' }
>;

export const isApprovalRequest = (message: JobFrame): message is ApprovalRequest =>
  message.type === 'step.approval-request' || message.type === 'job.approval-request';

type Deps = Readonly<{ registry: Registry; history: RunHistory }>;

export async function tellOutcome(
  { registry, history }: Deps,
  event: RunEventOf<'approval.resolved'>,
  { org, agentId, runId, jobId, attempt }: Custody,
): Promise<void> {
  // An agent that comes back may be about to take the job to another session.
  await registry.returned({ org, agentId });
  // However long the log is away: somebody waits for it.
  const judged = await history.judge(event, event.seq);
  const held = judged.verdict === 'valid' ? heldAttempt(judged.run, jobId, attempt) : undefined;
  const approval = held && approvalIn(held, event.body.approvalId);
  if (held === undefined || approval?.toldOn !== held.attempt.session) return;
  const frame = outcomeFrame(
    approval,
    { runId, jobId: wireJobId(jobId, attempt) },
    event.body.reason,
  );
  if (frame !== undefined) registry.seat(held.attempt.session)?.send(frame);
}

/** A request that the fold makes nothing of is answered all the same: with what its session was told already, or with a no. */
export async function answerVoid(
  { history }: Pick<Deps, 'history'>,
  seat: Seat,
  message: ApprovalRequest,
  { org, runId, jobId, attempt }: Custody,
  seq: number,
): Promise<void> {
  const { run, verdict } = await history.judge({ org, runId }, seq);
  const known = approvalAsked(run, { jobId, attempt, requestId: message.messageId });
  const isTold = known?.toldOn === seat.who.session;
  if (known !== undefined && isTold) {
    const job = { runId, jobId: message.jobId };
    const frame = outcomeFrame(known, job, rejectionOf(known) ?? undefined);
    if (frame !== undefined) seat.send(frame);
  } else if (verdict === 'void' && (known?.outcome ?? 'withdrawn') === 'withdrawn') {
    const reply = replyTo(message);
    if (reply !== undefined) seat.send(reply);
  }
}
