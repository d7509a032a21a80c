/** Cancel: what nobody has ends at once, what an agent has is told to stop, then forced, then given up. */
import { describe, expect, it } from 'vitest';
import { history, JOB, RUN } from './run.fixture.ts';
import { foldRun } from './run.ts';
import { completionOf, runView } from './run-view.ts';

type History = ReturnType<typeof history>;
const runOf = (h: History) => foldRun(h.events);
const jobOf = (h: History) => runOf(h).jobs[0];
const whyVoid = (h: History) => runOf(h).lastVoid?.why;

const offered = () => {
  const h = history();
  h.created();
  h.offered(1, 7);
  return h;
};
const running = () => {
  const h = offered();
  h.ack(1, 7);
  return h;
};
const cancelled = (h: History, attempt: number | undefined, at?: number) =>
  h.add(
    'job.cancelled',
    { jobId: JOB, reason: 'cancelled', ...(attempt === undefined ? {} : { attempt }) },
    { jobId: JOB, ...(at === undefined ? {} : { at }) },
  );

describe('a cancel of the whole run', () => {
  it('ends at once what no agent has, and asks for the rest', () => {
    const h = history();
    h.created([
      { name: 'a' },
      { name: 'b' },
      { name: 'c', needs: [{ job: 'a', on: ['success'] }] },
    ]);
    h.offered(1, 7);
    h.ack(1, 7);
    h.asked({ reason: 'wrong branch' });
    const run = runOf(h);
    expect(run.state).toBe('cancelling');
    expect(run.jobs.map(({ state }) => state)).toEqual(['running', 'cancelled', 'cancelled']);
    expect(run.jobs[0]?.cancel).toEqual({
      at: h.at(),
      by: 'ada',
      reason: 'wrong branch',
      force: false,
    });
    h.stop(1);
    h.status(1, 7, 'cancelled');
    expect(completionOf(runOf(h))?.state).toBe('cancelled');
  });

  it('once more changes nothing, unless it asks for force', () => {
    const h = running();
    h.asked();
    h.asked();
    expect(whyVoid(h)).toBe('already-stopping');
    h.asked({ force: true, by: 'grace' });
    expect(jobOf(h)?.cancel).toMatchObject({ force: true, by: 'grace' });
    expect(runView(runOf(h), 'main', RUN).cancel).toMatchObject({ force: true, by: 'grace' });
    h.asked({ force: true });
    expect(whyVoid(h)).toBe('already-stopping');
  });

  it('of which every job has ended is void', () => {
    const h = running();
    h.status(1, 7, 'success');
    h.asked();
    expect(runOf(h)).toMatchObject({ state: 'running', lastVoid: { why: 'after-end' } });
  });
});

describe('a cancel of single jobs', () => {
  it('leaves the others alone, and names that the run does not know', () => {
    const h = history();
    h.created([{ name: 'a' }, { name: 'b' }]);
    h.asked({ jobIds: [`${RUN}-1`, `${RUN}-77`] });
    expect(runOf(h)).toMatchObject({
      state: 'pending',
      cancel: null,
      jobs: [{ state: 'queued' }, { state: 'cancelled' }],
    });
    h.asked({ jobIds: [`${RUN}-77`] });
    expect(whyVoid(h)).toBe('unknown-job');
    h.asked({ jobIds: [] });
    expect(whyVoid(h)).toBe('unknown-job');
  });
});

describe('a job that somebody cancelled', () => {
  it('is not queued again: an offer that comes to nothing ends it', () => {
    for (const resolve of [
      (h: History) => h.expired(1),
      (h: History) => h.reject(1, 7),
      (h: History) => h.lost(1, 7, true),
      (h: History) => h.back('agent.absent', 1, 9, 7),
    ]) {
      const h = offered();
      h.asked();
      resolve(h);
      expect(jobOf(h)).toMatchObject({ state: 'cancelled', failure: 'cancelled' });
    }
  });

  it('is not done again: whether its agent was told or not, a lost one ends it as cancelled', () => {
    for (const isTold of [true, false]) {
      const h = history();
      h.created([
        {
          name: 'a',
          retries: [{ on: ['agent_lost'], max: 3, backoffMs: 0, backoffMaxMs: 0 }],
        },
      ]);
      h.offered(1, 7);
      h.ack(1, 7);
      h.asked();
      if (isTold) h.stop(1);
      h.lost(1, 7, true);
      expect(jobOf(h)).toMatchObject({ state: 'cancelled', failure: 'cancelled', retried: [] });
    }
  });

  it('ends as its agent says, if that has come to another end by itself', () => {
    const h = running();
    h.asked();
    h.stop(1);
    h.status(1, 7, 'success');
    expect(jobOf(h)?.state).toBe('success');
    const other = running();
    other.asked();
    other.stop(1);
    other.status(1, 7, 'failed');
    expect(jobOf(other)).toMatchObject({ state: 'failed', failure: 'failed' });
  });
});

