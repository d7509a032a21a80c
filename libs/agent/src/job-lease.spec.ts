import { type Clock, manualClock } from '@waybill/process';
import { describe, expect, it } from 'vitest';
import { createJobLease } from './job-lease.ts';
import { agentTiming } from './timing.ts';

const leaseMs = 120_000;

describe('the lease of a job', () => {
  it('ends it although its timers fire a little early, as timers of whole milliseconds do', async () => {
    const manual = manualClock(1_000_000);
    const beganMs = manual.monotonicMs();
    const clock: Clock = {
      ...manual,
      after: (ms, run, options) => manual.after(Math.max(1, ms - 1), run, options),
    };
    const lapses: [forced: boolean, atMs: number][] = [];
    const lease = createJobLease({
      clock,
      timing: agentTiming,
      beat: () => undefined,
      onLimit: () => undefined,
      onLapse: (_leaseMs, force) => lapses.push([force, manual.monotonicMs() - beganMs]),
    });
    lease.begin(leaseMs);
    await manual.advance(2 * leaseMs);
    lease.end();
    expect(lapses).toEqual([
      [false, leaseMs - agentTiming.leaseMarginMs],
      [true, leaseMs],
    ]);
  });
});
