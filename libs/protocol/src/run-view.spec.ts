import { describe, expect, it } from 'vitest';
import { iso } from './instant.ts';
import { createdBody, history, JOB, RUN, START } from './run.fixture.ts';
import { foldRun, initialRun } from './run.ts';
import { completionOf, pendingView, runView } from './run-view.ts';

const at = (ms: number): string => new Date(START + ms).toISOString();
const onSuccess = (job: string) => ({ job, on: ['success' as const] });
const record = { sha256: 'ab', firstSeq: 11, lastSeq: 20 };

/** One job that was expired once, then ran a step and succeeded; a second that waits for it. */
function told() {
  const h = history();
  const body = createdBody([{ name: 'build' }, { name: 'deploy', needs: [onSuccess('build')] }]);
  h.add('run.created', body, { at: START + 1_000 });
  h.offered(1, 7);
  h.expired(1);
  h.offered(2, 9);
  h.ack(2, 9);
  h.step(2, 9, 0, 'running');
  h.add(
    'step.status',
    { stepIndex: 0, stepName: 'step 0', state: 'success', data: { exitCode: 0 } },
    { jobId: JOB, attempt: 2, session: 9 },
  );
  return h;
}

describe('a run reads as the api documents it', () => {
  it('with the time that a lost agent has to come back, while it has it', () => {
    const h = history();
    h.created();
    h.offered(1, 7);
    h.ack(1, 7);
    const attempts = () => runView(foldRun(h.events), 'main', RUN).jobs[0]?.['attempts'];
    const lost = h.lost(1, 7);
    expect(attempts()).toMatchObject([{ recoverUntil: iso(lost.at + 120_000) }]);
    h.back('agent.resumed', 1, 9, 7);
    expect(attempts()).not.toHaveProperty('0.recoverUntil');
  });

  it('field by field, while it runs', () => {
    const h = told();
    expect(runView(foldRun(h.events), 'main', RUN)).toEqual({
      runId: RUN,
      org: 'main',
      state: 'running',
      trigger: createdBody().trigger,
      rule: { name: 'ci', generation: 1 },
      workflow: 'ci',
      repoUrl: '',
      ref: '',
      sha: '',
      requestId: null,
      cancel: null,
      createdAt: at(1_000),
      startedAt: at(11_004),
      completedAt: null,
      durationMs: null,
      costUsd: 0,
      usage: {},
      lateUsage: null,
      chainDepth: 0,
      trust: 'trusted',
      repository: null,
      upstream: null,
      logBytes: 0,
      artifacts: [],
      jobs: [
        {
          jobId: JOB,
          name: 'build',
          state: 'running',
          agentId: 'agent-9',
          runsOn: [],
          needs: [],
          blockedBy: [],
          queuedAt: at(11_002),
          startedAt: at(11_004),
          completedAt: null,
          failure: null,
          usage: {},
          costUsd: 0,
          logBytes: 0,
          secretOutputs: [],
          approvals: [],
          group: null,
          matrixValues: null,
          offers: { max: 5, expired: 1, rejected: 0, withdrawn: 0, busy: 0, lapsed: 0 },
          retries: { max: 0, used: 0 },
          cancel: null,
          attempts: [
            {
              attempt: 1,
              agentId: 'agent-7',
              session: 7,
              resolution: 'expired',
              reason: 'initial',
              cause: 'ack_timeout',
              offeredAt: at(1_001),
              resolvedAt: at(11_002),
              outcome: null,
              endedAt: null,
              stop: null,
              steps: [],
            },
            {
              attempt: 2,
              agentId: 'agent-9',
              session: 9,
              resolution: 'accepted',
              reason: 'retry',
              cause: null,
              offeredAt: at(11_003),
              resolvedAt: at(11_004),
              outcome: null,
              endedAt: null,
              stop: null,
              steps: [],
            },
          ],
          steps: [
            {
              index: 0,
              name: 'step 0',
              type: 'step',
              state: 'success',
              startedAt: at(11_005),
              completedAt: at(11_006),
              exitCode: 0,
              secretsAccessed: [],
              logBytes: 0,
            },
          ],
        },
        {
          jobId: `${RUN}-1`,
          name: 'deploy',
          state: 'pending',
          agentId: null,
          runsOn: [],
          needs: [onSuccess('build')],
          blockedBy: [{ kind: 'needs', detail: 'waits for build', until: null }],
          queuedAt: null,
          startedAt: null,
          completedAt: null,
          failure: null,
          usage: {},
          costUsd: 0,
          logBytes: 0,
          secretOutputs: [],
          approvals: [],
          group: null,
          matrixValues: null,
          offers: { max: 5, expired: 0, rejected: 0, withdrawn: 0, busy: 0, lapsed: 0 },
          retries: { max: 0, used: 0 },
          cancel: null,
          attempts: [],
          steps: [],
        },
      ],
      record: null,
      anomalies: 0,
      seq: h.seq(),
    });
  });

  it('with its times, duration and record once it has ended', () => {
    const h = history();
    h.created();
    h.offered(1, 7);
    h.add('job.ack', {}, { jobId: JOB, attempt: 1, session: 7, at: START + 500 });
    h.add(
      'job.status',
      { state: 'success' },
      { jobId: JOB, attempt: 1, session: 7, at: START + 2_500 },
    );
    const completion = completionOf(foldRun(h.events));
    expect(completion).toEqual({
      state: 'success',
      startedAt: START + 500,
      completedAt: START + 2_500,
      durationMs: 2_000,
      queuedMs: 499,
    });
    if (completion === undefined) return;
    h.add('run.completed', {
      ...completion,
      usage: { inputTokens: 9 },
      costUsd: 0.25,
      priceGeneration: 2,
      jobs: [],
    });
    expect(runView(foldRun(h.events), 'main', RUN, { record })).toMatchObject({
      state: 'success',
      startedAt: at(500),
      completedAt: at(2_500),
      durationMs: 2_000,
      costUsd: 0.25,
      usage: { inputTokens: 9 },
      record,
    });
  });

  it('as pending while its trigger is stored and run.created is not, with the same fields', () => {
    const pending = pendingView('main', RUN, { source: 'github' });
    expect(Object.keys(pending).toSorted()).toEqual(
      Object.keys(runView(foldRun(told().events), 'main', RUN)).toSorted(),
    );
    expect(pending).toMatchObject({
      runId: RUN,
      org: 'main',
      state: 'pending',
      jobs: [],
      record: null,
      seq: 0,
    });
    expect(runView(initialRun, 'main', RUN)).toEqual({ ...pending, trigger: null });
  });

  it('with what was odd in its history counted, also before it was created', () => {
    const h = history();
    h.ack(1, 7);
    expect(runView(foldRun(h.events), 'main', RUN)).toMatchObject({
      state: 'pending',
      anomalies: 1,
      seq: 11,
    });
  });
});

