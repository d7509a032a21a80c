/** Work that failed and is done again: by policy, after a backoff, and not before the agent before has surely stopped. */
import { describe, expect, it } from 'vitest';
import { history, JOB } from './run.fixture.ts';
import { foldRun } from './run.ts';
import type { RetryPolicy } from './run-created.ts';

type History = ReturnType<typeof history>;
const jobOf = (h: History) => foldRun(h.events).jobs[0];
const policy = (change: Partial<RetryPolicy> = {}): RetryPolicy => ({
  on: ['failed'],
  max: 2,
  backoffMs: 1_000,
  backoffMaxMs: 3_000,
  ...change,
});
const running = (...retries: readonly RetryPolicy[]) => {
  const h = history();
  h.created([{ name: 'a', retries: [...retries], timeoutMs: 5_000 }]);
  h.offered(1, 7);
  h.ack(1, 7);
  return h;
};
const failsWith = (h: History, exitCode: number, attempt = 1, session = 7) => {
  const about = { jobId: JOB, attempt, session };
  h.add('step.status', { stepIndex: 0, stepName: 's', state: 'failed', data: { exitCode } }, about);
  h.add('job.status', { state: 'failed', data: { outputs: { a: 1 } } }, about);
};

describe('work that failed', () => {
  it('is queued again by the same event, for as often as its policy says', () => {
    const h = running(policy());
    h.status(1, 7, 'failed');
    const first = jobOf(h);
    expect(first).toMatchObject({
      state: 'queued',
      retried: [1],
      failure: 'failed',
      attempts: [{ resolution: 'accepted', outcome: 'failed', endedAt: h.at() }],
      spent: { expired: 0, rejected: 0, withdrawn: 0 },
    });
    for (const attempt of [2, 3]) {
      h.add('job.offered', offer(h, attempt), { jobId: JOB, at: jobOf(h)?.notBefore ?? 0 });
      h.ack(attempt, 9);
      expect(jobOf(h)).toMatchObject({ failure: null, startedAt: first?.startedAt });
      h.status(attempt, 9, 'failed');
    }
    expect(jobOf(h)).toMatchObject({ state: 'failed', retried: [2] });
    expect(jobOf(h)?.attempts.map(({ outcome }) => outcome)).toEqual([
      'failed',
      'failed',
      'failed',
    ]);
  });

  it('has the whole budget of offers again: offers that nobody took up are counted for each time it is done', () => {
    const h = history();
    h.created([{ name: 'a', retries: [policy({ backoffMs: 0, backoffMaxMs: 0 })] }]);
    for (const attempt of [1, 2, 3, 4]) {
      h.offered(attempt, attempt);
      h.expired(attempt);
    }
    expect(jobOf(h)?.spent.expired).toBe(4);
    h.offered(5, 5);
    h.ack(5, 5);
    h.status(5, 5, 'failed');
    expect(jobOf(h)).toMatchObject({ state: 'queued', spent: { expired: 0 } });
    for (const attempt of [6, 7, 8, 9, 10]) {
      expect(jobOf(h)?.state).toBe('queued');
      h.offered(attempt, attempt);
      h.expired(attempt);
    }
    expect(jobOf(h)).toMatchObject({ failure: 'offers_exhausted', spent: { expired: 5 } });
  });

  it('waits longer each time up to the cap, and equally for every reader', () => {
    const h = running(policy({ max: 5 }));
    const waits: number[] = [];
    for (let attempt = 1; attempt <= 4; attempt++) {
      h.status(attempt, attempt === 1 ? 7 : 9, 'failed');
      const job = jobOf(h);
      waits.push((job?.notBefore ?? 0) - h.at());
      // Held back is not waiting for an agent.
      expect(job?.waitsSince).toBe(job?.notBefore);
      h.add('job.offered', offer(h, attempt + 1), { jobId: JOB, at: job?.notBefore ?? 0 });
      h.ack(attempt + 1, 9);
    }
    for (const [index, full] of [1_000, 2_000, 3_000, 3_000].entries()) {
      expect(waits[index]).toBeGreaterThanOrEqual(full / 2);
      expect(waits[index]).toBeLessThanOrEqual(full);
    }
  });

  it('keeps its steps with the attempt, and its outputs only if nothing follows', () => {
    const h = running(policy());
    failsWith(h, 1);
    expect(jobOf(h)).toMatchObject({
      steps: [],
      outputs: {},
      attempts: [{ steps: [{ index: 0, state: 'failed', exitCode: 1 }] }],
    });
    const once = running();
    failsWith(once, 1);
    expect(jobOf(once)).toMatchObject({
      state: 'failed',
      outputs: { a: 1 },
      steps: [{ exitCode: 1 }],
      attempts: [{ steps: [] }],
    });
  });

  it('is judged by the first policy that fits its cause and its exit code, and by no other', () => {
    const policies = [
      policy({ exitCodes: [75], max: 1 }),
      policy({ on: ['agent_lost', 'failed'], max: 1 }),
    ];
    const other = running(...policies);
    failsWith(other, 1);
    expect(jobOf(other)?.retried).toEqual([0, 1]);
    const h = running(...policies);
    failsWith(h, 75);
    expect(jobOf(h)?.retried).toEqual([1, 0]);
    h.add('job.offered', offer(h, 2), { jobId: JOB, at: h.at() + 1_000 });
    h.ack(2, 9);
    failsWith(h, 75, 2, 9);
    expect(jobOf(h)).toMatchObject({ state: 'failed', retried: [1, 0] });
    const unknown = running(policy({ on: ['agent_lost'] }));
    failsWith(unknown, 1);
    expect(jobOf(unknown)?.state).toBe('failed');
  });

  it('at its own limit, by the word of its agent, is repeated as that', () => {
    const h = running(policy({ on: ['job_timeout'] }));
    h.add(
      'job.status',
      { state: 'failed', data: { error: 'job_timeout: after 5 s' } },
      { jobId: JOB, attempt: 1, session: 7 },
    );
    expect(jobOf(h)).toMatchObject({ state: 'queued', failure: 'job_timeout: after 5 s' });
  });

  it('is no drifted job, though its agent drops it: it began', () => {
    const h = running(policy());
    h.add(
      'job.status',
      { state: 'failed', droppedJobs: ['a'] },
      { jobId: JOB, attempt: 1, session: 7 },
    );
    expect(jobOf(h)?.state).toBe('queued');
  });
});

