/** The run's fold, event by event. Invariants 1, 2 and 4; the names are the claims that the documents make. */
import { describe, expect, it } from 'vitest';
import { history, JOB, RUN } from './run.fixture.ts';
import { evolveRun, foldRun, initialRun, wasVoid } from './run.ts';
import { completionOf } from './run-view.ts';

const needsSuccess = (job: string) => ({ job, on: ['success' as const] });

describe('an offer', () => {
  it('is accepted by the ack of its session', () => {
    const h = history();
    h.created();
    h.offered(1, 7);
    h.ack(1, 7);
    const job = foldRun(h.events).jobs[0];
    expect(job?.state).toBe('running');
    expect(job?.attempts[0]).toMatchObject({ resolution: 'accepted', session: 7, attempt: 1 });
  });

  it.each(['running', 'queued', 'pending'] as const)(
    'is accepted by job.status %s, should the ack be lost',
    (state) => {
      const h = history();
      h.created();
      h.offered(1, 7);
      h.status(1, 7, state);
      expect(foldRun(h.events).jobs[0]).toMatchObject({
        state: 'running',
        attempts: [{ resolution: 'accepted' }],
      });
    },
  );

  it('is accepted and ended at once by a terminal status', () => {
    const h = history();
    h.created();
    h.offered(1, 7);
    h.status(1, 7, 'success');
    expect(foldRun(h.events).jobs[0]).toMatchObject({
      state: 'success',
      attempts: [{ resolution: 'accepted' }],
    });
  });

  it('goes back to the queue by the event that expires it', () => {
    const h = history();
    h.created();
    h.offered(1, 7);
    h.expired(1);
    expect(foldRun(h.events).jobs[0]).toMatchObject({
      state: 'queued',
      attempts: [{ resolution: 'expired' }],
      spent: { expired: 1 },
    });
  });

  it('cannot be expired at its deadline, only after it', () => {
    const h = history();
    h.created();
    h.offered(1, 7);
    const early = h.expired(1, 10_000);
    const run = foldRun(h.events);
    expect(run.jobs[0]?.state).toBe('offered');
    expect(run.lastVoid).toEqual({ seq: early.seq, why: 'not-due' });
  });

  it('fails the job when the budget of offers is spent', () => {
    const h = history();
    h.created();
    for (let attempt = 1; attempt <= 5; attempt++) {
      h.offered(attempt, attempt);
      h.expired(attempt);
    }
    expect(foldRun(h.events).jobs[0]).toMatchObject({
      state: 'failed',
      failure: 'offers_exhausted',
    });
  });

  it('is held back for a while after each reject, longer each time, and equally for every reader', () => {
    const h = history();
    h.created();
    h.offered(1, 1);
    h.reject(1, 1);
    const first = foldRun(h.events).jobs[0];
    h.offered(2, 2);
    h.reject(2, 2);
    h.offered(3, 3);
    h.reject(3, 3);
    const third = foldRun(h.events).jobs[0];
    const waitOf = (job: typeof first) => (job?.notBefore ?? 0) - (job?.queuedAt ?? 0);
    expect(waitOf(first)).toBeGreaterThanOrEqual(250);
    expect(waitOf(third)).toBeGreaterThan(waitOf(first));
    expect(foldRun(h.events).jobs[0]?.notBefore).toBe(third?.notBefore);
  });

  it('that had no frame fails its job at once and costs nothing; once it is resolved that changes nothing', () => {
    const h = history();
    h.created();
    const about = { jobId: JOB, attempt: 1, session: 7, agentId: 'agent-7' };
    h.offered(1, 7);
    const open = foldRun(h.events);
    h.add('job.unsent', { cause: 'secrets_unreadable' }, about);
    expect(foldRun(h.events).jobs[0]).toMatchObject({
      state: 'failed',
      failure: 'secrets_unreadable',
      spent: { expired: 0, rejected: 0, withdrawn: 0 },
      attempts: [{ resolution: 'withdrawn', cause: 'secrets_unreadable', outcome: null }],
    });
    h.events.pop();
    h.ack(1, 7);
    h.add('job.unsent', { cause: 'secrets_unreadable' }, { ...about, id: 'later' });
    expect(foldRun(h.events)).toMatchObject({
      jobs: [{ state: 'running' }],
      lastVoid: { why: 'not-offered' },
      anomalies: open.anomalies + 1,
    });
  });

  it('has its deadline moved by an extension, never back', () => {
    const h = history();
    h.created();
    const offered = h.offered(1, 7);
    h.add(
      'deadline.extended',
      { jobId: JOB, attempt: 1, until: offered.at + 15_000, cause: 'outage' },
      { jobId: JOB },
    );
    h.add(
      'deadline.extended',
      { jobId: JOB, attempt: 1, until: offered.at + 12_000, cause: 'outage' },
      { jobId: JOB },
    );
    const run = foldRun(h.events);
    expect(run.jobs[0]?.attempts[0]?.until).toBe(offered.at + 15_000);
    expect(run.lastVoid?.why).toBe('not-later');
  });
});

