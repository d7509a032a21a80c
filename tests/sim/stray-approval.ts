/** What nobody had a right to say about approvals: an outcome that the votes do not say, a vote of a stranger, one behind the end. */
import {
  type Approval,
  type BodyOf,
  type Draft,
  isOpenApproval,
  type Job,
  type Run,
  runDraft,
} from '@waybill/protocol';
import { nobody } from './people.ts';
import type { Random } from './random.ts';

export const approvalStrayKinds = [
  'approved-unheard',
  'expired-early',
  'vote-foreign',
  'vote-late',
] as const;
export type ApprovalStrayKind = (typeof approvalStrayKinds)[number];
export const isApprovalStray = (kind: string): kind is ApprovalStrayKind =>
  approvalStrayKinds.some((each) => each === kind);

/** Whether it is illegal whatever else is on its way. */
const fits: Readonly<Record<ApprovalStrayKind, (approval: Approval, now: number) => boolean>> = {
  'approved-unheard': (approval) =>
    isOpenApproval(approval) && approval.clauses.some(({ user }) => user === nobody),
  'expired-early': (approval, now) => isOpenApproval(approval) && approval.expiresAt > now + 20_000,
  'vote-foreign': (approval) => isOpenApproval(approval) && approval.clauses.length > 0,
  'vote-late': ({ outcome }) => outcome !== null && outcome !== 'withdrawn',
};

type Found = Readonly<{ run: Run; job: Job; approval: Approval }>;

export function approvalStray(
  kind: ApprovalStrayKind,
  id: string,
  runs: readonly Run[],
  { now, random }: Readonly<{ now: number; random: Random }>,
): Draft | undefined {
  const found = runs.flatMap((run): readonly Found[] =>
    run.jobs
      .filter(({ completedAt }) => completedAt === null)
      .flatMap((job) =>
        job.approvals
          .filter((approval) => fits[kind](approval, now))
          .map((approval) => ({ run, job, approval })),
      ),
  );
  if (found.length === 0) return undefined;
  const about = random.pick(found);
  return kind === 'vote-foreign' || kind === 'vote-late'
    ? voteAbout(about, id, kind === 'vote-late')
    : resolutionOf(about, id, kind === 'approved-unheard' ? 'approved' : 'expired');
}

const placeOf = ({ created }: Run) => ({ org: created?.org ?? '', runId: created?.runId ?? '' });
const metaOf = (id: string, { spec }: Job) => ({ id, source: '/stray', jobId: spec.jobId });

function voteAbout({ run, job, approval }: Found, id: string, isOfAsked: boolean): Draft {
  const body: BodyOf<'approval.answered'> = {
    approvalId: approval.id,
    by: isOfAsked ? (approval.clauses[0]?.user ?? 'carl') : 'mallory',
    teams: isOfAsked ? ['ops'] : [],
    decision: 'reject',
  };
  return runDraft({ ...placeOf(run), type: 'approval.answered', meta: metaOf(id, job), body });
}

function resolutionOf(
  { run, job, approval }: Found,
  id: string,
  outcome: 'approved' | 'expired',
): Draft {
  const { attempt } = approval;
  const body: BodyOf<'approval.resolved'> = {
    jobId: job.spec.jobId,
    ...(attempt === 0 ? {} : { attempt }),
    approvalId: approval.id,
    outcome,
  };
  const agentId = job.attempts[attempt - 1]?.agentId;
  const to = agentId === undefined ? {} : { to: agentId };
  return runDraft({
    ...placeOf(run),
    type: 'approval.resolved',
    meta: metaOf(id, job),
    body,
    ...to,
  });
}
