/**
 * The states of jobs, runs and steps, and the one table that maps them to the vocabularies of the three systems whose
 * records Waybill carries: the orchestrator-agent protocol, dispatch runs, and executions.
 */
import { z } from 'zod';

export const JobState = z.enum([
  'pending',
  'held',
  'waiting',
  'queued',
  'offered',
  'running',
  'recovering',
  'cancelling',
  'success',
  'failed',
  'cancelled',
  'skipped',
  'timed_out_stale',
  'drift_dropped',
]);
export type JobState = z.infer<typeof JobState>;

export const RunState = z.enum([
  'pending',
  'running',
  'cancelling',
  'success',
  'failed',
  'cancelled',
]);
export type RunState = z.infer<typeof RunState>;

export const StepState = z.enum([
  'pending',
  'running',
  'success',
  'failed',
  'skipped',
  'cancelled',
]);
export type StepState = z.infer<typeof StepState>;

const TERMINAL_JOB: ReadonlySet<string> = new Set<JobState>([
  'success',
  'failed',
  'cancelled',
  'skipped',
  'timed_out_stale',
  'drift_dropped',
]);
const TERMINAL_RUN: ReadonlySet<string> = new Set<RunState>(['success', 'failed', 'cancelled']);
const TERMINAL_STEP: ReadonlySet<string> = new Set<StepState>([
  'success',
  'failed',
  'skipped',
  'cancelled',
]);

const HELD_JOB: ReadonlySet<string> = new Set<JobState>([
  'offered',
  'running',
  'recovering',
  'cancelling',
]);

/** An agent works on it, or may. */
export const isHeldJob = (state: JobState): boolean => HELD_JOB.has(state);
export const isTerminalJob = (state: JobState): boolean => TERMINAL_JOB.has(state);
export const isTerminalRun = (state: RunState): boolean => TERMINAL_RUN.has(state);
export const isTerminalStep = (state: StepState): boolean => TERMINAL_STEP.has(state);

/** What a need can ask of its upstream: the outcome of a job, where a stale job counts as failed. */
export const Outcome = z.enum(['success', 'failed', 'cancelled', 'skipped', 'drift_dropped']);
export type Outcome = z.infer<typeof Outcome>;

export function outcomeOf(state: JobState): Outcome | undefined {
  if (state === 'timed_out_stale') return 'failed';
  return Outcome.safeParse(state).data;
}

type JobWords = Readonly<{ wire: string; dispatchRun: string; execution: string }>;

/**
 * Job states in the words of the seeds: `wire` is the 11 values of `job.status`, `dispatchRun` the phases of a dispatch
 * run, `execution` the phases of an execution. What a vocabulary lacks takes its nearest word.
 */
export const jobWords: Readonly<Record<JobState, JobWords>> = {
  pending: { wire: 'pending', dispatchRun: 'Pending', execution: 'Created' },
  held: { wire: 'pending', dispatchRun: 'AwaitingApproval', execution: 'Suspended' },
  waiting: { wire: 'pending', dispatchRun: 'Pending', execution: 'Scheduled' },
  queued: { wire: 'queued', dispatchRun: 'Queued', execution: 'Scheduled' },
  offered: { wire: 'queued', dispatchRun: 'Queued', execution: 'Scheduled' },
  running: { wire: 'running', dispatchRun: 'Running', execution: 'Running' },
  recovering: { wire: 'recovering', dispatchRun: 'Running', execution: 'Running' },
  cancelling: { wire: 'cancelling', dispatchRun: 'Running', execution: 'Running' },
  success: { wire: 'success', dispatchRun: 'Completed', execution: 'Succeeded' },
  failed: { wire: 'failed', dispatchRun: 'Failed', execution: 'Failed' },
  cancelled: { wire: 'cancelled', dispatchRun: 'Cancelled', execution: 'Cancelled' },
  skipped: { wire: 'skipped', dispatchRun: 'Cancelled', execution: 'Cancelled' },
  timed_out_stale: { wire: 'timed_out_stale', dispatchRun: 'Failed', execution: 'Failed' },
  drift_dropped: { wire: 'drift_dropped', dispatchRun: 'Cancelled', execution: 'Cancelled' },
};

/** Run states in the words of the seeds. */
export const runWords: Readonly<Record<RunState, JobWords>> = {
  pending: { wire: 'pending', dispatchRun: 'Pending', execution: 'Created' },
  running: { wire: 'running', dispatchRun: 'Running', execution: 'Running' },
  cancelling: { wire: 'cancelling', dispatchRun: 'Running', execution: 'Running' },
  success: { wire: 'success', dispatchRun: 'Completed', execution: 'Succeeded' },
  failed: { wire: 'failed', dispatchRun: 'Failed', execution: 'Failed' },
  cancelled: { wire: 'cancelled', dispatchRun: 'Cancelled', execution: 'Cancelled' },
};
