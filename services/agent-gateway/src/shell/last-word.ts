/**
 * The last word about an attempt: its end, or the offer given back. What it was worth is asked of the fold, and an agent that
 * keeps its word until it is acknowledged may forget it only once nothing in the log waits for it any more.
 */
import { parseWireJobId, type wire } from '@waybill/protocol';
import { type Custody, type CustodyBook, custodyOfAttempt } from '../domain/custody.ts';
import { isTerminalStatus, type JobFrame } from '../domain/fact.ts';
import { attemptOf, hasEndedAs, heldAttempt } from '../domain/history.ts';
import { type Identity, standingOf } from '../domain/speaker.ts';
import type { Seat } from './registry.ts';
import type { RunHistory } from './run-history.ts';

type Deps = Readonly<{ book: CustodyBook; history: RunHistory }>;
export type KeptStatus = Extract<JobFrame, { type: 'job.status' }>;

/** Whether the agent says it again on each new socket until it is acknowledged. */
export const isKept = (seat: Seat, message: JobFrame): message is KeptStatus =>
  seat.extensions?.terminalAck === true && isTerminalStatus(message);

type Said = Readonly<{ custody: Custody; isCurrent: boolean }>;

/** Said before, and it counted: it is acknowledged, and would be an anomaly if it were stored once more. */
export async function isSettled(
  { history }: Deps,
  seat: Seat,
  message: JobFrame,
  { custody, isCurrent }: Said,
): Promise<boolean> {
  if (isCurrent || !isKept(seat, message)) return false;
  const { org, runId, jobId, attempt } = custody;
  const run = await history.current({ org, runId });
  if (!hasEndedAs(run, jobId, attempt, message.state)) return false;
  acknowledge(seat, message);
  return true;
}

/** It lies at `seq`. A reject behind the ack, or a word from a session that the job has left, ends nothing. */
export async function settle(
  { book, history }: Deps,
  seat: Seat,
  message: JobFrame,
  { custody, isCurrent, seq }: Said & Readonly<{ seq: number }>,
): Promise<void> {
  if (message.type !== 'job.reject' && !isTerminalStatus(message)) return;
  if (!isCurrent && !isKept(seat, message)) return;
  // From the session that has the attempt, a status ends it, or it had ended before: the log need not be read for that.
  if (message.type === 'job.status' && !isKept(seat, message)) {
    if (standingOf(book, seat.who, message).kind === 'current')
      book.change(custody, { phase: 'ended' });
    return;
  }
  const { org, runId, jobId, attempt } = custody;
  const { run } = await history.judge({ org, runId }, seq);
  if (heldAttempt(run, jobId, attempt) !== undefined) return;
  if (isCurrent) book.change(custody, { phase: 'ended' });
  if (isKept(seat, message)) acknowledge(seat, message);
}

/** The attempt, if the log has it in the hands of the agent: the book may not have read so far. */
export async function unreadCustody(
  { history }: Deps,
  { org, agentId }: Identity,
  wireId: string,
): Promise<Custody | undefined> {
  const job = parseWireJobId(wireId);
  if (job === undefined) return undefined;
  const { runId, jobId } = job;
  const run = await history.current({ org, runId });
  const held = heldAttempt(run, jobId, job.attempt);
  if (held?.attempt.agentId !== agentId) return undefined;
  return custodyOfAttempt(run, { org, agentId, runId, jobId }, held.attempt);
}

/** An attempt of the agent, over or not, as the log has it. */
export async function pastCustody(
  { history }: Deps,
  { org, agentId }: Identity,
  said: Readonly<{ runId: string; jobId: string }>,
): Promise<Custody | undefined> {
  const job = parseWireJobId(said.jobId);
  if (job === undefined || job.runId !== said.runId) return undefined;
  const { runId, jobId } = job;
  const run = await history.current({ org, runId });
  const attempt = attemptOf(run, jobId, job.attempt);
  if (attempt?.agentId !== agentId) return undefined;
  return custodyOfAttempt(run, { org, agentId, runId, jobId }, attempt);
}

export function acknowledge(
  seat: Seat,
  { messageId, runId, jobId }: Pick<wire.JobStatus, 'messageId' | 'runId' | 'jobId'>,
): void {
  seat.send({ type: 'job.status.ack', messageId, runId, jobId });
}
