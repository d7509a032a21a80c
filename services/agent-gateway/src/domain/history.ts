/**
 * A run's stored messages, folded with one event in mind: was it void, and what is true behind it. Nothing is sent or closed
 * because of a decision before it was judged here.
 */
import {
  type Attempt,
  currentAttempt,
  evolveRun,
  initialRun,
  isHeld,
  isStanding,
  type Job,
  type JobState,
  type Run,
  type RunEvent,
  type RunEventOf,
  wasVoid,
} from '@waybill/protocol';

/** A run as far as it was folded. */
export type Folded = Readonly<{
  run: Run;
  /** Sequences of its events that were void. */
  voids: ReadonlySet<number>;
}>;

export const unfolded: Folded = { run: initialRun, voids: new Set() };

export function foldOn({ run: from, voids: known }: Folded, events: Iterable<RunEvent>): Folded {
  let run = from;
  const found: number[] = [];
  for (const event of events) {
    if (event.seq <= run.seq) continue;
    run = evolveRun(run, event);
    if (wasVoid(run, event.seq)) found.push(event.seq);
  }
  return { run, voids: found.length === 0 ? known : new Set([...known, ...found]) };
}

export type Judged = Readonly<{
  /** The run as of the last event. */
  run: Run;
  /** `missing`: what was folded does not reach so far. */
  verdict: 'valid' | 'void' | 'missing';
}>;

/** `seq` is that of an event of the run. */
export function verdictAt({ run, voids }: Folded, seq: number): Judged['verdict'] {
  if (seq > run.seq) return 'missing';
  return voids.has(seq) ? 'void' : 'valid';
}

export type Held = Readonly<{ job: Job; attempt: Attempt }>;

/** The offer, if it stands and has not been answered or settled: only then its frame may be written. */
export function openOffer(judged: Judged, { body }: RunEventOf<'job.offered'>): Held | undefined {
  if (judged.verdict !== 'valid') return undefined;
  const job = judged.run.jobs.find((each) => each.spec.jobId === body.jobId);
  const attempt = job && currentAttempt(job);
  if (job === undefined || attempt === undefined) return undefined;
  return isStanding(body, job.state, attempt) ? { job, attempt } : undefined;
}

/** The attempt while it is the job's current one and an agent works on it, or may. */
export function heldAttempt(run: Run, jobId: string, attempt: number): Held | undefined {
  const job = run.jobs.find((each) => each.spec.jobId === jobId);
  const current = job === undefined ? undefined : currentAttempt(job);
  if (job === undefined || current?.attempt !== attempt || !isHeld(job)) return undefined;
  return { job, attempt: current };
}

/** Whether the agent itself has ended the attempt so, and it counted: one that was given up has a cause of its own. */
export function hasEndedAs(run: Run, jobId: string, attempt: number, state: JobState): boolean {
  const found = attemptOf(run, jobId, attempt);
  if (found === undefined || found.outcome !== state) return false;
  return found.cause === null || found.cause === found.stop?.reason;
}

/** An attempt of any state, as the fold has it. */
export const attemptOf = (run: Run, jobId: string, attempt: number): Attempt | undefined =>
  run.jobs
    .find((job) => job.spec.jobId === jobId)
    ?.attempts.find((each) => each.attempt === attempt);
