/** What a scene is made of: faults that matter only together, and the work that they matter to. */
import type { Fault } from './fault-plan.ts';
import type { Replication } from './sim-log.ts';
import { type JobPlan, type RunPlan, workFor } from './work-plan.ts';

export type Scene = Readonly<{
  runs: readonly RunPlan[];
  faults: readonly Fault[];
  scaled?: readonly string[];
  capacity?: number;
  replication?: Replication;
}>;

export const minuteMs = 60_000;

export const jobOf = (ms: number, runsOn: string, more: Partial<JobPlan> = {}): JobPlan => ({
  name: 'long',
  runsOn: [runsOn],
  needs: [],
  run: workFor(ms),
  ...more,
});
export const runOf = (job: JobPlan, atMs = 1_500): RunPlan => ({
  atMs,
  delivery: 'scene',
  jobs: [job],
});
export const again = [
  { on: ['agent_lost', 'timed_out_stale'], max: 2, backoffMs: 200 },
] as const satisfies JobPlan['retries'];