describe('what is late, repeated or foreign', () => {
  it('a stale decision stored behind a fact is void for every reader', () => {
    const h = history();
    h.created();
    h.offered(1, 7);
    h.ack(1, 7);
    const stale = h.expired(1);
    const run = foldRun(h.events);
    expect(run.jobs[0]).toMatchObject({ state: 'running', attempts: [{ resolution: 'accepted' }] });
    expect(wasVoid(run, stale.seq)).toBe(true);
    expect(run.anomalies).toBe(1);
  });

  it('a late success of attempt 1 does not end attempt 2', () => {
    const h = history();
    h.created();
    h.offered(1, 7);
    h.expired(1);
    h.offered(2, 8);
    const late = h.status(1, 7, 'success');
    const run = foldRun(h.events);
    expect(run.jobs[0]).toMatchObject({
      state: 'offered',
      attempts: [{ resolution: 'expired' }, { resolution: null }],
    });
    expect(run.lastVoid).toEqual({ seq: late.seq, why: 'stale-attempt' });
  });

  it("a foreign session's frame changes nothing", () => {
    const h = history();
    h.created();
    h.offered(1, 7);
    h.status(1, 9, 'success');
    const run = foldRun(h.events);
    expect(run.jobs[0]?.state).toBe('offered');
    expect(run.lastVoid?.why).toBe('foreign-session');
  });

  it('a repeat after the dedupe window is still a repeat', () => {
    const h = history();
    h.created();
    h.offered(1, 7);
    h.add('job.ack', {}, { id: 'same', jobId: JOB, attempt: 1, session: 7 });
    h.add(
      'job.ack',
      {},
      { id: 'same', jobId: JOB, attempt: 1, session: 7, at: h.at() + 3_600_000 },
    );
    const run = foldRun(h.events);
    expect(run.lastVoid?.why).toBe('repeated');
    expect(run.anomalies).toBe(1);
  });

  it('a redelivery of the same sequence is no anomaly and gives back the same state', () => {
    const h = history();
    const created = h.created();
    const run = foldRun(h.events);
    expect(evolveRun(run, created)).toBe(run);
  });

  it('a second run.created, or one of another run, is void', () => {
    const h = history();
    const first = h.created();
    h.created();
    expect(foldRun(h.events).lastVoid?.why).toBe('created-twice');
    if (first.type !== 'run.created') throw new Error('the fixture changed');
    const foreign = { ...first, body: { ...first.body, org: 'other' } };
    expect(foldRun([foreign])).toMatchObject({ state: 'absent', lastVoid: { why: 'foreign-run' } });
  });

  it('anything before run.created is void', () => {
    const h = history();
    h.ack(1, 7);
    expect(foldRun(h.events)).toMatchObject({
      state: 'absent',
      anomalies: 1,
      lastVoid: { why: 'before-created' },
    });
  });

  it('an unreadable event counts as an anomaly and changes nothing', () => {
    const h = history();
    h.created();
    const before = foldRun(h.events);
    const place = {
      org: 'main',
      runId: RUN,
      seq: h.seq() + 1,
      at: h.at(),
      id: 'x',
      meta: { id: 'x', source: '' },
    };
    const after = evolveRun(before, {
      ...place,
      type: 'unreadable',
      problem: { code: 'not-json', detail: '' },
    });
    expect(after).toMatchObject({ anomalies: 1, jobs: before.jobs, state: before.state });
  });
});

