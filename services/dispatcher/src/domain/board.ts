/**
 * The runs that are not finished, the jobs that wait for an agent, and how many jobs each agent holds: all folded from WB_RUNS.
 * Deterministic and without I/O. It is changed in place because it is as large as the backlog and moves with every event.
 * Queued jobs stand in one line per org and set of labels, first come first served, so that a pick looks only at the heads.
 */

import type { Attempt, Job, Run, RunEvent } from '@waybill/protocol';
import { currentAttempt, evolveRun, initialRun, isHeld, wasVoid } from '@waybill/protocol';
import { memberKey } from './fleet.ts';

export type Waiting = Readonly<{
  org: string;
  runId: string;
  jobId: string;
  runsOn: readonly string[];
  notBefore: number;
}>;
export type Folded = Readonly<{ run: Run; isVoid: boolean; attempt: Attempt | undefined }>;

export type Board = Readonly<{
  /** Folds one event; what it says of an agent is in `attempt`, the one that the event is about. */
  fold(event: RunEvent): Folded;
  run(runId: string): Run | undefined;
  /** Whether `run.created` of this run was ever folded, finished runs included. */
  knows(runId: string): boolean;
  runs(): Iterable<readonly [string, Run]>;
  /** The first job of each line that may be offered at this server time and whose run has no decision on its way. */
  heads(now: number, isBusy: (runId: string) => boolean): readonly Waiting[];
  /** The earliest server time at which a job's backoff ends, of those that are still waiting for it. */
  nextDue(now: number): number | undefined;
  load(agentKey: string): number;
  /** Passes a job over while its offer is on its way, and counts it against the agent at once. */
  reserve(jobId: string, agentKey: string): void;
  release(jobId: string): void;
}>;

const lineKey = (org: string, runsOn: readonly string[]): string =>
  JSON.stringify([org, ...runsOn.toSorted()]);

export function createBoard(): Board {
  const runs = new Map<string, Run>();
  const known = new Set<string>();
  const lines = new Map<string, Map<string, Waiting>>();
  const held = new Map<string, number>();
  const reserved = new Map<string, string>();

  const count = (key: string, by: number): void => {
    const next = (held.get(key) ?? 0) + by;
    if (next === 0) held.delete(key);
    else held.set(key, next);
  };

  const leave = (org: string, job: Job): void => {
    const key = lineKey(org, job.spec.runsOn);
    const line = lines.get(key);
    if (line?.delete(job.spec.jobId) === true && line.size === 0) lines.delete(key);
  };

  const join = (org: string, runId: string, job: Job): void => {
    const { jobId, runsOn } = job.spec;
    const key = lineKey(org, runsOn);
    const line = lines.get(key) ?? new Map<string, Waiting>();
    line.set(jobId, { org, runId, jobId, runsOn, notBefore: job.notBefore });
    lines.set(key, line);
  };

  const move = (event: RunEvent, before: Job | undefined, after: Job): void => {
    if (before === after) return;
    const { org, runId } = event;
    const was = before !== undefined && isHeld(before) ? currentAttempt(before) : undefined;
    const is = isHeld(after) ? currentAttempt(after) : undefined;
    if (was !== undefined) count(memberKey(org, was.agentId), -1);
    if (is !== undefined) count(memberKey(org, is.agentId), 1);
    if (before?.state === 'queued' && after.state !== 'queued') leave(org, after);
    if (before?.state !== 'queued' && after.state === 'queued') join(org, runId, after);
  };

  const release = (jobId: string): void => {
    const agentKey = reserved.get(jobId);
    if (agentKey === undefined) return;
    reserved.delete(jobId);
    count(agentKey, -1);
  };

  return {
    fold: (event) => {
      const before = runs.get(event.runId) ?? initialRun;
      const finished = !runs.has(event.runId) && known.has(event.runId);
      const run = finished ? before : evolveRun(before, event);
      const isVoid = finished || wasVoid(run, event.seq);
      for (const [index, job] of run.jobs.entries()) move(event, before.jobs[index], job);
      if (run.created !== null) known.add(event.runId);
      if (run.completed === null && !finished) runs.set(event.runId, run);
      else runs.delete(event.runId);
      const job = run.jobs.find((each) => each.spec.jobId === event.meta.jobId);
      return { run, isVoid, attempt: job === undefined ? undefined : currentAttempt(job) };
    },
    run: (runId) => runs.get(runId),
    knows: (runId) => known.has(runId),
    runs: () => runs.entries(),
    heads: (now, isBusy) =>
      [...lines.values()].flatMap((line) =>
        firstOf(
          line,
          (each) => each.notBefore <= now && !reserved.has(each.jobId) && !isBusy(each.runId),
        ),
      ),
    nextDue: (now) => {
      const due = [...lines.values()].flatMap((line) =>
        [...line.values()].map((each) => each.notBefore),
      );
      return due.filter((at) => at > now).toSorted((a, b) => a - b)[0];
    },
    load: (agentKey) => held.get(agentKey) ?? 0,
    reserve: (jobId, agentKey) => {
      reserved.set(jobId, agentKey);
      count(agentKey, 1);
    },
    release,
  };
}

function firstOf(
  line: ReadonlyMap<string, Waiting>,
  fits: (waiting: Waiting) => boolean,
): readonly Waiting[] {
  for (const waiting of line.values()) if (fits(waiting)) return [waiting];
  return [];
}
