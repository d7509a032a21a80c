import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { runsOf } from './arbitrary.fixture.ts';
import { marksOf } from './id-set.ts';
import type { Job } from './job.ts';
import { compact, lean } from './lean.ts';
import { evolveRun, initialRun, type Run } from './run.ts';
import { anyHistory } from './run-history.fixture.ts';
import type { RunEvent } from './run-message.ts';
import { decodeRun, encodeRun } from './stored-run.ts';

/** As whoever decides folds it. */
const folded = (run: Run, event: RunEvent): Run => {
  const next = evolveRun(run, lean(event));
  return event.type === 'run.created' ? compact(next) : next;
};

const stepsDecidedBy = (steps: Job['steps']): object[] =>
  steps.map((each) => ({ ...each, name: '' }));

/** Everything of a run that a decision may depend on. */
const decidedBy = ({ created, completed: _completed, jobs, seen, ...most }: Run): object => ({
  ...most,
  seen: marksOf(seen),
  limits: created && [created.runId, created.org, created.offersMax, created.ackTimeoutMs],
  times: created && [created.recoveryMs, created.staleMs, created.cancelGraceMs, created.failFast],
  jobs: jobs.map(({ spec, failure, outputs: _outputs, steps, attempts, approvals, ...job }) => ({
    ...job,
    artifacts: [],
    approvals: approvals.map((each) => ({ ...each, stepName: null, reason: '' })),
    hasFailed: failure !== null,
    spec: { ...spec, config: null, matrixValues: null },
    steps: stepsDecidedBy(steps),
    attempts: attempts.map((each) => ({ ...each, steps: stepsDecidedBy(each.steps) })),
  })),
});

describe('a lean run', () => {
  it('says after every event all that a decision depends on, as the whole one says it', () => {
    fc.assert(
      fc.property(anyHistory, (events) => {
        let whole = initialRun;
        let kept = initialRun;
        for (const event of events) {
          whole = evolveRun(whole, event);
          kept = folded(kept, event);
          expect(decidedBy(kept)).toEqual(decidedBy(whole));
        }
      }),
      runsOf(150),
    );
  });

  it('is the same again from its text, and goes on from there as it would have gone', () => {
    fc.assert(
      fc.property(anyHistory, fc.nat(60), (events, cut) => {
        let kept = initialRun;
        for (const event of events.slice(0, cut)) kept = folded(kept, event);
        let restored = decodeRun(encodeRun(kept));
        expect({ ...restored, seen: marksOf(restored.seen) }).toEqual({
          ...kept,
          seen: marksOf(kept.seen),
        });
        for (const event of events.slice(cut)) {
          kept = folded(kept, event);
          restored = folded(restored, event);
          expect(decidedBy(restored)).toEqual(decidedBy(kept));
        }
      }),
      runsOf(150),
    );
  });
});
