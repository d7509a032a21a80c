/**
 * What holds of time, for every history of a run: the invariants 9 and 10 of docs/invariants.md as far as the fold keeps them.
 * A failure prints its seed; FC_RUNS sets how many histories are tried.
 */
import { describe, expect, it } from 'vitest';
import { type Attempt, runsUntil } from './attempt.ts';
import { blockedBy } from './blocked-by.ts';
import { dueOf, eventOf, settled } from './clockwork.fixture.ts';
import {
  isHeld,
  isUntouched,
  type Job,
  offersSpent,
  retriesUsed,
  silenceMs,
  waitsUntil,
} from './job.ts';
import { aboutOf, everyMove, pairs } from './moves.fixture.ts';
import { evolveRun, wasVoid } from './run.ts';
import type { RunEvent, RunEventOf } from './run-message.ts';
import { isTerminalJob } from './states.ts';

describe('invariant 9: everything settles', () => {
  it('an open job has a deadline, or waits for something that can be named', () => {
    everyMove(({ after }) => {
      for (const job of after.jobs)
        if (isHeld(job)) expect(Number.isFinite(dueOf(job, after)?.at)).toBe(true);
        else if (isUntouched(job)) expect(blockedBy(job, after)).not.toEqual([]);
        else expect(isTerminalJob(job.state)).toBe(true);
    });
  });

  it('what is due counts, and moves its job on', () => {
    everyMove(({ after }) => {
      if (after.completed !== null) return;
      for (const [index, job] of after.jobs.entries()) {
        const due = dueOf(job, after);
        if (due === undefined) continue;
        const event = eventOf(after, due, 0);
        const run = evolveRun(after, event);
        expect(wasVoid(run, event.seq)).toBe(false);
        expect(run.jobs[index]).not.toEqual(job);
      }
    });
  });

  it('a run of which nobody speaks any more ends, with everything resolved', () => {
    everyMove(({ event, after }) => {
      if (after.created === null) return;
      const end = settled(after, event.at, 250);
      expect(end.completed).not.toBeNull();
      for (const { attempts } of end.jobs)
        for (const { resolution, outcome } of attempts) {
          expect(resolution).not.toBeNull();
          expect(outcome !== null).toBe(resolution === 'accepted');
        }
    }, 50);
  });
});

describe('invariant 10: nothing is given up before its time, and what is our fault costs nothing', () => {
  it('what is given up lies behind its deadline by its own time', () => {
    everyMove((move) => {
      const { event, isVoid, before } = move;
      const { was, current } = aboutOf(move) ?? {};
      if (isVoid || was === undefined || before.created === null) return;
      const deadline = deadlineOf(event, was, current, silenceMs(was.spec, before.created));
      if (deadline !== 'none')
        expect(event.at).toBeGreaterThan(deadline ?? Number.POSITIVE_INFINITY);
    });
  });

  it('an extension moves one deadline, later, and nothing else', () => {
    everyMove((move) => {
      const { event, isVoid } = move;
      const { was, is, current } = aboutOf(move) ?? {};
      if (event.type !== 'deadline.extended' || isVoid || current === undefined) return;
      const { until } = event.body;
      const moved = was?.state === 'offered' ? { until } : { recoverUntil: until };
      expect(until).toBeGreaterThan(
        (was?.state === 'offered' ? current.until : current.recoverUntil) ?? 0,
      );
      expect(is).toEqual({ ...was, attempts: is?.attempts });
      expect(is?.attempts.at(-1)).toEqual({ ...current, ...moved });
    });
  });

  it('a gateway that was lost and an agent that never said it had room cost no budget', () => {
    everyMove((move) => {
      const { event, isVoid } = move;
      const { was, is, current } = aboutOf(move) ?? {};
      if (isVoid || was === undefined || is === undefined) return;
      const isFree =
        event.type === 'session.ended' ||
        (event.type === 'job.reject' &&
          event.body.reason === 'busy' &&
          current?.room === 'assumed');
      if (isFree) expect(offersSpent(is)).toBe(offersSpent(was));
    });
  });

  it('nothing but an offer that came to nothing costs budget, and work that is done again has all of it', () => {
    everyMove((move) => {
      for (const [was, is] of pairs(move)) {
        if (retriesUsed(is) > retriesUsed(was)) {
          expect(offersSpent(is)).toBe(0);
          continue;
        }
        const cost = offersSpent(is) - offersSpent(was);
        expect(cost).toBeOneOf([0, 1]);
        if (cost === 1) expect(was.state).toBe('offered');
      }
    });
  });
});

/** The moment that a decision about time has to be past; `none` for what is not about time. */
function deadlineOf(
  event: RunEvent,
  was: Job,
  current: Attempt | undefined,
  silence: number,
): number | null | undefined | 'none' {
  switch (event.type) {
    case 'job.timed_out':
      return waitsUntil(was);
    case 'job.expired':
      return current?.until;
    case 'job.lost':
      return current?.recoverUntil;
    case 'job.stale':
      return Math.max(current?.heardAt ?? 0, event.body.heartbeat?.at ?? 0) + silence;
    case 'job.cancelled':
    case 'job.cancel':
      return deadlineOfStop(event, was, current);
    default:
      return 'none';
  }
}

function deadlineOfStop(
  { type, body }: RunEventOf<'job.cancel' | 'job.cancelled'>,
  was: Job,
  current: Attempt | undefined,
): number | undefined | 'none' {
  if (type === 'job.cancelled') return body.attempt === undefined ? 'none' : current?.stop?.until;
  return body.reason === 'job_timeout' && current?.stop === null
    ? runsUntil(current, was.spec.timeoutMs)
    : 'none';
}
