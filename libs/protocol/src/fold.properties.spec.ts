/** The laws of the fold, for every history however odd or hostile: total, pure, blind to redelivery, and equal wherever it stops. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isOpenApproval } from './approval.ts';
import { runsOf } from './arbitrary.fixture.ts';
import { hasId } from './id-set.ts';
import { lean } from './lean.ts';
import { everyMove } from './moves.fixture.ts';
import { evolveRun, foldRun, initialRun, type Run } from './run.ts';
import { isAddressed, runEventBodies } from './run-event.ts';
import { anyHistory } from './run-history.fixture.ts';
import { type RunEvent, readRunMessage, runDraft } from './run-message.ts';
import { completionOf, runView } from './run-view.ts';
import { storedDraft } from './stored.fixture.ts';
import { decodeRun, encodeRun } from './stored-run.ts';

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

  it('and a view of it can be written, whatever a body that can be read says', () => {
    const anyValue = fc.oneof(
      fc.jsonValue(),
      fc.constantFrom(Number.MAX_SAFE_INTEGER, 8.64e15, 0, -1, '', [], {}, null),
    );
    fc.assert(
      fc.property(anyHistory, fc.array(fc.tuple(fc.nat(), fc.nat(), anyValue)), (events, odd) => {
        const told = [...events];
        for (const [place, key, value] of odd) {
          const at = place % Math.max(1, told.length);
          const event = told[at];
          if (event !== undefined) told[at] = withOdd(event, key, value);
        }
        let run = initialRun;
        for (const event of told) {
          run = evolveRun(run, event);
          completionOf(run);
        }
        const view = runView(run, 'main', 'r', { now: 1 });
        expect(JSON.parse(JSON.stringify(view))).toStrictEqual(view);
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

  it('does not see a snapshot: lean runs that were written and read anywhere go on as if they had not been', () => {
    fc.assert(
      fc.property(anyHistory, fc.array(fc.nat(), { maxLength: 3 }), (events, cuts) => {
        const told = events.map(lean);
        const at = new Set(cuts.map((cut) => cut % (events.length + 1)));
        let run = initialRun;
        for (const [index, event] of told.entries()) {
          if (at.has(index)) run = decodeRun(encodeRun(run));
          run = evolveRun(run, event);
        }
        const straight = foldRun(told);
        expect({ ...run, seen: [] }).toEqual({ ...straight, seen: [] });
        for (const { id } of events) expect(hasId(run.seen, id)).toBe(hasId(straight.seen, id));
      }),
      runsOf(100),
    );
  });

  it('decides by lean events as by whole ones', () => {
    fc.assert(
      fc.property(anyHistory, (events) => {
        let whole = initialRun;
        let slim = initialRun;
        for (const event of events) {
          whole = evolveRun(whole, event);
          slim = evolveRun(slim, lean(event));
          expect(decisive(slim)).toEqual(decisive(whole));
          expect(completionOf(slim)).toEqual(completionOf(whole));
        }
      }),
      runsOf(100),
    );
  });

  it('counts a void event and changes nothing else', () => {
    everyMove(({ before, event, after, isVoid }) => {
      expect(after.seq).toBe(event.seq);
      expect(after.anomalies).toBe(before.anomalies + (isVoid ? 1 : 0));
      if (!isVoid) return;
      const { seq: _seq, anomalies: _anomalies, lastVoid: _last, seen: _seen, ...kept } = before;
      const { firstSeq: _first, ...state } = kept;
      expect(after).toEqual({ ...after, ...state });
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
          const { org, runId, type, meta, body } = event;
          const to = isAddressed(type) ? { to: 'agent-1' } : {};
          const draft = runDraft({ org, runId, type, meta, body, ...to });
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

describe('the view', () => {
  it('says what blocks a job while it is pending, held, queued or asks for approval, and only then', () => {
    everyMove(({ after }) => {
      for (const [index, { state, blockedBy }] of runView(after, 'main', 'r').jobs.entries()) {
        const asks = after.jobs[index]?.approvals.some(isOpenApproval) ?? false;
        const isBlocked = state === 'queued' || state === 'pending' || asks;
        expect([state, blockedBy].flat().length > 1).toBe(isBlocked);
      }
    });
  });
});

/** The event with another value in one field of its body, as far as its schema lets it through. */
function withOdd(event: RunEvent, key: number, value: unknown): RunEvent {
  if (event.type === 'unreadable') return event;
  const keys = Object.keys(event.body);
  const name = keys[key % Math.max(1, keys.length)] ?? 'x';
  const parsed = runEventBodies[event.type].safeParse({ ...event.body, [name]: value });
  // A body that the type's own schema let through.
  return parsed.success ? ({ ...event, body: parsed.data } as RunEvent) : event;
}

/** What deciders look at: all but what is passed on to agents, or is for people. */
const decisive = (run: Run) => ({
  ...run,
  created: run.created && { offersMax: run.created.offersMax, staleMs: run.created.staleMs },
  seen: [],
  jobs: run.jobs.map((job) => ({
    ...job,
    spec: { ...job.spec, config: {}, matrixValues: {} },
    failure: job.failure === null,
    outputs: {},
    artifacts: [],
    approvals: job.approvals.map((each) => ({ ...each, stepName: null, reason: '' })),
    steps: job.steps.map((step) => ({ ...step, name: '' })),
    attempts: job.attempts.map((each) => ({
      ...each,
      steps: each.steps.map((step) => ({ ...step, name: '' })),
    })),
  })),
});

/** As it reads: the run's id stands in the envelope too. */
const withRun = <E extends RunEvent>(event: E): E => ({
  ...event,
  meta: { ...event.meta, runId: event.runId },
});

/** Frozen to the ground. */
function deepFreeze<T>(value: T): T {
  if (typeof value !== 'object' || value === null || Object.isFrozen(value)) return value;
  for (const inner of Object.values(value)) deepFreeze(inner);
  return Object.freeze(value);
}
