/**
 * The jobs that wait for an agent: one line per org and what they ask for, first come first served by run; those that are held back
 * for a while stand apart until then. Deterministic and without I/O. It is changed in place because it is as large as the backlog
 * and moves with every event.
 */

import type { Job, JobSpec } from '@waybill/protocol';
import { requirementOf } from '@waybill/protocol';
import type { Demand } from './exchange.ts';
import { createRanking } from './ranking.ts';

export type Line = Demand & {
  readonly key: string;
  /** By run, so that one that is busy is passed over at once, however many of its jobs wait. */
  readonly runs: Map<string, readonly string[]>;
  /** The turn at which it was last served: the line that has waited longest is next. */
  served: number;
};

export type Waiting = Readonly<{ runId: string; jobId: string }>;

export type Board = Readonly<{
  /** A job that is queued, until it leaves. */
  join(org: string, runId: string, job: Job, now: number): void;
  leave(org: string, runId: string, job: Job): void;
  /** Those that are held back no longer. */
  letIn(now: number): void;
  /** The earliest server time at which a job is not held back any more. */
  nextDue(): number | undefined;
  /** Where jobs of this kind stand, if any do. */
  line(org: string, spec: JobSpec): Line | undefined;
  /** Jobs that wait, held back or not. */
  size(): number;
}>;

export type BoardOptions = Readonly<{
  onOpen: (line: Line) => void;
  onClose: (line: Line) => void;
  /** Somebody new stands in it. */
  onJoin: (line: Line) => void;
}>;

type HeldBack = Readonly<{ org: string; runId: string; job: Job }>;

/** Empty lines are kept for a while: the next job often asks for the same. */
const EMPTY_MAX = 256;

const lineKey = (org: string, { runsOn, agent }: JobSpec): string =>
  JSON.stringify([org, agent ?? null, ...runsOn.toSorted()]);

export function createBoard({ onOpen, onClose, onJoin }: BoardOptions): Board {
  const lines = new Map<string, Line>();
  const empty = new Set<Line>();
  const heldBack = new Map<string, HeldBack>();
  const due = createRanking<HeldBack>((a, b) => a.job.notBefore < b.job.notBefore);
  let waiting = 0;

  const open = (org: string, spec: JobSpec): Line => {
    const key = lineKey(org, spec);
    const known = lines.get(key);
    if (known !== undefined) return known;
    const line: Line = {
      org,
      key,
      fits: requirementOf(spec.runsOn),
      agent: spec.agent,
      runs: new Map(),
      served: 0,
    };
    lines.set(key, line);
    onOpen(line);
    return line;
  };
  const emptied = (line: Line): void => {
    empty.add(line);
    const [oldest] = empty;
    if (empty.size <= EMPTY_MAX || oldest === undefined) return;
    empty.delete(oldest);
    lines.delete(oldest.key);
    onClose(oldest);
  };

  const enter = (org: string, runId: string, { spec }: Job): void => {
    const line = open(org, spec);
    empty.delete(line);
    line.runs.set(runId, [...(line.runs.get(runId) ?? []), spec.jobId]);
    waiting += 1;
    onJoin(line);
  };
  const free = (held: HeldBack): void => {
    heldBack.delete(held.job.spec.jobId);
    due.remove(held);
  };

  return {
    join: (org, runId, job, now) => {
      if (job.notBefore <= now) return enter(org, runId, job);
      const held = { org, runId, job };
      heldBack.set(job.spec.jobId, held);
      due.place(held);
    },
    leave: (org, runId, { spec }) => {
      const held = heldBack.get(spec.jobId);
      if (held !== undefined) return free(held);
      const line = lines.get(lineKey(org, spec));
      const jobs = line?.runs.get(runId);
      if (line === undefined || jobs?.includes(spec.jobId) !== true) return;
      waiting -= 1;
      if (jobs.length > 1)
        return void line.runs.set(
          runId,
          jobs.filter((jobId) => jobId !== spec.jobId),
        );
      line.runs.delete(runId);
      if (line.runs.size === 0) emptied(line);
    },
    letIn: (now) => {
      for (;;) {
        const held = due.first();
        if (held === undefined || held.job.notBefore > now) return;
        free(held);
        enter(held.org, held.runId, held.job);
      }
    },
    nextDue: () => due.first()?.job.notBefore,
    line: (org, spec) => lines.get(lineKey(org, spec)),
    size: () => waiting + heldBack.size,
  };
}

/** The first of a line whose run has no decision on its way. */
export function firstOf(line: Line, isBusy: (runId: string) => boolean): Waiting | undefined {
  for (const [runId, [jobId]] of line.runs)
    if (jobId !== undefined && !isBusy(runId)) return { runId, jobId };
  return undefined;
}
