/**
 * The silence that is due, and since when that is known: the breaker counts each once, and holds it once. Changed in place;
 * deterministic and without I/O.
 */
import { createBreaker, type Trip } from './breaker.ts';
import { type Deadline, isSilence } from './deadline.ts';

export type SilenceBook = Readonly<{
  /** What is due in one sweep, be it nothing or seen before. Gives a trip of the breaker. */
  saw(due: readonly Deadline[], open: number, now: number): Trip | undefined;
  /** Until when it is not settled, though it is due; 0 for now. */
  heldUntil(deadline: Deadline): number;
  /** Until when anything is held; 0 while the breaker has not tripped. */
  holdsUntil(): number;
  /** The deadlines that the job has by now: of any other nothing is kept. */
  moved(jobId: string, deadlines: readonly Deadline[]): void;
}>;

type Silent = Readonly<{ deadline: Deadline; since: number }>;

export function createSilenceBook(): SilenceBook {
  const breaker = createBreaker();
  /** A job has one deadline of this sort at a time. */
  const silent = new Map<string, Silent>();
  const isKnown = (deadline: Deadline): boolean => {
    const known = silent.get(deadline.jobId)?.deadline;
    const { kind, attempt, dueAt } = deadline;
    return known?.kind === kind && known.attempt === attempt && known.dueAt === dueAt;
  };

  return {
    saw: (due, open, now) => {
      const kinds: Record<string, number> = {};
      for (const deadline of due) {
        if (!isSilence(deadline) || isKnown(deadline)) continue;
        silent.set(deadline.jobId, { deadline, since: now });
        kinds[deadline.kind] = (kinds[deadline.kind] ?? 0) + 1;
      }
      return breaker.saw(kinds, open, now);
    },
    heldUntil: (deadline) => {
      const known = isSilence(deadline) ? silent.get(deadline.jobId) : undefined;
      return known === undefined ? 0 : breaker.heldUntil(known.since);
    },
    holdsUntil: breaker.holdsUntil,
    moved: (jobId, deadlines) => {
      if (silent.has(jobId) && !deadlines.some(isKnown)) silent.delete(jobId);
    },
  };
}
