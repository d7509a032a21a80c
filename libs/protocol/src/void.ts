/** Void: stored, counted as an anomaly, and without any effect for every reader. */
import type { Job } from './job.ts';

/** Why an event changed nothing. */
export const voidReasons = [
  'repeated',
  'unreadable',
  'before-created',
  'created-twice',
  'foreign-run',
  'after-end',
  'unknown-job',
  'stale-attempt',
  'foreign-session',
  'not-offered',
  'not-queued',
  'not-pending',
  'not-running',
  'not-recovering',
  'not-due',
  'wrong-attempt',
  'wrong-fence',
  'wrong-outcome',
  'needs-open',
  'step-ended',
  'not-later',
  'already-stopping',
  'not-stopping',
  'not-waiting',
  'not-entitled',
  'outdated',
] as const;
export type Void = (typeof voidReasons)[number];

/** What an event makes of a job, or why it makes nothing of it. */
export type Judged = Job | Void;
