/** Jobs that a fresh evaluation of the workflow, made by the agent of another job, no longer has. */
import { ended, isUntouched, type Job } from './job.ts';
import type { RunEventOf } from './run-message.ts';

/** They are dropped unless they began. One name may stand for all that a matrix made of it. */
export function withDropped(
  jobs: readonly Job[],
  { body, at }: RunEventOf<'job.status'>,
): readonly Job[] {
  const inData = body.data?.['droppedJobs'];
  const names = body.droppedJobs ?? (Array.isArray(inData) ? inData : []);
  if (names.length === 0) return jobs;
  const dropped = new Set<unknown>(names);
  return jobs.map((job) =>
    (dropped.has(job.spec.name) || dropped.has(job.spec.group ?? job.spec.name)) &&
    isUntouched(job) &&
    job.startedAt === null
      ? ended(job, 'drift_dropped', at, 'dropped by the agent')
      : job,
  );
}
