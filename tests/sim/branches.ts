/** Rare branches, counted by name: a run of many seeds proves little about a branch that no seed has ever taken. */
import {
  currentAttempt,
  isDecision,
  type Job,
  type RunEvent,
  retriesUsed,
} from '@waybill/protocol';
import type { Moment } from '../support/run-story.ts';
import { strayPrefix } from './stray-story.ts';

type LeaseView = Readonly<{ holder: string }>;
export type Branches = Readonly<{
  seen(name: string): void;
  moment(moment: Moment): void;
  /** A lease has come to somebody, or to nobody. */
  lease(name: string, held: LeaseView | undefined): void;
  /** What a process has warned of. */
  said(text: string): void;
  counts(): Readonly<Record<string, number>>;
}>;

/** Warnings that stand for a branch. */
const warnings: readonly (readonly [start: string, branch: string])[] = [
  ['too much falls silent at once', 'breaker:tripped'],
  ['the log was away', 'log:was-away'],
];

export function openBranches(): Branches {
  const counts = new Map<string, number>();
  const holders = new Map<string, string>();
  const seen = (name: string): void => {
    counts.set(name, (counts.get(name) ?? 0) + 1);
  };

  const changed = ({ before, after }: Moment): void => {
    for (const [index, job] of after.jobs.entries()) {
      const was = before.jobs[index];
      if (was !== undefined && was !== job) jobMoved(was, job);
    }
  };
  const jobMoved = (was: Job, job: Job): void => {
    const now = currentAttempt(job);
    const then = was.attempts[job.attempts.length - 1];
    if (now !== undefined && now.resolution !== null && (then?.resolution ?? null) === null)
      seen(`resolution:${now.resolution}${now.cause === null ? '' : `:${now.cause}`}`);
    if (was.state !== job.state)
      seen(`job:${job.state}${job.failure === null ? '' : `:${short(job.failure)}`}`);
    if (retriesUsed(job) > retriesUsed(was)) seen('retried');
    for (const outcome of settled(was, job)) seen(`approval:${outcome}`);
    if (rejects(job) > rejects(was) && rejects(job) >= 3) seen('rejected-thrice');
  };
  const counted = ({ event }: Moment): void => {
    if (event.type === 'deadline.extended') seen(`extended:${event.body.cause}`);
    if (event.type === 'job.cancel' && event.body.force) seen('cancel:forced');
    if (event.type === 'job.cancelled' && event.body.attempt !== undefined) seen('cancel:given-up');
  };
  const voided = ({ event, after }: Moment): void => {
    const why = after.lastVoid?.why ?? 'unknown';
    seen(`void:${why}`);
    seen(`void:${event.type}:${why}`);
    if (event.type === 'unreadable' || event.id.startsWith(strayPrefix)) return;
    // Past its expectation because nobody could see that fact yet; a look at heartbeats is expected of nobody.
    if (isDecision(event.type) && why !== 'outdated') seen('behind-a-fact');
    if (isLateAck(event, after.jobs)) seen('late-ack');
  };
  return {
    seen,
    moment: (moment) => {
      const { event, after, before, isVoid } = moment;
      if (isVoid) return voided(moment);
      seen(`event:${event.type}`);
      if (before.state !== after.state) seen(`run:${after.state}`);
      counted(moment);
      changed(moment);
    },
    lease: (name, held) => {
      const role = name.slice(0, name.indexOf('.'));
      if (held === undefined) return seen(`lease:${role}:over`);
      const before = holders.get(name);
      if (before !== undefined) seen(`lease:${role}:${before === held.holder ? 'again' : 'moved'}`);
      holders.set(name, held.holder);
    },
    said: (text) => {
      for (const [start, branch] of warnings) if (text.startsWith(start)) seen(branch);
    },
    counts: () => Object.fromEntries([...counts].toSorted(([a], [b]) => (a < b ? -1 : 1))),
  };
}

/** How approvals ended that had been open, or unasked. */
const settled = (was: Job, { approvals }: Job): readonly string[] =>
  approvals.flatMap(({ outcome }, index) =>
    outcome === null || (was.approvals[index]?.outcome ?? null) !== null ? [] : [outcome],
  );

const rejects = ({ spent, unspent }: Job): number => spent.rejected + unspent.busy;

/** It came when its offer had expired. */
function isLateAck(
  { type, meta }: Exclude<RunEvent, { type: 'unreadable' }>,
  jobs: readonly Job[],
): boolean {
  const job = jobs.find(({ spec }) => spec.jobId === meta.jobId);
  return type === 'job.ack' && job?.attempts[(meta.attempt ?? 0) - 1]?.resolution === 'expired';
}

/** Reasons are few, but an agent may give its own. */
const short = (failure: string): string => (/^[a-z_]{1,30}$/.test(failure) ? failure : 'other');
