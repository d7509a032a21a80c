/**
 * What the events about approvals make of a job: an agent asks, people vote, and one decision settles it, which has to agree with
 * the votes or lie behind the deadline. The wall clock of the work stands still from the first request to the last resolution.
 */
import {
  APPROVAL_TIMEOUT_MS,
  type Approval,
  approvalsMax,
  isAskedAgain,
  isOpenApproval,
  requestOf,
  settledAs,
  tallyOf,
  type Vote,
} from './approval.ts';
import { type Attempt, waitedUntil } from './attempt.ts';
import { isEntitled, isInHand, isOfAttempt, isPast, isTallied, isUnsettled } from './guards.ts';
import { approvalId } from './ids.ts';
import { currentAttempt, ended, type Job, queued, withCurrent } from './job.ts';
import type { RunCreated } from './run-created.ts';
import type { RunEventOf } from './run-message.ts';
import type { Judged, Void } from './void.ts';

/** Of a job that is taken. Asked under the same name on a later session, it is the same request. */
export function waiting(
  job: Job,
  event: RunEventOf<'approval.requested'>,
  run: RunCreated,
): Judged {
  const current = currentAttempt(job);
  if (current === undefined) return 'stale-attempt';
  const known = job.approvals.findLast((each) => isSameRequest(each, current, event));
  if (known === undefined)
    return job.approvals.length < approvalsMax ? asking(job, current, event, run) : 'not-waiting';
  if (known.askedOn >= current.session) return 'repeated';
  return withApproval(job, { ...known, askedOn: current.session });
}

const isSameRequest = (
  { attempt, requestId, stepIndex, outcome }: Approval,
  current: Attempt,
  { body }: RunEventOf<'approval.requested'>,
): boolean =>
  attempt === current.attempt &&
  requestId === body.messageId &&
  stepIndex === (body.stepIndex ?? null) &&
  outcome !== 'withdrawn';

function asking(
  job: Job,
  current: Attempt,
  { body, at }: RunEventOf<'approval.requested'>,
  run: RunCreated,
): Job {
  const { attempt, session } = current;
  const before = job.approvals.filter((each) => each.attempt === attempt).length;
  const { timeoutSeconds } = body;
  const timeoutMs =
    timeoutSeconds === undefined
      ? (run.approvalTimeoutMs ?? APPROVAL_TIMEOUT_MS)
      : timeoutSeconds * 1_000;
  const request = {
    id: approvalId(job.spec.jobId, attempt, before + 1),
    attempt,
    askedOn: session,
    requestId: body.messageId,
    stepIndex: body.stepIndex ?? null,
    stepName: body.stepName ?? null,
    reason: body.reason ?? '',
    clauses: (body.clauses ?? []).map(({ user, team }) => ({
      ...(user === undefined ? {} : { user }),
      ...(team === undefined ? {} : { team }),
    })),
  };
  const approvals = [...job.approvals, requestOf(request, at, timeoutMs)];
  const waitingSince = current.waitingSince ?? at;
  return { ...withCurrent(job, { ...current, waitingSince }), approvals };
}

const withApproval = (job: Job, approval: Approval): Job => ({
  ...job,
  approvals: job.approvals.map((each) => (each.id === approval.id ? approval : each)),
});

/** A person's word: it names the approval, whichever session that is on. */
export function answered(job: Job, event: RunEventOf<'approval.answered'>): Judged {
  const { approvalId, by, teams = [], decision, reason = null } = event.body;
  if (approvalId === undefined) return answeredAtOnce(job, event);
  const approval = job.approvals.find(({ id }) => id === approvalId);
  if (approval === undefined || !isUnsettled(approval.outcome)) return 'not-waiting';
  if (by === undefined || decision === undefined) return 'not-entitled';
  const vote: Vote = { by, teams, decision, reason, at: event.at };
  if (!isEntitled(vote, approval.clauses)) return 'not-entitled';
  const isKnown = approval.votes.some((each) => each.by === by && each.decision === decision);
  if (isKnown) return 'repeated';
  return withApproval(job, { ...approval, votes: [...approval.votes, vote] });
}

/** As logs have it that were written before people were asked: the gateway itself had answered its agent. */
function answeredAtOnce(job: Job, { body, meta, at }: RunEventOf<'approval.answered'>): Judged {
  const current = currentAttempt(job);
  const approval = job.approvals.find(
    (each) =>
      each.attempt === current?.attempt &&
      each.requestId === body.requestId &&
      isOpenApproval(each),
  );
  if (current === undefined || approval === undefined || body.outcome === undefined)
    return 'not-waiting';
  // Agents repeat their ids: where it is known which attempt asked, only that one has its answer.
  if (meta.attempt !== undefined && !isOfAttempt(meta.attempt, current)) return 'stale-attempt';
  return goesOn(withApproval(job, settledAs(approval, body.outcome, approval.askedOn, at)), at);
}

/** How it ended, once; and once more to an agent that has moved since, and asks again. */
export function resolved(job: Job, event: RunEventOf<'approval.resolved'>): Judged {
  const { approvalId, attempt = 0, outcome } = event.body;
  const { at } = event;
  const approval = job.approvals.find(({ id }) => id === approvalId);
  if (approval === undefined) return 'not-waiting';
  const { attempt: current = 0, session = 0 } = currentAttempt(job) ?? {};
  if (approval.attempt !== attempt || current !== attempt) return 'stale-attempt';
  if (attempt > 0 && !isInHand(job.state)) return 'not-waiting';
  const why = isAskedAgain(approval) ? saysOtherwise(approval, outcome) : early(approval, event);
  if (why !== undefined) return why;
  const settled = withApproval(job, settledAs(approval, outcome, session, at));
  if (attempt > 0) return isUnsettled(approval.outcome) ? goesOn(settled, at) : settled;
  return outcome === 'approved'
    ? queued(settled, at)
    : ended(settled, 'failed', at, `approval_${outcome}`);
}

const saysOtherwise = (approval: Approval, outcome: string): Void | undefined =>
  outcome === approval.outcome ? undefined : 'wrong-outcome';

/** Why it does not end like this, or not yet. */
function early(
  approval: Approval,
  { body, at }: RunEventOf<'approval.resolved'>,
): Void | undefined {
  if (!isUnsettled(approval.outcome)) return 'not-waiting';
  if (!isTallied(body.outcome, tallyOf(approval))) return 'wrong-outcome';
  const isEarly = body.outcome === 'expired' && !isPast(at, approval.expiresAt);
  return isEarly ? 'not-due' : undefined;
}

/** The wall clock goes on with the last that was open. */
function goesOn(job: Job, at: number): Job {
  const current = currentAttempt(job);
  const isWaiting = job.approvals.some(
    (each) => each.attempt === current?.attempt && isOpenApproval(each),
  );
  return current === undefined || isWaiting ? job : withCurrent(job, waitedUntil(current, at));
}
