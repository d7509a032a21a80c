/**
 * What holds for every history of a run, however odd: the invariants 1 to 4 of docs/invariants.md by their numbers, and what is
 * counted. A failure prints its seed; FC_RUNS sets how many histories are tried.
 */
import { describe, expect, it } from 'vitest';
import { RunCompleted } from './decision-body.ts';
import { currentAttempt, isHeld, offersSpent, retriesUsed, silenceMs } from './job.ts';
import { aboutOf, everyMove, pairs } from './moves.fixture.ts';
import { needsOf } from './needs.ts';
import { rollUp } from './roll-up.ts';
import type { Run } from './run.ts';
import { isDecision } from './run-event.ts';
import type { RunEvent } from './run-message.ts';
import { completionOf, runView } from './run-view.ts';
import { isTerminalJob } from './states.ts';

describe('invariant 1: every offer has one resolution', () => {
  it('that never changes once it is there', () => {
    everyMove((move) => {
      for (const [was, is] of pairs(move))
        for (const [index, { resolution, resolvedAt }] of was.attempts.entries())
          if (resolution !== null)
            expect(is.attempts[index]).toMatchObject({ resolution, resolvedAt });
    });
  });

  it('and lacks one only while it is open: the last offer of a job that is offered', () => {
    everyMove(({ after }) => {
      for (const job of after.jobs)
        for (const attempt of job.attempts)
          expect(attempt.resolution === null).toBe(
            job.state === 'offered' && attempt === currentAttempt(job),
          );
    });
  });
});

describe('invariant 2: attempts and fences', () => {
  it('attempts are 1 to n without a gap, none is forgotten, and fences rise and lie before their offers', () => {
    everyMove((move) => {
      for (const job of move.after.jobs) {
        expect(job.attempts.map(({ attempt }) => attempt)).toEqual(
          job.attempts.map((_, index) => index + 1),
        );
        for (const [index, { fence }] of job.attempts.entries())
          expect(fence).toBeGreaterThan(job.attempts[index - 1]?.fence ?? 0);
      }
      for (const [was, is] of pairs(move)) {
        expect(is.attempts.length - was.attempts.length).toBeOneOf([0, 1]);
        if (is.attempts.length > was.attempts.length)
          expect(currentAttempt(is)?.fence).toBeLessThan(move.event.seq);
      }
    });
  });

  it('an accepted fact names the current attempt and session, and an agent returns only as itself and later', () => {
    everyMove((move) => {
      const { event } = move;
      if (move.isVoid || !isOfAgent(event)) return;
      const { was, current } = aboutOf(move) ?? {};
      // What was used was used: by an attempt that there was, whatever has become of it.
      if (event.type === 'usage.reported') {
        const of = was?.attempts.find(({ attempt }) => attempt === event.meta.attempt);
        expect(event.meta.agentId).toBe(of?.agentId);
        return;
      }
      expect(was !== undefined && isHeld(was)).toBe(true);
      expect(event.meta.attempt).toBe(current?.attempt);
      if (event.type === 'agent.resumed' || event.type === 'agent.absent') {
        expect(event.meta.agentId).toBe(current?.agentId);
        expect(event.meta.session).toBeGreaterThan(current?.session ?? Number.POSITIVE_INFINITY);
      } else expect(event.meta.session).toBe(current?.session);
    });
  });

  it('a decision that counts names the current attempt, if it names one', () => {
    everyMove((move) => {
      const { event } = move;
      if (move.isVoid || event.type === 'unreadable' || !('attempt' in event.body)) return;
      const attempt = aboutOf(move)?.current?.attempt ?? 0;
      if (event.type === 'job.offered') expect(event.body.attempt).toBe(attempt + 1);
      else if (
        isDecision(event.type) &&
        event.type !== 'job.timed_out' &&
        event.type !== 'job.queued'
      )
        if (event.type !== 'job.skipped') expect(event.body['attempt']).toBe(attempt);
    });
  });

  it('an attempt that was followed by another never changes', () => {
    everyMove((move) => {
      for (const [was, is] of pairs(move))
        for (const [index, attempt] of was.attempts.slice(0, -1).entries())
          expect(is.attempts[index]).toEqual(attempt);
    });
  });
});

