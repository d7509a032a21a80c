/** What a reader of a run sees of an event beside the state of its job, in a few words. */
import { isOpenApproval } from '../src/approval.ts';
import type { Attempt } from '../src/attempt.ts';
import { currentAttempt, type Job, offersSpent, retriesUsed } from '../src/job.ts';

type Change<T> = Readonly<{ was: T; is: T }>;
/** A text where it is so. */
type Note<T> = (change: Change<T>) => string | false;

const free = ({ unspent }: Job): number => unspent.busy + unspent.lapsed;
const isHeldBack = ({ was, is }: Change<Job>): boolean =>
  is.state === 'queued' &&
  was.state !== 'queued' &&
  is.workedUntil === was.workedUntil &&
  is.notBefore > (is.queuedAt ?? 0);

const ofJob: readonly Note<Job>[] = [
  ({ was, is }) => is.attempts.length > was.attempts.length && `attempt ${is.attempts.length}`,
  ({ was, is }) => {
    const said = currentAttempt(is)?.resolution ?? null;
    const isNew = said !== null && said !== currentAttempt(was)?.resolution;
    return isNew && `the offer is \`${said}\``;
  },
  ({ was, is }) => offersSpent(is) > offersSpent(was) && 'costs an offer',
  ({ was, is }) => free(is) > free(was) && 'costs nothing',
  ({ was, is }) => retriesUsed(is) > retriesUsed(was) && 'to be done again',
  ({ was, is }) => is.workedUntil > was.workedUntil && 'not before the lease of its agent is over',
  (change) => isHeldBack(change) && 'after a backoff',
  ({ was, is }) => is.failure !== null && is.failure !== was.failure && `\`${is.failure}\``,
];

const settledOf = ({ approvals }: Job): number =>
  approvals.filter((each) => !isOpenApproval(each)).length;
const ofApprovals: readonly Note<Job>[] = [
  ({ was, is }) => is.approvals.length > was.approvals.length && 'people are asked',
  ({ was, is }) => votesOf(is) > votesOf(was) && 'a vote counts',
  ({ was, is }) =>
    settledOf(is) > settledOf(was) &&
    is.completedAt === null &&
    `an approval is \`${is.approvals.findLast((each) => !isOpenApproval(each))?.outcome}\``,
];
const votesOf = ({ approvals }: Job): number =>
  approvals.reduce((sum, { votes }) => sum + votes.length, 0);

const ofWish: readonly Note<Job>[] = [
  ({ was, is }) => was.cancel === null && is.cancel !== null && 'it is to be stopped',
  ({ was, is }) => was.cancel?.force === false && is.cancel?.force === true && 'it is to be forced',
];

const ofAttempt: readonly Note<Attempt>[] = [
  ({ was, is }) => is.session !== was.session && 'on the new session',
  ({ was, is }) => is.until > was.until && 'a later deadline of the answer',
  ({ was, is }) =>
    was.recoverUntil === null && is.recoverUntil !== null && 'has its time to come back',
  ({ was, is }) =>
    was.recoverUntil !== null &&
    (is.recoverUntil ?? 0) > was.recoverUntil &&
    'more time to come back',
  ({ was, is }) => was.stop?.force !== true && is.stop?.force === true && 'forced',
  ({ was, is }) => was.stop === null && is.stop?.force === false && 'has its grace',
  ({ was, is }) => !was.away && is.away && is.recoverUntil === null && 'its agent is away',
  ({ was, is }) =>
    was.waitingSince === null && is.waitingSince !== null && 'its clock stands still',
  ({ was, is }) => was.waitingSince !== null && is.waitingSince === null && 'its clock goes on',
];

export function notesOf(was: Job, is: Job): readonly string[] {
  const before = currentAttempt(was);
  const now = currentAttempt(is);
  const isSame = before !== undefined && now?.attempt === before.attempt;
  return [
    ...told(ofJob, { was, is }),
    ...told(ofApprovals, { was, is }),
    // What has ended has nothing more to expect.
    ...(isSame && now.outcome === null && is.completedAt === null
      ? [...told(ofAttempt, { was: before, is: now }), ...told(ofWish, { was, is })]
      : []),
  ];
}

const told = <T>(notes: readonly Note<T>[], change: Change<T>): readonly string[] =>
  notes.map((note) => note(change)).filter((text) => text !== false);
