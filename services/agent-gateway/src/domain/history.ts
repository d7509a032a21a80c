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
  type Job,
  type Run,
  type RunEvent,
  type RunEventOf,
  wasVoid,
} from '@waybill/protocol';

export type Judged = Readonly<{
  /** The run as of the last event. */
  run: Run;
  /** `missing`: no event lies at that sequence. */
  verdict: 'valid' | 'void' | 'missing';
}>;

export function judgeAt(events: Iterable<RunEvent>, seq: number): Judged {
  let run = initialRun;
  let verdict: Judged['verdict'] = 'missing';
  for (const event of events) {
    run = evolveRun(run, event);
    if (event.seq === seq) verdict = wasVoid(run, seq) ? 'void' : 'valid';
  }
  return { run, verdict };
}

export type Held = Readonly<{ job: Job; attempt: Attempt }>;

/** The offer, if it stands and has not been answered or settled: only then its frame may be written. */
export function openOffer(judged: Judged, { body }: RunEventOf<'job.offered'>): Held | undefined {
  if (judged.verdict !== 'valid') return undefined;
  const held = heldAttempt(judged.run, body.jobId, body.attempt);
  if (held?.job.state !== 'offered') return undefined;
  const { fence, session, agentId } = held.attempt;
  return fence === body.fence && session === body.session && agentId === body.agentId
    ? held
    : undefined;
}

/** The attempt while it is the job's current one and an agent works on it, or may. */
export function heldAttempt(run: Run, jobId: string, attempt: number): Held | undefined {
  const job = run.jobs.find((each) => each.spec.jobId === jobId);
  const current = job === undefined ? undefined : currentAttempt(job);
  if (job === undefined || current?.attempt !== attempt || !isHeld(job)) return undefined;
  return { job, attempt: current };
}

/** An attempt of any state, as the fold has it. */
export const attemptOf = (run: Run, jobId: string, attempt: number): Attempt | undefined =>
  run.jobs
    .find((job) => job.spec.jobId === jobId)
    ?.attempts.find((each) => each.attempt === attempt);
