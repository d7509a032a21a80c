/** The deadlines of a job that are not about its offers: the wait for an agent, its own limit, silence, and approvals that stop the clock. */
import { describe, expect, it } from 'vitest';
import { runsUntil } from './attempt.ts';
import { history, JOB, type JobShape } from './run.fixture.ts';
import { foldRun } from './run.ts';

type History = ReturnType<typeof history>;
const jobOf = (h: History) => foldRun(h.events).jobs[0];
const whyVoid = (h: History) => foldRun(h.events).lastVoid?.why;
const offered = (shape: Partial<JobShape> = {}) => {
  const h = history();
  h.created([{ name: 'a', ...shape }]);
  h.offered(1, 7);
  return h;
};
const running = (shape: Partial<JobShape> = {}) => {
  const h = offered(shape);
  h.ack(1, 7);
  return h;
};

describe('the wait for an agent', () => {
  const timedOut = (h: History, at: number) =>
    h.add('job.timed_out', { jobId: JOB }, { jobId: JOB, at });

  it('has a limit that offers which come to nothing do not begin anew', () => {
    const h = history();
    const created = h.created([{ name: 'a', queueTimeoutMs: 60_000 }]);
    h.offered(1, 7);
    timedOut(h, created.at + 60_001);
    expect(whyVoid(h)).toBe('not-waiting');
    h.expired(1);
    timedOut(h, created.at + 60_000);
    expect(whyVoid(h)).toBe('not-due');
    timedOut(h, created.at + 60_001);
    expect(jobOf(h)).toMatchObject({ state: 'failed', failure: 'queue_timeout' });
  });

  it('is as long as it takes where nobody set a limit', () => {
    const h = history();
    h.created();
    timedOut(h, h.at() + 1e9);
    expect(whyVoid(h)).toBe('not-waiting');
  });
});

