/** The service at a real log: every deadline, restarts, a change of leaders, two at once. */
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { startTestLog, type TestLog } from '../../../tests/support/log.ts';
import { schedulerService } from './service.ts';
import { configOf, has, only, testRuns } from './test-runs.fixture.ts';

let log: TestLog;
let runs: ReturnType<typeof testRuns>;
const running: { stop(): Promise<void> }[] = [];

beforeAll(async () => {
  log = await startTestLog();
  runs = testRuns(log);
}, 60_000);
afterEach(async () => {
  await Promise.all(running.splice(0).map((each) => each.stop()));
});
afterAll(() => log.stop());

async function start() {
  const service = schedulerService(configOf(log), log.host);
  await service.start(new AbortController().signal, (error) => {
    throw error;
  });
  running.push(service);
  return service;
}

describe('the scheduler', () => {
  it('expires an offer that nobody answered, after its deadline by server time, and not before', async () => {
    await start();
    const run = await runs.offered();
    const events = await log.until(run, 'job.expired', has('job.expired'));
    const [expired] = only(events, 'job.expired');
    expect((expired?.at ?? 0) - (only(events, 'job.offered')[0]?.at ?? 0)).toBeGreaterThan(700);
    expect(expired?.meta.epoch).toBeGreaterThan(0);
    expect((await log.run(run)).jobs[0]).toMatchObject({
      state: 'queued',
      attempts: [{ resolution: 'expired' }],
    });
  });

  it('two schedulers, one expiry', async () => {
    await Promise.all([start(), start(), start()]);
    const all = await Promise.all(Array.from({ length: 15 }, () => runs.offered()));
    for (const run of all) {
      const events = await log.until(run, 'job.expired', has('job.expired'));
      expect(only(events, 'job.expired')).toHaveLength(1);
      expect(await log.run(run)).toMatchObject({
        anomalies: 0,
        jobs: [{ spent: { expired: 1 } }],
      });
    }
  });

  it('leaves an accepted job alone while heartbeats come, and calls it stale when they end', async () => {
    await start();
    const run = await runs.offered();
    await runs.fact(run, 'job.ack');
    for (let beat = 0; beat < 4; beat++) {
      await runs.serverTimePasses(300);
      await runs.beat(run);
    }
    const [stale] = only(await log.until(run, 'job.stale', has('job.stale')), 'job.stale');
    const { heartbeat, readAt } = stale?.body ?? {};
    expect((stale?.at ?? 0) - (heartbeat?.at ?? 0)).toBeGreaterThan(700);
    expect(readAt).toBeGreaterThan(heartbeat?.at ?? 0);
    expect((await log.run(run)).jobs[0]?.state).toBe('timed_out_stale');
  });

  it('fails a job whose agent does not come back in time', async () => {
    await start();
    const run = await runs.offered();
    await runs.fact(run, 'job.ack');
    await runs.fact(run, 'agent.lost', { body: { code: 1006, scalerManaged: false } });
    await log.until(run, 'job.lost', has('job.lost'));
    expect((await log.run(run)).jobs[0]).toMatchObject({
      state: 'failed',
      failure: 'agent_lost',
    });
  });

  it('stops a job that runs too long though its heartbeats never end, then forces it', async () => {
    await start();
    const run = await runs.offered({ spec: { timeoutMs: 600 }, run: { staleMs: 60_000 } });
    await runs.fact(run, 'job.ack');
    const events = await log.until(run, 'a forced stop', has('job.cancel', 2));
    expect(only(events, 'job.cancel').map(({ body }) => body)).toMatchObject([
      { reason: 'job_timeout', force: false, graceMs: 300 },
      { reason: 'job_timeout', force: true, graceMs: 10_000 },
    ]);
    const [first, second] = only(events, 'job.cancel');
    expect((second?.at ?? 0) - (first?.at ?? 0)).toBeGreaterThan(300);
    expect(await log.run(run)).toMatchObject({ anomalies: 0, jobs: [{ state: 'cancelling' }] });
  });

  it('does not count the time that a job waits for people', async () => {
    await start();
    const run = await runs.offered({ spec: { timeoutMs: 900 }, run: { staleMs: 60_000 } });
    await runs.fact(run, 'job.ack');
    await runs.fact(run, 'approval.requested', { body: { messageId: 'm', stepIndex: 0 } });
    await runs.serverTimePasses(1_500);
    expect((await log.run(run)).jobs[0]?.state).toBe('running');
    const vote = { approvalId: `${run}-0-p1`, by: 'ada', teams: [], decision: 'approve' };
    await runs.fact(run, 'approval.answered', { body: vote });
    await runs.resolved(run, 'approved');
    const events = await log.until(run, 'job.cancel', has('job.cancel'));
    const from = only(events, 'approval.requested')[0]?.at ?? 0;
    expect((only(events, 'job.cancel')[0]?.at ?? 0) - from).toBeGreaterThan(2_000);
    expect((await log.run(run)).anomalies).toBe(0);
  });

  it('ends what people did not answer in time: of a step, whose agent is told, and of a held job', async () => {
    await start();
    const run = await runs.offered({ run: { staleMs: 60_000 } });
    await runs.fact(run, 'job.ack');
    const request = { messageId: 'm', stepIndex: 0, timeoutSeconds: 1 };
    await runs.fact(run, 'approval.requested', { body: request });
    const events = await log.until(run, 'approval.resolved', has('approval.resolved'));
    expect(only(events, 'approval.resolved')[0]?.body).toMatchObject({
      approvalId: `${run}-0-p1`,
      requestId: 'm',
      outcome: 'expired',
    });
    expect(await log.run(run)).toMatchObject({ anomalies: 0, jobs: [{ state: 'running' }] });
    const held = await runs.created({ spec: { approval: { timeoutMs: 500 } } });
    await log.until(held, 'approval.resolved', has('approval.resolved'));
    expect(await log.run(held)).toMatchObject({
      anomalies: 0,
      jobs: [{ state: 'failed', failure: 'approval_expired' }],
    });
  });

  it('ends a silent job that was told to stop as it was meant', async () => {
    await start();
    const run = await runs.offered({ spec: { timeoutMs: 200 }, run: { cancelGraceMs: 60_000 } });
    await runs.fact(run, 'job.ack');
    await log.until(run, 'job.stale', has('job.stale'));
    expect((await log.run(run)).jobs[0]).toMatchObject({ state: 'failed', failure: 'job_timeout' });
  });

  it('fails a job that waits for an agent too long', async () => {
    await start();
    const run = await runs.offered({ spec: { queueTimeoutMs: 1_500 } });
    await log.until(run, 'job.timed_out', has('job.timed_out'));
    expect((await log.run(run)).jobs[0]).toMatchObject({
      state: 'failed',
      failure: 'queue_timeout',
      attempts: [{ resolution: 'expired' }],
    });
  });

  it('started after a deadline passed gives the offer one answer time of its own watch', async () => {
    const run = await runs.offered();
    await runs.serverTimePasses(800);
    await start();
    await runs.fact(run, 'job.ack');
    await log.until(run, 'the ack', has('job.ack'));
    expect((await log.run(run)).jobs[0]?.state).toBe('running');
  });

  it('hands over to the one beside it, which has folded all along', async () => {
    const first = await start();
    const before = await runs.offered();
    const [one] = only(await log.until(before, 'expiry', has('job.expired')), 'job.expired');
    await start();
    const run = await runs.offered({ run: { ackTimeoutMs: 1_500 } });
    await first.stop();
    const [next] = only(await log.until(run, 'expiry', has('job.expired')), 'job.expired');
    expect(next?.meta.epoch).toBeGreaterThan(one?.meta.epoch ?? Number.POSITIVE_INFINITY);
  });

  it('ends a start that is no longer wanted', async () => {
    const wanted = new AbortController();
    const starting = schedulerService(configOf(log), log.host).start(
      wanted.signal,
      () => undefined,
    );
    const reason = new Error('not wanted');
    wanted.abort(reason);
    await expect(starting).rejects.toBe(reason);
  });
});
