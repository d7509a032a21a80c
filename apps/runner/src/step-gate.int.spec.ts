import { JobAborted, RequestFailed } from '@waybill/agent';
import { manualClock } from '@waybill/process';
import { eventually } from '@waybill/process/testing';
import { describe, expect, it } from 'vitest';
import { runJob } from './job-run.ts';
import { configOf, ran, recordedJob, surroundings } from './recorded-job.fixture.ts';

describe('an approval', () => {
  const step = {
    name: 'deploy',
    run: 'echo deployed',
    requireApproval: {
      users: ['ann'],
      teams: ['ops'],
      reason: 'to production?',
      timeoutSeconds: 60,
    },
  };

  it('is asked for before the step, with its clauses', async () => {
    const { outcome, job } = await ran(['true', step]);
    expect(outcome.state).toBe('success');
    expect(job.said.approvals).toEqual([
      {
        step: { index: 1, name: 'deploy' },
        clauses: [{ user: 'ann' }, { team: 'ops' }],
        reason: 'to production?',
        timeoutSeconds: 60,
      },
    ]);
    expect(job.lines(1)).toEqual([
      'Waiting for approval: to production?',
      'The approval was given',
      'deployed',
    ]);
  });

  it.each([
    ['rejected', 'approval_rejected', 'the approval was rejected: not today'],
    ['expired', 'approval_expired', 'the approval has expired: not today'],
  ] as const)('that is %s fails the job with its reason', async (outcome, reason, message) => {
    const end = await ran(
      [step, 'echo never'],
      {},
      {
        approve: () => Promise.resolve({ outcome, reason: 'not today' }),
      },
    );
    expect(end.outcome).toMatchObject({
      state: 'failed',
      data: { reason, error: { message: `step "deploy": ${message}` } },
    });
    expect(end.job.lines()).not.toContain('deployed');
    expect(end.job.lines()).not.toContain('never');
  });

  it('that was lost with the connection is none', async () => {
    const { outcome } = await ran(
      [step],
      {},
      {
        approve: () => Promise.reject(new RequestFailed('away', 'the connection is gone')),
      },
    );
    expect(outcome).toMatchObject({ state: 'failed', data: { reason: 'approval_lost' } });
  });

  it('takes none of the job’s time', async () => {
    const clock = manualClock();
    const job = recordedJob(
      { jobConfig: { ...configOf([step]), timeout: 1_000 } },
      {
        approve: async () => {
          await clock.advance(3_600_000);
          return { outcome: 'approved' };
        },
      },
    );
    expect(await runJob(job.handle, await surroundings({ clock }))).toMatchObject({
      state: 'success',
    });
  });

  it('ends with its job', async () => {
    const waiting = Promise.withResolvers<never>();
    const job = recordedJob({ jobConfig: configOf([step]) }, { approve: () => waiting.promise });
    const run = runJob(job.handle, await surroundings());
    await eventually(() => job.lines().length > 0);
    job.abort();
    waiting.reject(new JobAborted('cancelled', 'no longer needed'));
    expect(await run).toMatchObject({ state: 'cancelled' });
    expect(job.steps.map(({ state }) => state)).toEqual(['skipped']);
  });
});

describe('a group', () => {
  it('that has no room ends the job before anything runs', async () => {
    const { outcome, job } = await ran(
      ['echo never'],
      { jobConfig: { concurrencyGroup: 'deploy' } },
      {
        concurrency: () => Promise.resolve({ action: 'cancel', reason: 'a newer one came' }),
      },
    );
    expect(outcome).toMatchObject({
      state: 'failed',
      data: { reason: 'concurrency_cancelled', error: { message: 'a newer one came' } },
    });
    expect(job.lines()).not.toContain('never');
  });
});
