/** The random histories that the properties are tried on get everywhere: else what they show would mean little. */
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { retriesUsed } from './job.ts';
import { movesOf } from './moves.fixture.ts';
import { anyHistory } from './run-history.fixture.ts';
import { JobState, RunState } from './states.ts';
import { voidReasons } from './void.ts';

it('to every state that this version reaches, every resolution, every reason to be void', () => {
  const states = new Set<string>();
  const resolutions = new Set<string>();
  const reasons = new Set<string>();
  const runs = new Set<string>();
  const failures = new Set<string>();
  const approvals = new Set<string>();
  let retried = 0;
  for (const events of fc.sample(anyHistory, { numRuns: 3_000, seed: 9 }))
    for (const { after } of movesOf(events)) {
      runs.add(after.state);
      for (const job of after.jobs) {
        states.add(job.state);
        retried = Math.max(retried, retriesUsed(job));
        if (job.failure !== null) failures.add(job.failure);
        for (const { resolution } of job.attempts) resolutions.add(String(resolution));
        for (const { outcome } of job.approvals) approvals.add(String(outcome));
      }
      if (after.lastVoid !== null) reasons.add(after.lastVoid.why);
    }
  expect([...states].toSorted()).toEqual(
    JobState.options.filter((state) => state !== 'waiting').toSorted(),
  );
  expect([...runs].toSorted()).toEqual(['absent', ...RunState.options].toSorted());
  expect([...resolutions].toSorted()).toEqual([
    'accepted',
    'expired',
    'null',
    'rejected',
    'withdrawn',
  ]);
  expect([...reasons].toSorted()).toEqual([...voidReasons].toSorted());
  expect([...approvals].toSorted()).toEqual([
    'approved',
    'expired',
    'null',
    'rejected',
    'withdrawn',
  ]);
  for (const failure of [
    'agent_lost',
    'approval_expired',
    'approval_rejected',
    'cancelled',
    'fail_fast',
    'job_timeout',
    'no_heartbeat',
    'offers_exhausted',
    'queue_timeout',
  ])
    expect(failures).toContain(failure);
  expect(retried).toBeGreaterThan(1);
});
