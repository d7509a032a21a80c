/** Details of the fold that the claims of run.spec.ts rest on: odd facts, odd clocks, odd decisions. */
import { describe, expect, it } from 'vitest';
import { RunCompleted } from './decision-body.ts';
import { createdBody, history, JOB } from './run.fixture.ts';
import { foldRun } from './run.ts';
import { completionOf, runView } from './run-view.ts';

const offered = () => {
  const h = history();
  h.created();
  h.offered(1, 7);
  return h;
};
const about = { jobId: JOB, attempt: 1, session: 7, agentId: 'agent-7' };
const jobOf = (h: ReturnType<typeof history>) => foldRun(h.events).jobs[0];

describe('a fence', () => {
  const offerWith = (h: ReturnType<typeof history>, attempt: number, fence: number) =>
    h.add(
      'job.offered',
      {
        jobId: JOB,
        attempt,
        fence,
        agentId: 'a',
        session: 9,
        ackTimeoutMs: 10_000,
        reason: 'retry',
      },
      { jobId: JOB },
    );

  it('that is not higher than the last one is void', () => {
    const h = offered();
    const fence = jobOf(h)?.attempts[0]?.fence ?? 0;
    h.expired(1);
    for (const low of [0, fence - 1, fence]) {
      offerWith(h, 2, low);
      expect(foldRun(h.events).lastVoid?.why).toBe('wrong-fence');
    }
    offerWith(h, 2, fence + 1);
    expect(jobOf(h)?.state).toBe('offered');
  });

  // It could not be passed by any later offer: the job would never be offered again.
  it('that lies at or past its own offer is void', () => {
    const h = history();
    h.created();
    offerWith(h, 1, h.seq() + 1);
    expect(foldRun(h.events).lastVoid?.why).toBe('wrong-fence');
    offerWith(h, 1, Number.MAX_SAFE_INTEGER);
    expect(foldRun(h.events)).toMatchObject({
      anomalies: 2,
      jobs: [{ state: 'queued', attempts: [] }],
    });
  });
});

describe('an attempt number', () => {
  it.each([0, 1, 3])('%i after attempt 1 is void', (attempt) => {
    const h = offered();
    h.expired(1);
    h.offered(attempt, 9);
    expect(foldRun(h.events)).toMatchObject({
      lastVoid: { why: 'wrong-attempt' },
      jobs: [{ attempts: [{ attempt: 1 }] }],
    });
  });
});

describe('the end of a job', () => {
  it('keeps the reason that its agent gave, as text that a database can hold', () => {
    const failureOf = (data: Record<string, unknown>): string | null | undefined => {
      const h = offered();
      h.add('job.status', { state: 'failed', data }, about);
      return jobOf(h)?.failure;
    };
    expect(failureOf({ reason: 'oom' })).toBe('oom');
    expect(failureOf({ error: 'exit 2' })).toBe('exit 2');
    expect(failureOf({ error: { message: 'exit 2' } })).toBe('exit 2');
    expect(failureOf({ reason: '', error: 7 })).toBe('failed');
    expect(failureOf({ reason: `${'x'.repeat(499)}🚚` })).toBe(`${'x'.repeat(499)}\ufffd`);
    expect(failureOf({ error: '\ud800' })).toBe('\ufffd');
  });

  it('keeps its outputs if they are an object', () => {
    const outputsOf = (outputs: unknown) => {
      const h = offered();
      h.add('job.status', { state: 'success', data: { outputs } }, about);
      return jobOf(h)?.outputs;
    };
    expect(outputsOf({ build: { image: 'shop:1' } })).toEqual({ build: { image: 'shop:1' } });
    for (const odd of [null, undefined, [], 'x', 7]) expect(outputsOf(odd)).toEqual({});
  });

  it('is not before its beginning, though a clock of the log stepped back', () => {
    const h = offered();
    h.add('job.ack', {}, about);
    h.step(1, 7, 0, 'running');
    h.add(
      'step.status',
      { stepIndex: 0, stepName: 's', state: 'success' },
      { ...about, at: h.at() - 5_000 },
    );
    h.add('job.status', { state: 'success' }, { ...about, at: h.at() - 5_000 });
    const run = foldRun(h.events);
    const [job] = run.jobs;
    expect(job?.completedAt).toBeGreaterThanOrEqual(job?.startedAt ?? Number.POSITIVE_INFINITY);
    for (const step of job?.steps ?? [])
      expect(step.completedAt).toBeGreaterThanOrEqual(step.startedAt ?? 0);
    const completion = completionOf(run);
    const body = { ...completion, usage: {}, costUsd: 0, priceGeneration: null, jobs: [] };
    expect(RunCompleted.safeParse(body).error).toBeUndefined();
  });
});

