/** Rare branches, counted by name: a run of many seeds proves little about a branch that no seed has ever taken. */
import { currentAttempt } from '@waybill/protocol';
import type { Moment } from '../support/run-story.ts';

export type Branches = Readonly<{
  seen(name: string): void;
  moment(moment: Moment): void;
  counts(): Readonly<Record<string, number>>;
}>;

export function openBranches(): Branches {
  const counts = new Map<string, number>();
  const seen = (name: string): void => {
    counts.set(name, (counts.get(name) ?? 0) + 1);
  };

  const resolved = ({ before, after }: Moment): void => {
    for (const [index, job] of after.jobs.entries()) {
      const was = before.jobs[index];
      if (was === job) continue;
      const now = currentAttempt(job);
      const then = was?.attempts[job.attempts.length - 1];
      if (now !== undefined && now.resolution !== null && (then?.resolution ?? null) === null)
        seen(`resolution:${now.resolution}${now.cause === null ? '' : `:${now.cause}`}`);
      if (was?.state !== job.state)
        seen(`job:${job.state}${job.failure === null ? '' : `:${short(job.failure)}`}`);
    }
  };
  return {
    seen,
    moment: (moment) => {
      const { event, after, before, isVoid } = moment;
      if (!isVoid) {
        seen(`event:${event.type}`);
        if (before.state !== after.state) seen(`run:${after.state}`);
        resolved(moment);
        return;
      }
      const why = after.lastVoid?.why ?? 'unknown';
      seen(`void:${why}`);
      seen(`void:${event.type}:${why}`);
    },
    counts: () => Object.fromEntries([...counts].toSorted(([a], [b]) => (a < b ? -1 : 1))),
  };
}

/** Reasons are few, but an agent may give its own. */
const short = (failure: string): string => (/^[a-z_]{1,30}$/.test(failure) ? failure : 'other');
