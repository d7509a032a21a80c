/**
 * What holds for every history of a run, however odd: the invariants of docs/invariants.md by their numbers, and the laws of the
 * fold. A failure prints its seed; FC_RUNS sets how many histories are tried.
 */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { runsOf } from './arbitrary.fixture.ts';
import type { Job } from './job.ts';
import { currentAttempt, isHeld, offersSpent } from './job.ts';
import { needsOf } from './needs.ts';
import { evolveRun, foldRun, initialRun, type Run, rollUp, wasVoid } from './run.ts';
import { isDecision, RunCompleted } from './run-event.ts';
import { anyHistory } from './run-history.fixture.ts';
import { type RunEvent, readRunMessage, runDraft } from './run-message.ts';
import { completionOf, runView } from './run-view.ts';
import { isTerminalJob, JobState } from './states.ts';
import { storedDraft } from './stored.fixture.ts';

type Move = Readonly<{ before: Run; event: RunEvent; after: Run; isVoid: boolean }>;

function movesOf(events: readonly RunEvent[]): readonly Move[] {
  let before = initialRun;
  return events.map((event) => {
    const after = evolveRun(before, event);
    const move = { before, event, after, isVoid: wasVoid(after, event.seq) };
    before = after;
    return move;
  });
}

/** Judges every event of every history. */
const everyMove = (holds: (move: Move) => void, usual = 100): void => {
  fc.assert(
    fc.property(anyHistory, (events) => {
      for (const move of movesOf(events)) holds(move);
    }),
    runsOf(usual),
  );
};

