/** What an agent is told once its word about a job is stored: the answer to a request, a receipt, or that it may start. */
import type { Custody } from '../domain/custody.ts';
import type { JobFrame } from '../domain/fact.ts';
import { granted } from '../domain/grant.ts';
import { heldAttempt } from '../domain/history.ts';
import { concurrencyAck, replyTo } from '../domain/reply.ts';
import { answerVoid, isApprovalRequest } from './approval-order.ts';
import type { Kept } from './kept-frame.ts';
import type { Seat } from './registry.ts';
import type { RunHistory } from './run-history.ts';

export type UsageReport = Extract<JobFrame, { type: 'usage.report' }>;

type Deps = Readonly<{ history: RunHistory }>;
type Stored = Readonly<{
  custody: Custody;
  isCurrent: boolean;
  seq: number;
  action: Kept['action'];
}>;

export async function answerStored(
  deps: Deps,
  seat: Seat,
  message: JobFrame,
  { custody, isCurrent, seq, action = 'cancel' }: Stored,
): Promise<void> {
  if (message.type === 'job.concurrency.report') seat.send(concurrencyAck(message, action));
  else if (message.type === 'usage.report') acknowledgeUsage(seat, message);
  else if (isApprovalRequest(message) && isCurrent)
    await answerVoid(deps, seat, message, custody, seq);
  else answerNothing(seat, message);
}

/** A request that gets nothing. */
export function answerNothing(seat: Seat, message: JobFrame): void {
  const reply = replyTo(message);
  if (reply !== undefined) seat.send(reply);
}

export function acknowledgeUsage(seat: Seat, { messageId, runId, jobId }: UsageReport): void {
  seat.send({ type: 'usage.ack', messageId, runId, jobId });
}

export function acknowledgeHeartbeat(
  seat: Seat,
  message: JobFrame,
  { attempt, fence, leaseMs }: Custody,
): void {
  if (message.type !== 'job.heartbeat' || seat.extensions?.heartbeatAck !== true) return;
  if (leaseMs === undefined) return;
  const { runId, jobId } = message;
  seat.send({ type: 'job.heartbeat.ack', runId, jobId, attempt, fence, leaseMs });
}

/** Only behind the fold: an ack that was too late lies in the log like any other. */
export async function grant(
  { history }: Deps,
  seat: Seat,
  message: JobFrame,
  custody: Custody,
  ackSeq: number,
): Promise<void> {
  if (message.type !== 'job.ack' || seat.extensions?.granted !== true) return;
  const { org, runId, jobId, attempt } = custody;
  const judged = await history.judge({ org, runId }, ackSeq);
  const held = judged.verdict === 'valid' ? heldAttempt(judged.run, jobId, attempt) : undefined;
  if (held?.attempt.session === seat.who.session) seat.send(granted(custody));
  else seat.stray(message);
}
