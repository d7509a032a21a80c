/**
 * What people are asked: whether a job may begin, or may go on. Whom it takes, what they have said, and how it ended; that it ends
 * once. Any reject wins, and every clause has to be met by somebody. Immutable: a change is another value.
 */
import type { ApprovalDecision, ApprovalOutcome } from './approval-body.ts';
import { approvalId } from './ids.ts';
import { notBefore } from './instant.ts';
import type { JobSpec, RunCreated } from './run-created.ts';

/** One condition on who must approve: a person, or any member of a team. */
export type Clause = Readonly<{ user?: string | undefined; team?: string | undefined }>;
export type Voter = Readonly<{ by: string; teams: readonly string[] }>;
export type Vote = Voter &
  Readonly<{ decision: ApprovalDecision; reason: string | null; at: number }>;

/** `withdrawn`: nobody waits for it any more. */
export type ApprovalEnd = ApprovalOutcome | 'withdrawn';

export type Approval = Readonly<{
  id: string;
  /** The attempt that asks; 0 for the job itself, before it is offered. */
  attempt: number;
  /** The agent's own name of its request; empty where no agent asks. */
  requestId: string;
  /** None where the job as a whole waits. */
  stepIndex: number | null;
  stepName: string | null;
  reason: string;
  clauses: readonly Clause[];
  votes: readonly Vote[];
  requestedAt: number;
  expiresAt: number;
  /** The session on which it was last asked for, and the one that was told how it ended. */
  askedOn: number;
  toldOn: number | null;
  outcome: ApprovalEnd | null;
  resolvedAt: number | null;
}>;

/** Where neither the request, nor the job, nor the org says. */
export const APPROVAL_TIMEOUT_MS = 86_400_000;
/** Whatever an agent asks for. */
const TIMEOUT_MAX_MS = 90 * 86_400_000;

/** Of one job, all its attempts together: every reader of the run holds them all. */
export const approvalsMax = 1_000;

/** Shared by all that ask nobody. */
export const noApprovals: readonly Approval[] = [];

const opened = (
  about: Pick<Approval, 'id' | 'attempt' | 'askedOn' | 'reason' | 'clauses'>,
  at: number,
  timeoutMs: number,
): Approval => ({
  requestId: '',
  stepIndex: null,
  stepName: null,
  ...about,
  votes: [],
  requestedAt: at,
  expiresAt: at + Math.min(Math.round(timeoutMs), TIMEOUT_MAX_MS),
  toldOn: null,
  outcome: null,
  resolvedAt: null,
});

type Hold = NonNullable<JobSpec['approval']>;

const clausesOf = ({ users = [], teams = [] }: Hold): readonly Clause[] => [
  ...users.map((user) => ({ user })),
  ...teams.map((team) => ({ team })),
];

/** What a job waits for before it is offered to anybody. */
export const holdOf = (
  jobId: string,
  hold: Hold,
  at: number,
  run: Pick<RunCreated, 'approvalTimeoutMs'>,
): Approval =>
  opened(
    {
      id: approvalId(jobId, 1, 0),
      attempt: 0,
      askedOn: 0,
      reason: hold.reason ?? '',
      clauses: clausesOf(hold),
    },
    at,
    hold.timeoutMs ?? run.approvalTimeoutMs ?? APPROVAL_TIMEOUT_MS,
  );

export type Request = Pick<
  Approval,
  'id' | 'attempt' | 'askedOn' | 'reason' | 'clauses' | 'requestId' | 'stepIndex' | 'stepName'
>;

export const requestOf = (request: Request, at: number, timeoutMs: number): Approval => ({
  ...opened(request, at, timeoutMs),
  requestId: request.requestId,
  stepIndex: request.stepIndex,
  stepName: request.stepName,
});

export const isOpenApproval = ({ outcome }: Approval): boolean => outcome === null;

export const meets = ({ by, teams }: Voter, { user, team }: Clause): boolean =>
  user === undefined ? team !== undefined && teams.includes(team) : user === by;

/** What the votes come to; undefined while somebody is still to be heard. */
export function tallyOf({
  clauses,
  votes,
}: Pick<Approval, 'clauses' | 'votes'>): 'approved' | 'rejected' | undefined {
  if (votes.some(({ decision }) => decision === 'reject')) return 'rejected';
  if (votes.length === 0) return undefined;
  return clauses.every((clause) => votes.some((vote) => meets(vote, clause)))
    ? 'approved'
    : undefined;
}

/** Its agent has moved since it was told, and asks again. */
export const isAskedAgain = ({ outcome, askedOn, toldOn }: Approval): boolean =>
  outcome !== null && outcome !== 'withdrawn' && askedOn > (toldOn ?? 0);

export const settledAs = (
  approval: Approval,
  outcome: ApprovalEnd,
  toldOn: number,
  at: number,
): Approval => ({
  ...approval,
  outcome: approval.outcome ?? outcome,
  resolvedAt: approval.resolvedAt ?? notBefore(approval.requestedAt, at),
  toldOn,
});

/** Nobody waits any more: what is open ends without an answer. */
export const withdrawn = (approvals: readonly Approval[], at: number): readonly Approval[] =>
  approvals.some(isOpenApproval)
    ? approvals.map((each) =>
        isOpenApproval(each)
          ? { ...each, outcome: 'withdrawn', resolvedAt: notBefore(each.requestedAt, at) }
          : each,
      )
    : approvals;

/** Why a person said no, for whoever asked. */
export const rejectionOf = ({ votes }: Approval): string | null =>
  votes.find(({ decision }) => decision === 'reject')?.reason ?? null;

/** Those who may answer, in words. */
export function approversOf({ clauses }: Pick<Approval, 'clauses'>): string {
  const named = clauses.map(({ user, team }) => user ?? `a member of ${team ?? 'no team'}`);
  return named.length === 0 ? 'anybody' : named.join(' and ');
}