describe('work whose agent was given up', () => {
  const again = policy({
    on: ['agent_lost', 'timed_out_stale', 'job_timeout'],
    backoffMs: 0,
    backoffMaxMs: 0,
  });

  it('is not offered before the lease of that agent is surely over', () => {
    const cases: readonly (readonly [(h: History) => void, leaseMs: number])[] = [
      [(h) => h.lost(1, 7, true), 120_000],
      [
        (h) =>
          h.add(
            'job.stale',
            { jobId: JOB, attempt: 1, heartbeat: null },
            {
              jobId: JOB,
              at: h.at() + 120_001,
            },
          ),
        120_000,
      ],
      [
        (h) => {
          h.stop(1, { reason: 'job_timeout', force: true }, h.at() + 5_001);
          h.add(
            'job.cancelled',
            { jobId: JOB, attempt: 1, reason: 'job_timeout' },
            {
              jobId: JOB,
              at: h.at() + 30_001,
            },
          );
        },
        120_000,
      ],
    ];
    for (const [giveUp, leaseMs] of cases) {
      const h = running(again);
      giveUp(h);
      const job = jobOf(h);
      expect(job).toMatchObject({ state: 'queued', workedUntil: h.at() + leaseMs });
      const end = job?.workedUntil ?? 0;
      expect(job?.notBefore).toBe(end + 1);
      h.add('job.offered', offer(h, 2), { jobId: JOB, at: end });
      expect(foldRun(h.events).lastVoid?.why).toBe('not-due');
      h.add('job.offered', offer(h, 2), { jobId: JOB, at: end + 1 });
      expect(jobOf(h)?.state).toBe('offered');
    }
  });

  it('counts its lease from the loss, not from when that was given up', () => {
    const h = running(again);
    const lost = h.lost(1, 7);
    h.add('job.lost', { jobId: JOB, attempt: 1 }, { jobId: JOB, at: lost.at + 120_001 });
    expect(jobOf(h)).toMatchObject({ state: 'queued', workedUntil: lost.at + 120_000 });
  });

  it('may go on at once where the agent came back without it: nothing is at work', () => {
    const h = running(again);
    h.lost(1, 7);
    h.back('agent.absent', 1, 9, 7);
    expect(jobOf(h)).toMatchObject({ state: 'queued', workedUntil: 0, failure: 'agent_lost' });
  });

  it('is stopped at its own limit, and done again if that is to be repeated', () => {
    const h = running(again);
    h.stop(1, { reason: 'job_timeout' }, h.at() + 5_001);
    h.status(1, 7, 'cancelled');
    expect(jobOf(h)).toMatchObject({
      state: 'queued',
      failure: 'job_timeout',
      attempts: [{ outcome: 'failed', cause: 'job_timeout' }],
    });
  });
});

function offer(h: History, attempt: number) {
  return {
    jobId: JOB,
    attempt,
    fence: h.seq(),
    agentId: 'agent-9',
    session: 9,
    ackTimeoutMs: 10_000,
    reason: 'retry',
  } as const;
}
