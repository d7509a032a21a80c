/**
 * The jobs that wait for an agent, by what they ask for, and how many each agent has in hand: an index over live runs, moved with
 * every event. A job that names its agent is no work for a pool. Changed in place: it is as large as the backlog.
 */
import type { Job, Requirement, Run } from '@waybill/protocol';
import { currentAttempt, isHeld, requirementOf } from '@waybill/protocol';

export type Waiting = Readonly<{
  jobId: string;
  /** Server time since when it may be offered; in the future for one that is held back. */
  since: number;
}>;

/** Jobs that ask for the same. */
export type Line = Readonly<{ fits: Requirement; waiting: readonly Waiting[] }>;

export type Queue = Readonly<{
  /** The run as it stands now. */
  heard(runId: string, run: Run): void;
  /** Of each kind those that came first, at most so many; those that are held back are not there yet. Longest wait first. */
  lines(now: number, max: number): readonly Line[];
  /** When the next of those that are held back may be offered. */
  nextDue(now: number): number | undefined;
  load(agentId: string): number;
  isWaiting(jobId: string): boolean;
}>;

type Group = Readonly<{ fits: Requirement; jobs: Map<string, Waiting> }>;
type Entry = Readonly<{
  queued: readonly (readonly [key: string, jobId: string])[];
  held: readonly string[];
}>;

/** `onLoad`: the agent has more or less in hand than before. */
export function createQueue(onLoad: (agentId: string, load: number) => void): Queue {
  const groups = new Map<string, Group>();
  const runs = new Map<string, Entry>();
  const loads = new Map<string, number>();
  const waiting = new Set<string>();
  /** Those that may not be offered yet, as far as nobody has looked since. */
  const heldBack = new Map<string, number>();

  const move = (agentId: string, by: 1 | -1): void => {
    const load = (loads.get(agentId) ?? 0) + by;
    if (load === 0) loads.delete(agentId);
    else loads.set(agentId, load);
    onLoad(agentId, load);
  };
  const join = (job: Job): readonly [string, string] => {
    const { jobId, runsOn } = job.spec;
    const key = JSON.stringify(runsOn.toSorted());
    const group = groups.get(key) ?? { fits: requirementOf(runsOn), jobs: new Map() };
    groups.set(key, group);
    const since = Math.max(job.queuedAt ?? 0, job.notBefore);
    group.jobs.set(jobId, { jobId, since });
    waiting.add(jobId);
    if (job.notBefore > (job.queuedAt ?? 0)) heldBack.set(jobId, since);
    return [key, jobId];
  };
  const leave = ({ queued }: Entry): void => {
    for (const [key, jobId] of queued) {
      const group = groups.get(key);
      group?.jobs.delete(jobId);
      waiting.delete(jobId);
      heldBack.delete(jobId);
      if (group?.jobs.size === 0) groups.delete(key);
    }
  };

  return {
    heard: (runId, run) => {
      const before = runs.get(runId);
      if (before !== undefined) leave(before);
      const jobs = run.completed === null ? run.jobs : [];
      const queued = jobs
        .filter(({ state, spec }) => state === 'queued' && spec.agent === undefined)
        .map(join);
      const held = jobs.filter(isHeld).flatMap((job) => currentAttempt(job)?.agentId ?? []);
      if (queued.length + held.length === 0) runs.delete(runId);
      else runs.set(runId, { queued, held });
      // First what is new: one that goes on has never had nothing.
      for (const agentId of held) move(agentId, 1);
      for (const agentId of before?.held ?? []) move(agentId, -1);
    },
    lines: (now, max) =>
      [...groups.values()]
        .map(({ fits, jobs }) => ({ fits, waiting: firstDue(jobs.values(), now, max) }))
        .filter(({ waiting: some }) => some.length > 0)
        .toSorted((a, b) => (a.waiting[0]?.since ?? 0) - (b.waiting[0]?.since ?? 0)),
    nextDue: (now) => {
      for (const [jobId, since] of heldBack) if (since <= now) heldBack.delete(jobId);
      return heldBack.size === 0 ? undefined : Math.min(...heldBack.values());
    },
    load: (agentId) => loads.get(agentId) ?? 0,
    isWaiting: (jobId) => waiting.has(jobId),
  };
}

/** In the order in which they came, and without a look at all of a long line. */
function firstDue(jobs: Iterable<Waiting>, now: number, max: number): readonly Waiting[] {
  const due: Waiting[] = [];
  for (const job of jobs) {
    if (due.length >= max) break;
    if (job.since <= now) due.push(job);
  }
  return due.toSorted((a, b) => a.since - b.since);
}