describe('the limit of a job', () => {
  const overTime = (h: History, at: number) => h.stop(1, { reason: 'job_timeout' }, at);

  it('holds however often its agent is heard, and stops it with its outcome failed', () => {
    const h = running({ timeoutMs: 5_000 });
    const began = h.at();
    h.step(1, 7, 0, 'running');
    overTime(h, began + 5_000);
    expect(whyVoid(h)).toBe('not-due');
    overTime(h, began + 5_001);
    expect(jobOf(h)).toMatchObject({
      state: 'cancelling',
      attempts: [{ stop: { reason: 'job_timeout', outcome: 'failed' } }],
    });
    h.status(1, 7, 'cancelled');
    expect(jobOf(h)).toMatchObject({ state: 'failed', failure: 'job_timeout' });
  });

  it('is none for a job without one, and cannot be over before it began', () => {
    const h = running();
    overTime(h, h.at() + 1e9);
    expect(whyVoid(h)).toBe('not-due');
    const early = offered({ timeoutMs: 5_000 });
    overTime(early, early.at() + 1e9);
    expect(whyVoid(early)).toBe('not-due');
  });

  it('stands still from the first request for approval to the last answer', () => {
    const h = running({ timeoutMs: 5_000 });
    const began = h.at();
    const request = (messageId: string, at: number) =>
      h.add(
        'approval.requested',
        { messageId, stepIndex: 0 },
        { jobId: JOB, attempt: 1, session: 7, at },
      );
    const answer = (requestId: string, at: number) =>
      h.add('approval.answered', { requestId, outcome: 'approved' }, { jobId: JOB, at });
    const limit = () => {
      const attempt = jobOf(h)?.attempts[0];
      return attempt === undefined ? undefined : runsUntil(attempt, 5_000);
    };
    request('m1', began + 1_000);
    request('m1', began + 1_001);
    expect(whyVoid(h)).toBe('repeated');
    request('m2', began + 2_000);
    overTime(h, began + 60_000);
    expect(whyVoid(h)).toBe('not-due');
    answer('m1', began + 61_000);
    expect(limit()).toBeUndefined();
    answer('m2', began + 101_000);
    expect(limit()).toBe(began + 105_000);
    answer('m2', began + 101_001);
    expect(whyVoid(h)).toBe('not-waiting');
    overTime(h, began + 105_001);
    expect(jobOf(h)?.state).toBe('cancelling');
  });

  it('goes on where the answer never came, once its agent is back: such a wait ended with the connection', () => {
    const h = running({ timeoutMs: 5_000 });
    const began = h.at();
    const request = (session: number, at: number) =>
      h.add(
        'approval.requested',
        { messageId: 'm1', stepIndex: 0 },
        { jobId: JOB, attempt: 1, session, at },
      );
    const limit = () => {
      const attempt = jobOf(h)?.attempts[0];
      return attempt === undefined ? undefined : runsUntil(attempt, 5_000);
    };
    request(7, began + 1_000);
    const about = { jobId: JOB, attempt: 1, session: 9, agentId: 'agent-7', at: began + 61_000 };
    h.add('agent.resumed', { previousSession: 7 }, about);
    expect(jobOf(h)?.attempts[0]).toMatchObject({ waitingSince: null, waitedMs: 60_000 });
    expect(jobOf(h)?.approvals).toMatchObject([{ outcome: 'withdrawn' }]);
    expect(limit()).toBe(began + 65_000);
    request(9, began + 62_000);
    expect(limit()).toBeUndefined();
    h.add(
      'approval.answered',
      { requestId: 'm1', outcome: 'rejected' },
      { jobId: JOB, at: began + 63_000 },
    );
    expect(limit()).toBe(began + 66_000);
  });

  it('is not met by an answer to another attempt that asked under the same id', () => {
    const h = running();
    h.add(
      'approval.requested',
      { messageId: 'm1', stepIndex: 0 },
      { jobId: JOB, attempt: 1, session: 7 },
    );
    h.add(
      'approval.answered',
      { requestId: 'm1', outcome: 'approved' },
      { jobId: JOB, attempt: 2 },
    );
    expect(whyVoid(h)).toBe('stale-attempt');
  });
});

describe('silence', () => {
  it('is not declared by somebody who looked for heartbeats long ago', () => {
    const h = running();
    const at = h.at() + 120_001;
    const stale = (readAt: number) =>
      h.add('job.stale', { jobId: JOB, attempt: 1, heartbeat: null, readAt }, { jobId: JOB, at });
    stale(at - 10_001);
    expect(whyVoid(h)).toBe('outdated');
    stale(at - 10_000);
    expect(jobOf(h)?.state).toBe('timed_out_stale');
  });

  it('is as long as the job says, where it does; so is the lease of whoever is given up then', () => {
    const retries = [{ on: ['timed_out_stale'], max: 1, backoffMs: 0, backoffMaxMs: 0 }] as const;
    const h = running({
      heartbeatTimeoutMs: 300_000,
      retries: retries.map((each) => ({ ...each, on: [...each.on] })),
    });
    const silentAt = h.at() + 300_000;
    const stale = (at: number) =>
      h.add('job.stale', { jobId: JOB, attempt: 1, heartbeat: null }, { jobId: JOB, at });
    stale(silentAt);
    expect(whyVoid(h)).toBe('not-due');
    stale(silentAt + 1);
    expect(jobOf(h)).toMatchObject({ state: 'queued', workedUntil: silentAt + 300_001 });
  });

  it('counts for a lost agent too: nobody begins before its lease, as long as the job says, is over', () => {
    const retries = [{ on: ['agent_lost' as const], max: 1, backoffMs: 0, backoffMaxMs: 0 }];
    const shape = { heartbeatTimeoutMs: 300_000, retries };
    const gone = running(shape);
    gone.lost(1, 7, true);
    expect(jobOf(gone)).toMatchObject({ state: 'queued', workedUntil: gone.at() + 300_000 });
    const lost = running(shape);
    const { at } = lost.lost(1, 7);
    lost.add('job.lost', { jobId: JOB, attempt: 1 }, { jobId: JOB, at: at + 120_001 });
    expect(jobOf(lost)).toMatchObject({ state: 'queued', workedUntil: at + 300_000 });
    const forced = running({
      timeoutMs: 5_000,
      heartbeatTimeoutMs: 300_000,
      retries: [{ ...retries[0], on: ['job_timeout'], max: 1, backoffMs: 0, backoffMaxMs: 0 }],
    });
    forced.stop(1, { reason: 'job_timeout' }, forced.at() + 5_001);
    forced.stop(1, { force: true, graceMs: 10_000 });
    const body = { jobId: JOB, attempt: 1, reason: 'job_timeout' as const };
    forced.add('job.cancelled', body, { jobId: JOB, at: forced.at() + 10_001 });
    expect(jobOf(forced)).toMatchObject({ state: 'queued', workedUntil: forced.at() + 300_000 });
  });
});

