/**
 * The jobs that time is running for, with what the scheduler knows of them beside their runs, and by the session that has them.
 * Changed in place, because it is as large as the work in hand.
 */
import type { Job, Run } from '@waybill/protocol';
import { currentAttempt, isHeld } from '@waybill/protocol';
import type { Known } from './deadline.ts';

export type Place = Readonly<{ org: string; runId: string; jobId: string }>;
type Entry = Place &
  Readonly<{ answerMs: number; fence: number; attempt: number; session: number }> & {
    heartbeatAt: number;
  };

export type JobRegister = Readonly<{
  /** The job as it is now. */
  set(run: Run, job: Job): void;
  find(jobId: string): Place | undefined;
  known(run: Run, jobId: string): Known;
  /** A heartbeat of an attempt; one of an earlier attempt says nothing. */
  heartbeat(jobId: string, attempt: number | undefined, at: number): void;
  held(): Iterable<Place>;
  heldCount(): number;
  onSession(session: number): Iterable<Place>;
}>;

export function createJobRegister(): JobRegister {
  /** Jobs that nobody has have no session: 0. */
  const entries = new Map<string, Entry>();
  const sessions = new Map<number, Map<string, Place>>();
  let heldCount = 0;

  const drop = (jobId: string): void => {
    const entry = entries.get(jobId);
    if (entry === undefined) return;
    entries.delete(jobId);
    if (entry.session === 0) return;
    heldCount -= 1;
    sessions.get(entry.session)?.delete(jobId);
    if (sessions.get(entry.session)?.size === 0) sessions.delete(entry.session);
  };
  const add = (entry: Entry): void => {
    entries.set(entry.jobId, entry);
    if (entry.session === 0) return;
    heldCount += 1;
    const there = sessions.get(entry.session) ?? new Map<string, Place>();
    sessions.set(entry.session, there.set(entry.jobId, entry));
  };

  return {
    set: (run, job) => {
      const { jobId } = job.spec;
      const before = entries.get(jobId);
      drop(jobId);
      if (run.created === null) return;
      const { org, runId, ackTimeoutMs: answerMs } = run.created;
      const place = { org, runId, jobId };
      const current = currentAttempt(job);
      const isQueued = job.state === 'queued' && job.spec.queueTimeoutMs !== undefined;
      if (isQueued || job.state === 'held')
        add({ ...place, session: 0, attempt: 0, fence: 0, answerMs, heartbeatAt: 0 });
      if (current === undefined || !isHeld(job)) return;
      const { session, attempt, fence } = current;
      const heartbeatAt = before?.fence === fence ? before.heartbeatAt : 0;
      add({ ...place, session, attempt, fence, answerMs: current.ackTimeoutMs, heartbeatAt });
    },
    find: (jobId) => entries.get(jobId),
    known: (run, jobId) =>
      entries.get(jobId) ?? { answerMs: run.created?.ackTimeoutMs ?? 0, heartbeatAt: 0 },
    heartbeat: (jobId, attempt, at) => {
      const entry = entries.get(jobId);
      if (entry !== undefined && entry.attempt === attempt)
        entry.heartbeatAt = Math.max(entry.heartbeatAt, at);
    },
    held: function* held() {
      for (const entry of entries.values()) if (entry.session !== 0) yield entry;
    },
    heldCount: () => heldCount,
    onSession: (session) => sessions.get(session)?.values() ?? [],
  };
}
