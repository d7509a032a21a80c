/**
 * The runs that are not finished, the jobs that wait for an agent, and how many jobs each agent holds: all folded from WB_RUNS.
 * Deterministic and without I/O. It is changed in place because it is as large as the backlog and moves with every event.
 * Queued jobs stand in one line per org and set of labels, first come first served, so that a pick looks only at the heads;
 * those that are held back for a while stand apart until then.
 */

import type { Attempt, Job, Run, RunEvent } from '@waybill/protocol';
import { currentAttempt, evolveRun, initialRun, isHeld, wasVoid } from '@waybill/protocol';
import { memberKey } from './fleet.ts';

export type Waiting = Readonly<{ runId: string; jobId: string }>;
export type Line = Readonly<{
  org: string;
  runsOn: readonly string[];
  jobs: ReadonlyMap<string, Waiting>;
}>;
export type Folded = Readonly<{
  run: Run;
  isVoid: boolean;
  /** The one that the event is about. */
  attempt: Attempt | undefined;
  /** Whether a job is in another state than before: only then there can be something to decide. */
  hasMoved: boolean;
}>;

export type Board = Readonly<{
  fold(event: RunEvent): Folded;
  run(runId: string): Run | undefined;
  /** Whether `run.created` of this run was ever folded, finished runs included. */
  knows(runId: string): boolean;
  runs(): Iterable<readonly [string, Run]>;
  /** The lines with somebody in them who may be offered at this server time. */
  lines(now: number): readonly Line[];
  /** The earliest server time at which a job is not held back any more. */
  nextDue(): number | undefined;
  load(agentKey: string): number;
  /** Counts an offer that is on its way against the agent, until it is released. */
  reserve(agentKey: string): void;
  release(agentKey: string): void;
}>;

type HeldBack = Readonly<{ org: string; runId: string; job: Job }>;
type OpenLine = Omit<Line, 'jobs'> & Readonly<{ jobs: Map<string, Waiting> }>;

const lineKey = (org: string, runsOn: readonly string[]): string =>
  JSON.stringify([org, ...runsOn.toSorted()]);

export function createBoard(): Board {
  const runs = new Map<string, Run>();
  const known = new Set<string>();
  const lines = new Map<string, OpenLine>();
  const heldBack = new Map<string, HeldBack>();
  const loads = new Map<string, number>();

  const count = (key: string, by: number): void => {
    const next = (loads.get(key) ?? 0) + by;
    if (next === 0) loads.delete(key);
    else loads.set(key, next);
  };

  const leave = (org: string, { spec }: Job): void => {
    heldBack.delete(spec.jobId);
    const key = lineKey(org, spec.runsOn);
    const line = lines.get(key);
    if (line?.jobs.delete(spec.jobId) === true && line.jobs.size === 0) lines.delete(key);
  };

  const join = (org: string, runId: string, { spec: { jobId, runsOn } }: Job): void => {
    const key = lineKey(org, runsOn);
    const line = lines.get(key) ?? { org, runsOn, jobs: new Map<string, Waiting>() };
    line.jobs.set(jobId, { runId, jobId });
    lines.set(key, line);
  };

  const move = (event: RunEvent, before: Job | undefined, after: Job): void => {
    const { org, runId } = event;
    const was = before !== undefined && isHeld(before) ? currentAttempt(before) : undefined;
    const is = isHeld(after) ? currentAttempt(after) : undefined;
    if (was !== undefined) count(memberKey(org, was.agentId), -1);
    if (is !== undefined) count(memberKey(org, is.agentId), 1);
    if (before?.state === 'queued') leave(org, after);
    if (after.state !== 'queued') return;
    if (after.notBefore > event.at) heldBack.set(after.spec.jobId, { org, runId, job: after });
    else join(org, runId, after);
  };

  return {
    fold: (event) => {
      const before = runs.get(event.runId) ?? initialRun;
      const finished = !runs.has(event.runId) && known.has(event.runId);
      const run = finished ? before : evolveRun(before, event);
      const isVoid = finished || wasVoid(run, event.seq);
      let hasMoved = false;
      for (const [index, job] of run.jobs.entries()) {
        const was = before.jobs[index];
        if (was?.state === job.state) continue;
        move(event, was, job);
        hasMoved = true;
      }
      if (run.created !== null) known.add(event.runId);
      if (run.completed === null && !finished) runs.set(event.runId, run);
      else runs.delete(event.runId);
      const job = run.jobs.find((each) => each.spec.jobId === event.meta.jobId);
      const attempt = job === undefined ? undefined : currentAttempt(job);
      return { run, isVoid, attempt, hasMoved };
    },
    run: (runId) => runs.get(runId),
    knows: (runId) => known.has(runId),
    runs: () => runs.entries(),
    lines: (now) => {
      for (const [jobId, { org, runId, job }] of heldBack) {
        if (job.notBefore > now) continue;
        heldBack.delete(jobId);
        join(org, runId, job);
      }
      return [...lines.values()];
    },
    nextDue: () => {
      let next: number | undefined;
      for (const { job } of heldBack.values())
        next = Math.min(next ?? Number.POSITIVE_INFINITY, job.notBefore);
      return next;
    },
    load: (agentKey) => loads.get(agentKey) ?? 0,
    reserve: (agentKey) => count(agentKey, 1),
    release: (agentKey) => count(agentKey, -1),
  };
}

/** The first of a line whose run has no decision on its way. */
export function firstOf(line: Line, isBusy: (runId: string) => boolean): Waiting | undefined {
  for (const waiting of line.jobs.values()) if (!isBusy(waiting.runId)) return waiting;
  return undefined;
}