describe('a step', () => {
  const stepsOf = (...facts: readonly Record<string, unknown>[]) => {
    const h = offered();
    for (const fact of facts)
      h.add('step.status', { stepIndex: 0, stepName: 's', state: 'success', ...fact }, about);
    return jobOf(h)?.steps;
  };

  it('and a hook of the same index are two, wherever the agent says which it is', () => {
    expect(
      stepsOf({}, { step_type: 'hook:cleanup' }, { data: { step_type: 'hook:onCancel' } }),
    ).toMatchObject([
      { index: 0, kind: 'hook:cleanup' },
      { index: 0, kind: 'hook:onCancel' },
      { index: 0, kind: 'step' },
    ]);
  });

  it('keeps an exit code that is one', () => {
    const codes = [2, -1, 0, 1.5, '2', null, Number.POSITIVE_INFINITY, 1e300];
    expect(codes.map((exitCode) => stepsOf({ data: { exitCode } })?.[0]?.exitCode)).toEqual([
      2,
      -1,
      0,
      null,
      null,
      null,
      null,
      null,
    ]);
  });

  it('begins when it is first heard of as begun, and a skipped one never does', () => {
    const [skipped] = stepsOf({ state: 'pending' }, { state: 'skipped' }) ?? [];
    expect(skipped).toMatchObject({ state: 'skipped', startedAt: null });
    const [begun] = stepsOf({ state: 'pending' }, { state: 'running' }, { state: 'success' }) ?? [];
    expect(begun?.startedAt).toBeLessThan(begun?.completedAt ?? 0);
  });

  it('that was open when its job ended takes the outcome of the job, and one that never began is cancelled', () => {
    const h = offered();
    h.step(1, 7, 0, 'running');
    h.step(1, 7, 1, 'pending');
    h.status(1, 7, 'failed');
    expect(jobOf(h)?.steps.map((step) => step.state)).toEqual(['failed', 'cancelled']);
  });
});

describe('a time that no date can name', () => {
  it('is no event: a view of the run can always be written', () => {
    const body = {
      ...createdBody(),
      state: 'success',
      startedAt: null,
      completedAt: 8.64e15 + 1,
      durationMs: 0,
      queuedMs: 0,
      usage: {},
      costUsd: 0,
      priceGeneration: null,
      jobs: [],
    };
    expect(RunCompleted.safeParse(body).success).toBe(false);
    expect(RunCompleted.safeParse({ ...body, completedAt: 8.64e15 }).success).toBe(true);
  });
});

describe('a job that is cancelling', () => {
  it('stays so while its agent reports on, and ends as its agent says', () => {
    const h = offered();
    h.status(1, 7, 'cancelling');
    h.step(1, 7, 0, 'running');
    h.status(1, 7, 'running');
    expect(jobOf(h)?.state).toBe('cancelling');
    h.status(1, 7, 'cancelled');
    expect(runView(foldRun(h.events), 'main', 'r').jobs[0]).toMatchObject({
      state: 'cancelled',
      failure: 'cancelled',
    });
  });
});