describe('a gateway that is gone for good', () => {
  const ended = (h: History, session = 7) =>
    h.add(
      'session.ended',
      { jobId: JOB, attempt: 1, session, cause: 'gateway_lost' },
      { jobId: JOB },
    );

  it('gives an unanswered offer back at no cost', () => {
    const h = offered();
    ended(h);
    expect(jobOf(h)).toMatchObject({
      state: 'queued',
      attempts: [{ resolution: 'withdrawn', cause: 'gateway_lost' }],
      spent: { withdrawn: 0 },
      unspent: { lapsed: 1 },
    });
  });

  it('leaves work that was begun the whole time to come back', () => {
    const h = running();
    ended(h);
    expect(jobOf(h)).toMatchObject({
      state: 'recovering',
      attempts: [{ away: true, recoverUntil: h.at() + 120_000 }],
    });
    h.back('agent.resumed', 1, 9, 7);
    expect(jobOf(h)?.state).toBe('running');
    ended(h);
    expect(whyVoid(h)).toBe('foreign-session');
  });

  it('has its deadlines moved by an extension, never back', () => {
    const h = running();
    ended(h);
    const until = h.at() + 200_000;
    const extend = (to: number) =>
      h.add(
        'deadline.extended',
        { jobId: JOB, attempt: 1, until: to, cause: 'log-outage' },
        { jobId: JOB },
      );
    extend(until);
    extend(until - 1);
    expect(whyVoid(h)).toBe('not-later');
    h.add('job.lost', { jobId: JOB, attempt: 1 }, { jobId: JOB, at: until });
    expect(whyVoid(h)).toBe('not-due');
    expect(jobOf(h)?.attempts[0]?.recoverUntil).toBe(until);
  });
});

describe('a busy agent', () => {
  const busyFor = (room: 'assumed' | 'reported', reason: string) => {
    const h = history();
    h.created();
    for (let attempt = 1; attempt <= 12; attempt++) {
      if (jobOf(h)?.state !== 'queued') break;
      h.offered(attempt, 7, JOB, 'agent-7', room);
      h.reject(attempt, 7, reason);
    }
    return jobOf(h);
  };

  it('costs nothing where it never said that it had room, but is asked less and less often', () => {
    const job = busyFor('assumed', 'busy');
    expect(job).toMatchObject({ state: 'queued', spent: { rejected: 0 }, unspent: { busy: 12 } });
    expect((job?.notBefore ?? 0) - (job?.queuedAt ?? 0)).toBeGreaterThanOrEqual(15_000);
  });

  it('costs an offer where it had said so, and so does one that drains', () => {
    for (const [room, reason] of [
      ['reported', 'busy'],
      ['assumed', 'draining'],
    ] as const)
      expect(busyFor(room, reason)).toMatchObject({
        state: 'failed',
        failure: 'offers_exhausted',
        spent: { rejected: 5 },
      });
  });
});
