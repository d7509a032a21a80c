/** The outcome of a run, as the outcomes of its jobs make it. */
import type { Job } from './job.ts';
import { isTerminalJob } from './states.ts';

/** Undefined while a job is open. Failed beats cancelled, stale counts as failed. */
export function rollUp(jobs: readonly Job[]): 'success' | 'failed' | 'cancelled' | undefined {
  let outcome: 'success' | 'failed' | 'cancelled' = 'success';
  for (const { state } of jobs) {
    if (!isTerminalJob(state)) return undefined;
    if (state === 'failed' || state === 'timed_out_stale') outcome = 'failed';
    else if (state === 'cancelled' && outcome === 'success') outcome = 'cancelled';
  }
  return outcome;
}