describe('why a job waits', () => {
  const blockedBy = (h: ReturnType<typeof history>, index = 0) =>
    runView(foldRun(h.events), 'main', RUN).jobs[index]?.['blockedBy'];

  it('is the jobs that it needs, as long as they are open', () => {
    const h = history();
    h.created([
      { name: 'a' },
      { name: 'b' },
      { name: 'c', needs: [onSuccess('a'), onSuccess('b')] },
    ]);
    expect(blockedBy(h, 2)).toEqual([
      { kind: 'needs', detail: 'waits for a', until: null },
      { kind: 'needs', detail: 'waits for b', until: null },
    ]);
    h.offered(1, 1);
    h.status(1, 1, 'success');
    expect(blockedBy(h, 2)).toEqual([{ kind: 'needs', detail: 'waits for b', until: null }]);
  });

  it('is an agent with its labels, and after a reject the backoff until its end', () => {
    const h = history();
    const body = createdBody();
    h.add('run.created', {
      ...body,
      jobs: body.jobs.map((job) => ({ ...job, runsOn: ['linux', 'x64'] })),
    });
    const agent = { kind: 'agent', detail: 'waits for a free agent with linux, x64', until: null };
    expect(blockedBy(h)).toEqual([agent]);
    h.offered(1, 1);
    expect(blockedBy(h)).toEqual([]);
    h.reject(1, 1);
    const until = iso(foldRun(h.events).jobs[0]?.notBefore ?? null);
    expect(blockedBy(h)).toEqual([
      { kind: 'backoff', detail: 'its last offer was rejected', until },
      agent,
    ]);
  });
});

it('times are ISO 8601 in UTC, to the millisecond', () => {
  expect([iso(null), iso(0), iso(8.64e15)]).toEqual([
    null,
    '1970-01-01T00:00:00.000Z',
    '+275760-09-13T00:00:00.000Z',
  ]);
});

it('there is nothing to complete while a job is open, or before there is a run', () => {
  expect(completionOf(foldRun(told().events))).toBeUndefined();
  expect(completionOf(initialRun)).toBeUndefined();
});