describe('invariant 3: one agent runs a job at a time', () => {
  it('a job is offered only while no attempt at it is open', () => {
    everyMove((move) => {
      for (const [was, is] of pairs(move)) {
        if (is.attempts.length === was.attempts.length) continue;
        const last = currentAttempt(was);
        expect(isHeld(was)).toBe(false);
        if (last?.resolution === 'accepted') expect(last.endedAt).not.toBeNull();
        else if (last !== undefined)
          expect(last.resolution).toBeOneOf(['rejected', 'expired', 'withdrawn']);
      }
    });
  });

  it('nobody gets it before the lease of an agent that was given up is surely over', () => {
    everyMove((move) => {
      const { is, was } = aboutOf(move) ?? {};
      if (is === undefined || was === undefined) return;
      if (move.event.type === 'job.offered' && !move.isVoid)
        expect(move.event.at).toBeGreaterThan(was.workedUntil);
      const isDoneAgain = is.retried !== was.retried;
      const lease = move.after.created === null ? 0 : silenceMs(is.spec, move.after.created);
      const isGivenUp =
        move.event.type === 'job.stale' ||
        move.event.type === 'job.cancelled' ||
        (move.event.type === 'agent.lost' && move.event.body.scalerManaged);
      if (isDoneAgain && isGivenUp)
        expect(is.workedUntil).toBeGreaterThanOrEqual(move.event.at + lease);
      if (isDoneAgain) expect(is.notBefore).toBeGreaterThan(is.workedUntil);
    });
  });
});

describe('invariant 4: terminal is final', () => {
  it('no event changes a job that has ended', () => {
    everyMove((move) => {
      for (const [was, is] of pairs(move)) {
        if (!isTerminalJob(was.state)) continue;
        if (move.event.type === 'usage.reported') expect({ ...is, usage: was.usage }).toEqual(was);
        else expect(is).toBe(was);
      }
    });
  });

  it('no event changes a run that has ended, but for its counters and what was used late', () => {
    everyMove(({ before, event, after, isVoid }) => {
      if (before.completed === null) return;
      if (event.type !== 'usage.reported') expect(isVoid).toBe(true);
      const view = (run: Run) => ({
        ...runView(run, event.org, event.runId),
        anomalies: 0,
        seq: 0,
        lateUsage: null,
      });
      expect(view(after)).toEqual(view(before));
    });
  });

  it('a run ends only when all of its jobs have, with the outcome that they have', () => {
    everyMove(({ after }) => {
      if (after.completed === null) return;
      expect(after.jobs.every((job) => isTerminalJob(job.state))).toBe(true);
      expect(after.state).toBe(rollUp(after.jobs));
    });
  });

  it('a run moves from pending to running or cancelling, and never back', () => {
    const order = ['absent', 'pending', 'running', 'cancelling', 'success', 'failed', 'cancelled'];
    everyMove(({ before, after }) => {
      expect(order.indexOf(after.state)).toBeGreaterThanOrEqual(order.indexOf(before.state));
      if (after.state === 'pending')
        expect(after.jobs.every((job) => job.startedAt === null)).toBe(true);
    });
  });
});

