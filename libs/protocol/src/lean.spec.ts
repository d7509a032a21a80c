import { describe, expect, it } from 'vitest';
import { compact, lean } from './lean.ts';
import { createdBody, history, JOB, RUN } from './run.fixture.ts';
import { evolveRun, foldRun, initialRun, type Run } from './run.ts';
import type { RunCreated } from './run-created.ts';
import { decodeRun, encodeRun } from './stored-run.ts';

const leanRun = (h: ReturnType<typeof history>): Run =>
  compact(foldRun(h.events.map((event) => lean(event))));

const heavy = (): RunCreated => {
  const body = createdBody([{ name: 'a' }, { name: 'b' }]);
  return {
    ...body,
    repoUrl: 'canary',
    sha: 'canary',
    workflow: 'canary',
    event: { text: 'canary' },
    input: 'canary',
    secrets: 'canary',
    trigger: { ...body.trigger, deliveryId: 'canary' },
    jobs: body.jobs.map((spec) => ({
      ...spec,
      runsOn: ['linux'],
      config: { text: 'canary' },
      matrixValues: { text: 'canary' },
    })),
  };
};

describe('a lean run', () => {
  it('has nothing of what is only passed on or shown, in memory or as text', () => {
    const h = history();
    h.add('run.created', heavy());
    h.offered(1, 7);
    h.add(
      'step.status',
      { stepIndex: 0, stepName: 'canary', state: 'running', data: { text: 'canary' } },
      { jobId: JOB, attempt: 1, session: 7, agentId: 'agent-7' },
    );
    h.add(
      'job.status',
      { state: 'success', data: { outputs: { text: 'canary' }, error: 'canary' } },
      { jobId: JOB, attempt: 1, session: 7, agentId: 'agent-7' },
    );
    const run = leanRun(h);
    expect(run.jobs[0]?.state).toBe('success');
    expect(JSON.stringify(run)).not.toContain('canary');
    expect(encodeRun(run)).not.toContain('canary');
  });

  it('keeps what it is offered, ended and cancelled by', () => {
    const h = history();
    h.add('run.created', { ...heavy(), failFast: true, cancelGraceMs: 7 });
    expect(leanRun(h).created).toMatchObject({
      runId: RUN,
      offersMax: 5,
      ackTimeoutMs: 10_000,
      recoveryMs: 120_000,
      staleMs: 120_000,
      failFast: true,
      cancelGraceMs: 7,
    });
    expect(leanRun(h).jobs[1]?.spec).toMatchObject({ jobId: `${RUN}-1`, runsOn: ['linux'] });
  });

  it('keeps the times of its jobs, folded or restored', () => {
    const times = {
      timeoutMs: 1,
      queueTimeoutMs: 2,
      ackTimeoutMs: 3_000,
      heartbeatTimeoutMs: 120_004,
    };
    const h = history();
    h.created([{ name: 'a', ...times }]);
    const run = leanRun(h);
    expect(run.jobs[0]?.spec).toMatchObject(times);
    expect(decodeRun(encodeRun(run)).jobs[0]?.spec).toMatchObject(times);
  });

  it('shares what its jobs and other runs say alike, folded or restored', () => {
    const h = history();
    h.add('run.created', heavy());
    const [a, b] = leanRun(h).jobs;
    expect(b?.spec.runsOn).toBe(a?.spec.runsOn);
    expect([b?.spent, b?.attempts, b?.outputs]).toEqual([a?.spent, a?.attempts, a?.outputs]);
    const restored = decodeRun(encodeRun(leanRun(h))).jobs[0];
    expect(restored?.spec.runsOn).toBe(a?.spec.runsOn);
    expect(restored?.spent).toBe(a?.spent);
    expect(restored?.attempts).toBe(a?.attempts);
  });

  it('is short as text while its jobs only wait', () => {
    const h = history();
    const jobs = Array.from({ length: 100 }, (_, at) => ({ name: `job-${at}` }));
    h.add('run.created', createdBody(jobs));
    expect(encodeRun(leanRun(h)).length / jobs.length).toBeLessThan(150);
  });

  it('keeps the names of jobs that a second evaluation dropped, wherever they stand', () => {
    for (const said of [{ droppedJobs: ['b'] }, { data: { droppedJobs: ['b'] } }]) {
      const h = history();
      h.created([{ name: 'a' }, { name: 'b' }]);
      h.offered(1, 7);
      const about = { jobId: JOB, attempt: 1, session: 7, agentId: 'agent-7' };
      h.add('job.status', { state: 'running', ...said }, about);
      expect(leanRun(h).jobs[1]?.state).toBe('drift_dropped');
    }
  });

  it('of a run that was never created is told apart from one that was', () => {
    const h = history();
    h.ack(1, 7);
    const run = foldRun(h.events);
    expect(decodeRun(encodeRun(run))).toEqual(run);
    expect(evolveRun(initialRun, lean(h.created())).created).not.toBeNull();
  });
});
