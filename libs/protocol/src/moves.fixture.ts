/** Judges every event of random histories, one move of the fold after the other. */
import fc from 'fast-check';
import { runsOf } from './arbitrary.fixture.ts';
import type { Attempt } from './attempt.ts';
import { currentAttempt, type Job } from './job.ts';
import { evolveRun, initialRun, type Run, wasVoid } from './run.ts';
import { anyHistory } from './run-history.fixture.ts';
import type { RunEvent } from './run-message.ts';

export type Move = Readonly<{ before: Run; event: RunEvent; after: Run; isVoid: boolean }>;

export function movesOf(events: readonly RunEvent[]): readonly Move[] {
  let before = initialRun;
  return events.map((event) => {
    const after = evolveRun(before, event);
    const move = { before, event, after, isVoid: wasVoid(after, event.seq) };
    before = after;
    return move;
  });
}

/** A failure prints its seed; FC_RUNS sets how many histories are tried. */
export const everyMove = (holds: (move: Move) => void, usual = 100): void => {
  fc.assert(
    fc.property(anyHistory, (events) => {
      for (const move of movesOf(events)) holds(move);
    }),
    runsOf(usual),
  );
};

/** Each job as it was and as it is; none before `run.created`. */
export const pairs = ({ before, after }: Move): readonly (readonly [Job, Job])[] =>
  before.jobs.flatMap((job, index) => {
    const now = after.jobs[index];
    return now === undefined ? [] : [[job, now] as const];
  });

/** The job that a decision is about, as it was and is, with the attempt that was current. */
export function aboutOf({
  before,
  event,
  after,
}: Move): Readonly<{ was: Job; is: Job; current: Attempt | undefined }> | undefined {
  if (event.type === 'unreadable') return undefined;
  const said = 'jobId' in event.body ? event.body['jobId'] : undefined;
  const index = before.jobs.findIndex(({ spec }) => spec.jobId === (said ?? event.meta.jobId));
  const was = before.jobs[index];
  const is = after.jobs[index];
  return was === undefined || is === undefined
    ? undefined
    : { was, is, current: currentAttempt(was) };
}