describe('what is counted', () => {
  it('offers that nobody took up never pass the budget, and spending it ends the job', () => {
    everyMove(({ after }) => {
      const offersMax = after.created?.offersMax ?? 0;
      for (const job of after.jobs) {
        expect(offersSpent(job)).toBeLessThanOrEqual(offersMax);
        if (offersSpent(job) === offersMax)
          expect(job.failure).toBeOneOf(['offers_exhausted', 'cancelled']);
        const { expired, rejected, withdrawn } = job.spent;
        const { busy, lapsed } = job.unspent;
        const attempts = sinceRetry(job);
        const count = (of: string) => attempts.filter(({ resolution }) => resolution === of).length;
        // An offer that a cancel withdraws, or that had no frame, ends the job: it is held against nothing.
        const stopped = attempts.filter(
          ({ resolution, cause }) =>
            resolution === 'withdrawn' &&
            ['cancelled', 'fail_fast', 'dispatch_too_big'].includes(cause ?? ''),
        ).length;
        expect([expired, rejected + busy, withdrawn + lapsed + stopped]).toEqual([
          count('expired'),
          count('rejected'),
          count('withdrawn'),
        ]);
      }
    });
  });

  it('work is done again as often as its policies say and no more, each time as another attempt', () => {
    everyMove((move) => {
      for (const job of move.after.jobs) {
        for (const [index, used] of job.retried.entries())
          expect(used).toBeLessThanOrEqual(job.spec.retries?.[index]?.max ?? 0);
        expect(job.attempts.filter(({ outcome }) => outcome !== null).length).toBe(
          retriesUsed(job) +
            (isTerminalJob(job.state) &&
            (currentAttempt(job)?.outcome ?? null) !== null &&
            !wentBack(job)
              ? 1
              : 0),
        );
      }
    });
  });

  it('what somebody cancelled never waits for an agent', () => {
    everyMove(({ after }) => {
      for (const job of after.jobs)
        if (job.cancel !== null) expect(isHeld(job) || isTerminalJob(job.state)).toBe(true);
    });
  });

  it('a job that left pending had its needs met, and a skipped one had not', () => {
    everyMove(({ after }) => {
      for (const job of after.jobs) {
        const { kind } = needsOf(job.spec.needs, after.jobs);
        if (job.state === 'skipped' && job.attempts.length === 0) expect(kind).toBe('unmet');
        else if (job.attempts.length > 0 || job.state === 'queued') expect(kind).toBe('met');
      }
    });
  });

  it('nothing ends before it began, and what run.completed carries is always a body of it', () => {
    everyMove(({ after }) => {
      for (const { startedAt, queuedAt, completedAt, steps, attempts } of after.jobs) {
        for (const span of [
          { startedAt, completedAt },
          { startedAt: queuedAt, completedAt },
          ...[steps, ...attempts.map((each) => each.steps)].flat(),
          ...attempts.map((each) => ({ startedAt: each.startedAt, completedAt: each.endedAt })),
          ...attempts.map((each) => ({ startedAt: each.offeredAt, completedAt: each.resolvedAt })),
        ])
          if (span.completedAt !== null && span.startedAt !== null)
            expect(span.completedAt).toBeGreaterThanOrEqual(span.startedAt);
        for (const { waitedMs } of attempts) expect(waitedMs).toBeGreaterThanOrEqual(0);
      }
      const completion = completionOf(after);
      if (completion === undefined) return;
      const body = { ...completion, usage: {}, costUsd: 0, priceGeneration: null, jobs: [] };
      expect(RunCompleted.safeParse(body).error).toBeUndefined();
    });
  });
});

/** Those behind the work that was last to be done again: what was offered before is held against nothing. */
function sinceRetry(job: Run['jobs'][number]): Run['jobs'][number]['attempts'] {
  const done = job.attempts.filter(({ outcome }) => outcome !== null)[retriesUsed(job) - 1];
  return job.attempts.slice(done?.attempt ?? 0);
}

/** Ended in the queue, after its last attempt was to be done again. */
const wentBack = (job: Run['jobs'][number]): boolean =>
  job.attempts.filter(({ outcome }) => outcome !== null).length === retriesUsed(job);

/** People's words name no session: a cancel is about a run, an answer names the request. */
const isOfAgent = ({ type }: RunEvent): boolean =>
  type !== 'unreadable' &&
  !isDecision(type) &&
  type !== 'cancel.requested' &&
  type !== 'approval.answered';