describe('an agent that goes away', () => {
  const running = () => {
    const h = history();
    h.created();
    h.offered(1, 7);
    h.ack(1, 7);
    return h;
  };
  const back = (
    h: ReturnType<typeof history>,
    type: 'agent.resumed' | 'agent.absent',
    session = 9,
  ) => h.add(type, { previousSession: 7 }, { jobId: JOB, attempt: 1, session, agentId: 'agent-7' });

  it('leaves its running job recovering, and adopts it when it returns with it', () => {
    const h = running();
    h.lost(1, 7);
    expect(foldRun(h.events).jobs[0]?.state).toBe('recovering');
    back(h, 'agent.resumed');
    h.status(1, 9, 'success');
    expect(foldRun(h.events).jobs[0]).toMatchObject({
      state: 'success',
      attempts: [{ session: 9 }],
    });
  });

  it('returns without the job: it failed as agent_lost, at once', () => {
    const h = running();
    h.lost(1, 7);
    back(h, 'agent.absent');
    expect(foldRun(h.events).jobs[0]).toMatchObject({ state: 'failed', failure: 'agent_lost' });
  });

  it('does not return: the job fails when its recovery time is over, not before', () => {
    const h = running();
    const lost = h.lost(1, 7);
    h.add('job.lost', { jobId: JOB, attempt: 1 }, { jobId: JOB, at: lost.at + 120_000 });
    expect(foldRun(h.events).lastVoid?.why).toBe('not-due');
    h.add('job.lost', { jobId: JOB, attempt: 1 }, { jobId: JOB, at: lost.at + 120_001 });
    expect(foldRun(h.events).jobs[0]).toMatchObject({ state: 'failed', failure: 'agent_lost' });
  });

  it('keeps an unanswered offer open to its deadline, and withdraws it when the agent returns without it', () => {
    const h = history();
    h.created();
    h.offered(1, 7);
    h.lost(1, 7);
    expect(foldRun(h.events).jobs[0]).toMatchObject({
      state: 'offered',
      attempts: [{ away: true }],
    });
    back(h, 'agent.absent');
    expect(foldRun(h.events).jobs[0]).toMatchObject({
      state: 'queued',
      attempts: [{ resolution: 'withdrawn' }],
      spent: { withdrawn: 1 },
    });
  });

  it('that is managed by a scaler loses an unstarted job to the queue and fails a started one', () => {
    const started = running();
    started.lost(1, 7, true);
    expect(foldRun(started.events).jobs[0]).toMatchObject({
      state: 'failed',
      failure: 'agent_lost',
    });
    const offered = history();
    offered.created();
    offered.offered(1, 7);
    offered.lost(1, 7, true);
    expect(foldRun(offered.events).jobs[0]?.state).toBe('queued');
  });

  it('is not resumed by an older session or by another agent', () => {
    const h = running();
    h.lost(1, 7);
    back(h, 'agent.resumed', 6);
    h.add(
      'agent.resumed',
      { previousSession: 7 },
      { jobId: JOB, attempt: 1, session: 12, agentId: 'someone-else' },
    );
    const run = foldRun(h.events);
    expect(run.jobs[0]?.state).toBe('recovering');
    expect(run.anomalies).toBe(2);
  });

  it('that sends no heartbeat is stale only after the last one that was found', () => {
    const h = running();
    const at = h.at();
    const stale = (heartbeat: { seq: number; at: number } | null, later: number) =>
      h.add('job.stale', { jobId: JOB, attempt: 1, heartbeat }, { jobId: JOB, at: at + later });
    stale({ seq: 3, at: at + 60_000 }, 130_000);
    expect(foldRun(h.events).lastVoid?.why).toBe('not-due');
    stale({ seq: 3, at: at + 60_000 }, 180_001);
    expect(foldRun(h.events).jobs[0]?.state).toBe('timed_out_stale');
  });
});

