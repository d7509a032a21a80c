/**
 * The deadlines of a job, all that run at once: what it has to do next, until when, and what is decided where it did not.
 * Pure; the same run gives the same deadlines to every scheduler.
 */

import type { Approval, Attempt, Job, Run, RunCreated } from '@waybill/protocol';
import {
  currentAttempt,
  isOpenApproval,
  runsUntil,
  silenceMs,
  tallyOf,
  waitsUntil,
} from '@waybill/protocol';

export type Kind = 'queue' | 'ack' | 'recovery' | 'stale' | 'run' | 'stop' | 'forced' | 'approval';

export type Deadline = Readonly<{
  kind: Kind;
  org: string;
  runId: string;
  jobId: string;
  /** None while it waits for an agent. */
  attempt: number | undefined;
  session: number | undefined;
  /** Server time in ms; only a strictly later time is surely past it, because stored times are rounded down. */
  dueAt: number;
  /** Since when it runs. What ran already when a watch of the log began is left alone for `graceMs` from there. */
  since: number;
  graceMs: number;
}>;

/** What a scheduler knows of an attempt beside the run. */
export type Known = Readonly<{
  /** How long its offer gives for an answer. */
  answerMs: number;
  /** Server time of its last heartbeat, which lies in another stream; 0 for none. */
  heartbeatAt: number;
}>;

/** Given up for an agent's silence, as opposed to what people and rules have limited. */
export const isSilence = ({ kind }: Pick<Deadline, 'kind'>): boolean =>
  kind === 'ack' || kind === 'recovery' || kind === 'stale';

type Scene = Readonly<{
  run: RunCreated;
  job: Job;
  /** Of a job that waits for one there is none: its attempts are over. */
  current: Attempt | undefined;
  known: Known;
}>;
type Limit = readonly [dueAt: number | null | undefined, since: number | null | undefined];

/** What runs in which state. While it stops both count: an agent that is silent then has nothing more to say. */
const running: Readonly<Partial<Record<Job['state'], readonly Kind[]>>> = {
  held: ['approval'],
  queued: ['queue'],
  offered: ['ack'],
  running: ['stale', 'run', 'approval'],
  recovering: ['recovery', 'run', 'approval'],
  cancelling: ['stale', 'run', 'stop', 'forced', 'approval'],
};

/** No time for what does not run. */
const limits: Readonly<Record<Kind, (scene: Scene) => Limit>> = {
  queue: ({ job }) => [waitsUntil(job), job.waitsSince],
  ack: ({ current }) => [current?.until, current?.offeredAt],
  recovery: ({ run, current }) => {
    const until = current?.recoverUntil ?? undefined;
    return [until, until === undefined ? undefined : until - run.recoveryMs];
  },
  stale: ({ run, job, current, known }) => {
    const said = current?.heardAt ?? current?.offeredAt ?? 0;
    const since = Math.max(said, known.heartbeatAt);
    return [since + silenceMs(job.spec, run), since];
  },
  run: ({ job, current }) => [
    current && runsUntil(current, job.spec.timeoutMs),
    current?.startedAt,
  ],
  stop: ({ current }) => stopOf(current, false),
  forced: ({ current }) => stopOf(current, true),
  approval: ({ job }) => {
    const next = nextApproval(job);
    return [next?.expiresAt, next?.requestedAt];
  },
};

/** The approval whose time is over first, of those that people have not had their say about: the rest is the dispatcher's. */
export const nextApproval = ({ approvals }: Job): Approval | undefined =>
  approvals
    .filter((each) => isOpenApproval(each) && tallyOf(each) === undefined)
    .toSorted((a, b) => a.expiresAt - b.expiresAt)[0];

const stopOf = (current: Attempt | undefined, force: boolean): Limit =>
  current?.stop?.force === force ? [current.stop.until, current.stop.askedAt] : [null, null];

/** The earliest first; none of a job that has ended. */
export function deadlinesOf({ created: run }: Run, job: Job, known: Known): readonly Deadline[] {
  const kindsOfState = running[job.state];
  if (run === null || kindsOfState === undefined) return [];
  const current = job.state === 'queued' || job.state === 'held' ? undefined : currentAttempt(job);
  const scene = { run, job, current, known };
  const found: Deadline[] = [];
  for (const kind of kindsOfState) {
    const [dueAt, since] = limits[kind](scene);
    if (typeof dueAt !== 'number') continue;
    found.push({
      kind,
      org: run.org,
      runId: run.runId,
      jobId: job.spec.jobId,
      attempt: current?.attempt,
      session: current?.session,
      dueAt,
      since: since ?? 0,
      graceMs: kind === 'stale' ? silenceMs(job.spec, run) : known.answerMs,
    });
  }
  return found.length > 1 ? found.toSorted((a, b) => a.dueAt - b.dueAt) : found;
}
