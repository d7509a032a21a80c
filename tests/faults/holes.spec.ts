import { foldRun, wasVoid } from '@waybill/protocol';
import { history, JOB } from '@waybill/protocol/fixtures';
import { describe, expect, it } from 'vitest';

/** A job whose first offer went to session 7, and was accepted there or not. */
function offered(isAccepted: boolean) {
  const log = history();
  log.created();
  log.offered(1, 7);
  if (isAccepted) log.ack(1, 7);
  return log;
}
const jobOf = (log: ReturnType<typeof history>) => {
  const run = foldRun(log.events);
  const [job] = run.jobs;
  if (job === undefined) throw new Error('no job');
  return { run, job };
};

describe('a hole that the fold closes', () => {
  it('no offer is without a deadline: the event that makes it carries it', () => {
    const log = offered(false);
    const { job } = jobOf(log);
    expect(job.attempts[0]).toMatchObject({ resolution: null, until: log.at() + 10_000 });
  });

  it('a late ack is not kept as an early ack of the next offer, which has its own deadline', () => {
    const log = offered(false);
    log.expired(1);
    log.ack(1, 7);
    log.offered(2, 8, JOB, 'agent-7');
    expect(jobOf(log).job).toMatchObject({
      state: 'offered',
      attempts: [{ resolution: 'expired' }, { resolution: null, until: log.at() + 10_000 }],
    });
    log.expired(2);
    expect(jobOf(log).job.attempts[1]).toMatchObject({ resolution: 'expired' });
  });

  it('an expiry that was decided before the ack was seen is void behind it', () => {
    const log = offered(true);
    log.expired(1);
    const { run, job } = jobOf(log);
    expect(job).toMatchObject({ state: 'running', attempts: [{ resolution: 'accepted' }] });
    expect(wasVoid(run, log.seq())).toBe(true);
  });

  it('a word that comes a moment after the end of its job changes nothing', () => {
    const log = offered(true);
    log.status(1, 7, 'success');
    const { job: ended } = jobOf(log);
    log.ack(1, 7);
    for (const state of ['running', 'failed', 'cancelled', 'success'] as const)
      log.status(1, 7, state);
    log.step(1, 7, 0, 'failed');
    log.lost(1, 7);
    const { run, job } = jobOf(log);
    expect(job).toEqual(ended);
    expect(run.anomalies).toBe(7);
  });

  it('a job that has ended is not failed by a decision that comes later', () => {
    const log = offered(true);
    log.status(1, 7, 'success');
    const { job: ended } = jobOf(log);
    const at = log.at() + 1_000_000;
    const about = { jobId: JOB, attempt: 1 };
    log.add('job.expired', about, { ...about, at });
    log.add('job.lost', about, { ...about, at });
    log.add('job.stale', { ...about, heartbeat: null }, { ...about, at });
    const { run, job } = jobOf(log);
    expect(job).toEqual(ended);
    expect(run.anomalies).toBe(3);
  });

  it('a finished job is not overwritten by an attempt that was given up', () => {
    const log = offered(false);
    log.expired(1);
    log.offered(2, 8);
    log.ack(2, 8);
    log.status(2, 8, 'success');
    const { job: ended } = jobOf(log);
    for (const state of ['running', 'failed', 'success'] as const) log.status(1, 7, state);
    expect(jobOf(log).job).toEqual(ended);
    expect(ended.state).toBe('success');
  });

  it('a job belongs to the session that it was offered to, whatever the agent is called', () => {
    const log = offered(true);
    log.add(
      'job.status',
      { state: 'failed' },
      { jobId: JOB, attempt: 1, session: 9, agentId: 'agent-7' },
    );
    expect(jobOf(log).job.state).toBe('running');
    log.lost(1, 7);
    const later = { jobId: JOB, attempt: 1, session: 9, agentId: 'agent-7' };
    log.add('agent.resumed', { previousSession: 7 }, later);
    log.add('job.status', { state: 'success' }, later);
    expect(jobOf(log).job.state).toBe('success');
  });
});