describe('the jobs of a run', () => {
  const diamond = [
    { name: 'a' },
    { name: 'b', needs: [needsSuccess('a')] },
    { name: 'c', needs: [needsSuccess('a')] },
    { name: 'd', needs: [needsSuccess('b'), needsSuccess('c')] },
  ];
  const id = (index: number) => `${RUN}-${index}`;
  const runJob = (h: ReturnType<typeof history>, index: number, state: 'success' | 'failed') => {
    h.offered(1, index + 1, id(index));
    h.status(1, index + 1, state, id(index));
  };

  it('are queued as their needs are met, through a diamond', () => {
    const h = history();
    h.created(diamond);
    expect(foldRun(h.events).jobs.map((job) => job.state)).toEqual([
      'queued',
      'pending',
      'pending',
      'pending',
    ]);
    runJob(h, 0, 'success');
    h.add('job.queued', { jobId: id(3) }, { jobId: id(3) });
    expect(foldRun(h.events).lastVoid?.why).toBe('needs-open');
    h.add('job.queued', { jobId: id(1) }, { jobId: id(1) });
    h.add('job.queued', { jobId: id(2) }, { jobId: id(2) });
    runJob(h, 1, 'success');
    runJob(h, 2, 'success');
    h.add('job.queued', { jobId: id(3) }, { jobId: id(3) });
    expect(foldRun(h.events).jobs[3]?.state).toBe('queued');
  });

  it('are skipped when a need ended otherwise', () => {
    const h = history();
    h.created(diamond);
    runJob(h, 0, 'failed');
    for (const index of [1, 2, 3])
      h.add('job.skipped', { jobId: id(index), because: ['a failed'] }, { jobId: id(index) });
    const run = foldRun(h.events);
    expect(run.jobs.map((job) => job.state)).toEqual(['failed', 'skipped', 'skipped', 'skipped']);
    expect(completionOf(run)?.state).toBe('failed');
  });

  it('roll up: failed beats cancelled, and a run that claims otherwise is void', () => {
    const h = history();
    h.created([{ name: 'a' }, { name: 'b' }]);
    h.offered(1, 1, id(0));
    h.status(1, 1, 'cancelled', id(0));
    h.offered(1, 2, id(1));
    h.status(1, 2, 'failed', id(1));
    const run = foldRun(h.events);
    const completion = completionOf(run);
    expect(completion?.state).toBe('failed');
    if (completion === undefined) return;
    const body = { ...completion, usage: {}, costUsd: 0, priceGeneration: null, jobs: [] };
    h.add('run.completed', { ...body, state: 'cancelled' });
    expect(foldRun(h.events)).toMatchObject({
      state: 'running',
      lastVoid: { why: 'wrong-outcome' },
    });
    h.add('run.completed', body);
    expect(foldRun(h.events).state).toBe('failed');
    h.status(1, 2, 'success', id(1));
    expect(foldRun(h.events)).toMatchObject({ state: 'failed', lastVoid: { why: 'after-end' } });
  });

  it('that their agent dropped are drift_dropped, unless they began', () => {
    const h = history();
    h.created([{ name: 'a' }, { name: 'b', needs: [needsSuccess('a')] }]);
    h.offered(1, 1, id(0));
    h.add(
      'job.status',
      { state: 'success', data: { droppedJobs: ['b', 'a'] } },
      { jobId: id(0), attempt: 1, session: 1 },
    );
    expect(foldRun(h.events).jobs.map((job) => job.state)).toEqual(['success', 'drift_dropped']);
  });
});

describe('steps', () => {
  it('that the agent left open are closed with the job', () => {
    const h = history();
    h.created();
    h.offered(1, 7);
    h.step(1, 7, 0, 'running');
    h.step(1, 7, 0, 'success');
    h.step(1, 7, 1, 'running');
    h.status(1, 7, 'cancelled');
    expect(foldRun(h.events).jobs[0]?.steps.map((step) => step.state)).toEqual([
      'success',
      'cancelled',
    ]);
  });

  it('are told in their order, however many there are and in whichever order they came', () => {
    const h = history();
    h.created();
    h.offered(1, 7);
    const count = 20_000;
    for (let index = 0; index < count; index++) h.step(1, 7, (index * 7_919) % count, 'running');
    const began = performance.now();
    const steps = foldRun(h.events).jobs[0]?.steps ?? [];
    expect(performance.now() - began).toBeLessThan(5_000);
    expect(steps.map(({ index }) => index)).toEqual(Array.from({ length: count }, (_, at) => at));
  });

  it('do not change once they have ended', () => {
    const h = history();
    h.created();
    h.offered(1, 7);
    h.step(1, 7, 0, 'failed');
    h.step(1, 7, 0, 'running');
    const run = foldRun(h.events);
    expect(run.jobs[0]?.steps[0]?.state).toBe('failed');
    expect(run.lastVoid?.why).toBe('step-ended');
  });
});

it('a run begins absent and knows nothing', () => {
  expect(initialRun).toMatchObject({ state: 'absent', seq: 0, anomalies: 0, jobs: [] });
});