describe('a stop', () => {
  it('of an offer that nobody has answered withdraws it, at no cost', () => {
    const h = offered();
    h.stop(1);
    expect(jobOf(h)).toMatchObject({
      state: 'cancelled',
      attempts: [{ resolution: 'withdrawn', cause: 'cancelled', outcome: null }],
      spent: { withdrawn: 0 },
    });
    h.ack(1, 7);
    expect(whyVoid(h)).toBe('after-end');
  });

  it('is graceful first, then forced, then given up, each not before its time', () => {
    const h = running();
    const asked = h.stop(1);
    expect(jobOf(h)).toMatchObject({
      state: 'cancelling',
      attempts: [{ stop: { askedAt: asked.at, until: asked.at + 30_000, force: false } }],
    });
    h.stop(1);
    expect(whyVoid(h)).toBe('already-stopping');
    cancelled(h, 1);
    expect(whyVoid(h)).toBe('not-stopping');
    const forced = h.stop(1, { force: true, graceMs: 10_000 }, asked.at + 30_001);
    expect(jobOf(h)?.attempts[0]?.stop).toMatchObject({ askedAt: asked.at, force: true });
    cancelled(h, 1, forced.at + 10_000);
    expect(whyVoid(h)).toBe('not-due');
    cancelled(h, 1, forced.at + 10_001);
    expect(jobOf(h)).toMatchObject({
      state: 'cancelled',
      attempts: [{ outcome: 'cancelled', cause: 'cancelled' }],
    });
  });

  it('outlasts a lost socket: back with the job it still stops, back without it has stopped', () => {
    const h = running();
    h.stop(1);
    h.lost(1, 7);
    expect(jobOf(h)).toMatchObject({ state: 'cancelling', attempts: [{ away: true }] });
    h.back('agent.resumed', 1, 9, 7);
    expect(jobOf(h)).toMatchObject({
      state: 'cancelling',
      attempts: [{ away: false, session: 9, stop: { force: false } }],
    });
    h.lost(1, 9);
    h.add(
      'agent.absent',
      { previousSession: 9 },
      { jobId: JOB, attempt: 1, session: 11, agentId: 'agent-7' },
    );
    expect(jobOf(h)).toMatchObject({ state: 'cancelled', failure: 'cancelled' });
  });

  it('of a job that is recovering, or silent, ends as it was meant', () => {
    const h = running();
    h.lost(1, 7);
    h.stop(1);
    expect(jobOf(h)).toMatchObject({ state: 'cancelling', attempts: [{ recoverUntil: null }] });
    h.add(
      'job.stale',
      { jobId: JOB, attempt: 1, heartbeat: null },
      { jobId: JOB, at: h.at() + 120_001 },
    );
    expect(jobOf(h)?.state).toBe('cancelled');
  });
});

describe('job.cancelled', () => {
  it('without an attempt ends what nobody has, and nothing that somebody has', () => {
    const h = history();
    h.created();
    cancelled(h, undefined);
    expect(jobOf(h)?.state).toBe('cancelled');
    const other = offered();
    cancelled(other, undefined);
    expect(runOf(other)).toMatchObject({
      jobs: [{ state: 'offered' }],
      lastVoid: { why: 'not-stopping' },
    });
  });

  // Its agent said that it failed while the decision was on its way: the job waits to be done again.
  it('of a forced stop does not end a job that went back to the queue meanwhile', () => {
    const h = history();
    h.created([
      {
        name: 'a',
        timeoutMs: 1_000,
        retries: [{ on: ['job_timeout'], max: 1, backoffMs: 0, backoffMaxMs: 0 }],
      },
    ]);
    h.offered(1, 7);
    h.ack(1, 7);
    const stopped = h.stop(1, { reason: 'job_timeout', force: true }, h.at() + 1_001);
    h.status(1, 7, 'failed');
    cancelled(h, 1, stopped.at + 30_001);
    expect(runOf(h)).toMatchObject({
      jobs: [{ state: 'queued', retried: [1] }],
      lastVoid: { why: 'not-stopping' },
    });
  });
});