/** Each job as it was and as it is; none before `run.created`. */
const pairs = ({ before, after }: Move): readonly (readonly [Job, Job])[] =>
  before.jobs.flatMap((job, index) => {
    const now = after.jobs[index];
    return now === undefined ? [] : [[job, now] as const];
  });

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
    everyMove(({ before, event, isVoid }) => {
      if (isVoid || event.type === 'unreadable' || isDecision(event.type)) return;
      const job = before.jobs.find((each) => each.spec.jobId === event.meta.jobId);
      const current = job === undefined ? undefined : currentAttempt(job);
      expect(job !== undefined && isHeld(job)).toBe(true);
      expect(event.meta.attempt).toBe(current?.attempt);
      if (event.type === 'agent.resumed' || event.type === 'agent.absent') {
        expect(event.meta.agentId).toBe(current?.agentId);
        expect(event.meta.session).toBeGreaterThan(current?.session ?? Number.POSITIVE_INFINITY);
      } else expect(event.meta.session).toBe(current?.session);
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

describe('invariant 4: terminal is final', () => {
  it('no event changes a job that has ended', () => {
    everyMove((move) => {
      for (const [was, is] of pairs(move)) if (isTerminalJob(was.state)) expect(is).toEqual(was);
    });
  });

  it('no event changes a run that has ended, but for its counters', () => {
    everyMove(({ before, event, after, isVoid }) => {
      if (before.completed === null) return;
      expect(isVoid).toBe(true);
      const view = (run: Run) => ({
        ...runView(run, event.org, event.runId),
        anomalies: 0,
        seq: 0,
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
});

describe('the fold', () => {
  it('is total and pure: nothing that it was given changes', () => {
    fc.assert(
      fc.property(anyHistory, (events) => {
        deepFreeze(events);
        let run = deepFreeze(initialRun);
        for (const event of events) run = deepFreeze(evolveRun(run, event));
      }),
      runsOf(100),
    );
  });

  it('makes the same of every event delivered twice, at once or all over again', () => {
    fc.assert(
      fc.property(anyHistory, (events) => {
        const once = foldRun(events);
        expect(foldRun(events.flatMap((event) => [event, event]))).toEqual(once);
        expect(foldRun(events, once)).toBe(once);
      }),
      runsOf(100),
    );
  });

  it('may stop anywhere and go on later', () => {
    fc.assert(
      fc.property(anyHistory, fc.nat(), (events, cut) => {
        const at = cut % (events.length + 1);
        expect(foldRun(events.slice(at), foldRun(events.slice(0, at)))).toEqual(foldRun(events));
      }),
      runsOf(100),
    );
  });

  it('counts a void event and changes nothing else', () => {
    everyMove(({ before, event, after, isVoid }) => {
      expect(after.seq).toBe(event.seq);
      expect(after.anomalies).toBe(before.anomalies + (isVoid ? 1 : 0));
      if (!isVoid) return;
      const { state, created, requestId, traceparent, createdAt, completed, jobs } = before;
      const kept = { state, created, requestId, traceparent, createdAt, completed, jobs };
      expect(after).toEqual({ ...after, ...kept });
    });
  });

  it('does not see poison: without it, the run is the same but for the count', () => {
    fc.assert(
      fc.property(anyHistory, (events) => {
        const view = (run: Run) => ({ ...runView(run, 'main', 'r'), anomalies: 0, seq: 0 });
        const clean = events.filter((event) => event.type !== 'unreadable');
        expect(view(foldRun(clean))).toEqual(view(foldRun(events)));
      }),
      runsOf(100),
    );
  });

  it('makes the same of events that went through the log', () => {
    fc.assert(
      fc.property(anyHistory, (events) => {
        const read = events.map((event) => {
          if (event.type === 'unreadable') return event;
          const to = event.type === 'job.offered' ? { to: event.body.agentId } : {};
          const draft = runDraft({
            org: event.org,
            runId: event.runId,
            type: event.type,
            meta: event.meta,
            body: event.body,
            ...to,
          });
          return readRunMessage(storedDraft(draft, event.seq, event.at)) ?? event;
        });
        // What was never valid reads as poison, and is folded as that on both sides.
        const told = events.map((event, index) =>
          read[index]?.type === 'unreadable' ? read[index] : event,
        );
        expect(read).toEqual(
          told.map((event) => (event.type === 'unreadable' ? event : withRun(event))),
        );
        expect(foldRun(read)).toEqual({ ...foldRun(told), seen: foldRun(read).seen });
      }),
      runsOf(100),
    );
  });
});

describe('budgets, needs and times', () => {
  it('offers that nobody took up never pass the budget, and spending it fails the job', () => {
    everyMove(({ after }) => {
      const offersMax = after.created?.offersMax ?? 0;
      for (const job of after.jobs) {
        expect(offersSpent(job)).toBeLessThanOrEqual(offersMax);
        expect(job.attempts.length).toBeLessThanOrEqual(offersMax);
        if (offersSpent(job) === offersMax)
          expect(job).toMatchObject({ state: 'failed', failure: 'offers_exhausted' });
        const { expired, rejected, withdrawn } = job.spent;
        const count = (of: string) =>
          job.attempts.filter(({ resolution }) => resolution === of).length;
        expect([expired, rejected, withdrawn]).toEqual([
          count('expired'),
          count('rejected'),
          count('withdrawn'),
        ]);
      }
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

  it('an expiry lies behind its deadline by its own time', () => {
    everyMove(({ before, event, isVoid }) => {
      if (isVoid || event.type !== 'job.expired') return;
      const job = before.jobs.find((each) => each.spec.jobId === event.body.jobId);
      expect(event.at).toBeGreaterThan(
        job === undefined ? Number.POSITIVE_INFINITY : (currentAttempt(job)?.until ?? 0),
      );
    });
  });

  it('nothing ends before it began, and what run.completed carries is always a body of it', () => {
    everyMove(({ after }) => {
      for (const { startedAt, queuedAt, completedAt, steps } of after.jobs)
        for (const span of [
          { startedAt, completedAt },
          { startedAt: queuedAt, completedAt },
          ...steps,
        ])
          if (span.completedAt !== null && span.startedAt !== null)
            expect(span.completedAt).toBeGreaterThanOrEqual(span.startedAt);
      const completion = completionOf(after);
      if (completion === undefined) return;
      const body = { ...completion, usage: {}, costUsd: 0, priceGeneration: null, jobs: [] };
      expect(RunCompleted.safeParse(body).error).toBeUndefined();
    });
  });
});

describe('the view', () => {
  it('is JSON as it stands: what a client reads back is what was written', () => {
    fc.assert(
      fc.property(anyHistory, (events) => {
        const view = runView(foldRun(events), 'main', 'r');
        expect(JSON.parse(JSON.stringify(view))).toStrictEqual(view);
      }),
      runsOf(100),
    );
  });

  it('says what blocks a job only while it is pending or queued', () => {
    everyMove(({ after }) => {
      for (const job of runView(after, 'main', 'r').jobs) {
        const { state, blockedBy } = job;
        if (state === 'queued') expect(blockedBy).not.toEqual([]);
        else if (state !== 'pending') expect(blockedBy).toEqual([]);
      }
    }, 100);
  });
});

it('the histories get everywhere: to every state that this version reaches, every resolution, every reason to be void', () => {
  const states = new Set<string>();
  const resolutions = new Set<string>();
  const reasons = new Set<string>();
  const runs = new Set<string>();
  for (const events of fc.sample(anyHistory, { numRuns: 600, seed: 7 }))
    for (const { after } of movesOf(events)) {
      runs.add(after.state);
      for (const job of after.jobs) {
        states.add(job.state);
        for (const { resolution } of job.attempts) resolutions.add(String(resolution));
      }
      if (after.lastVoid !== null) reasons.add(after.lastVoid.why);
    }
  expect([...states].toSorted()).toEqual(
    JobState.options.filter((state) => state !== 'held' && state !== 'waiting').toSorted(),
  );
  expect([...runs].toSorted()).toEqual([
    'absent',
    'cancelled',
    'failed',
    'pending',
    'running',
    'success',
  ]);
  expect([...resolutions].toSorted()).toEqual([
    'accepted',
    'expired',
    'null',
    'rejected',
    'withdrawn',
  ]);
  expect([...reasons].toSorted()).toEqual([
    'after-end',
    'before-created',
    'created-twice',
    'foreign-run',
    'foreign-session',
    'needs-open',
    'not-due',
    'not-later',
    'not-offered',
    'not-pending',
    'not-queued',
    'not-recovering',
    'not-running',
    'repeated',
    'stale-attempt',
    'step-ended',
    'unknown-job',
    'unreadable',
    'wrong-attempt',
    'wrong-fence',
    'wrong-outcome',
  ]);
});

/** As it reads: the run's id stands in the envelope too. */
const withRun = <E extends RunEvent>(event: E): E => ({
  ...event,
  meta: { ...event.meta, runId: event.runId },
});

/** Frozen to the ground; a set refuses to grow. */
function deepFreeze<T>(value: T): T {
  if (typeof value !== 'object' || value === null || Object.isFrozen(value)) return value;
  if (value instanceof Set) Object.assign(value, { add: refuse, delete: refuse, clear: refuse });
  for (const inner of Object.values(value)) deepFreeze(inner);
  return Object.freeze(value);
}

const refuse = (): never => {
  throw new Error('the fold changed what it was given');
};
