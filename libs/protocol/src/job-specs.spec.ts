import { describe, expect, it } from 'vitest';
import { jobSpecs } from './job-specs.ts';
import { RUN } from './run.fixture.ts';
import { JobSpec } from './run-created.ts';
import { JobRequests } from './run-request.ts';

describe('who must approve a job', () => {
  const specOf = (approval: unknown) =>
    JobRequests.safeParse([{ name: 'a', steps: [{ run: 'x' }], approval }]);
  const context = { runId: RUN, workflow: 'ci', checkout: false, input: undefined };

  it('stands in its spec as it was asked for', () => {
    const approval = { users: ['ada'], teams: ['ops'], reason: 'it goes live', timeoutMs: 60_000 };
    for (const asked of [approval, {}]) {
      const read = specOf(asked);
      expect(read.success && jobSpecs(read.data, context)[0]?.approval).toEqual(asked);
    }
  });

  it('is refused with names that nobody can have, and with times that nobody can keep', () => {
    for (const wrong of [
      { users: ['a b'] },
      { teams: [''] },
      { timeoutMs: 10 },
      { timeoutMs: 91 * 86_400_000 },
      { reason: '' },
      { user: 'ada' },
    ])
      expect(specOf(wrong).success, JSON.stringify(wrong)).toBe(false);
  });
});

describe('the jobs of a run', () => {
  const context = { runId: RUN, workflow: 'ci', checkout: true, input: { dryRun: true } };

  it('carry the wire’s jobConfig but for the event, which the dispatch adds', () => {
    const [first, second] = jobSpecs(
      JobRequests.parse([
        {
          name: 'build',
          runsOn: ['linux'],
          steps: [
            { name: 'unit', run: 'make', env: { CI: '1' } },
            { run: 'true', timeoutMs: 5 },
          ],
          timeoutMs: 60_000,
          queueTimeoutMs: 30_000,
          ackTimeoutMs: 2_000,
          heartbeatTimeoutMs: 240_000,
          env: { A: '1' },
        },
        { name: 'deploy', needs: ['build'], steps: [{ run: 'x' }] },
      ]),
      context,
    );
    expect(first).toEqual({
      jobId: `${RUN}-0`,
      name: 'build',
      runsOn: ['linux'],
      needs: [],
      withEvent: true,
      timeoutMs: 60_000,
      queueTimeoutMs: 30_000,
      ackTimeoutMs: 2_000,
      heartbeatTimeoutMs: 240_000,
      config: {
        name: 'build',
        workflowName: 'ci',
        steps: [
          { name: 'unit', run: 'make', env: { CI: '1' } },
          { name: 'step 2', run: 'true', timeoutMs: 5 },
        ],
        env: { A: '1' },
        timeout: 60_000,
        needs: [],
        matrixValues: {},
        dispatchInputs: { dryRun: true },
        checkout: true,
      },
    });
    expect(second).toMatchObject({
      jobId: `${RUN}-1`,
      needs: [{ job: 'build', on: ['success'] }],
      config: { needs: ['build'], timeout: null },
    });
    for (const spec of [first, second]) expect(JobSpec.parse(spec)).toEqual(spec);
  });

  it('copy a config verbatim, without an event', () => {
    const config = { name: 'other', nested: { list: [1, null] } };
    expect(jobSpecs([{ name: 'a', config }], context)[0]).toEqual({
      jobId: `${RUN}-0`,
      name: 'a',
      runsOn: [],
      needs: [],
      config,
      withEvent: false,
    });
  });

  it('are one for each combination of a matrix, the last name moving fastest', () => {
    const specs = jobSpecs(
      JobRequests.parse([
        { name: 'test', matrix: { os: ['linux', 'mac'], node: [20, 24] }, steps: [{ run: 'x' }] },
        { name: 'ship', needs: ['test'], config: { any: 1 } },
      ]),
      context,
    );
    expect(specs.map(({ jobId, name, group }) => [jobId, name, group])).toEqual([
      [`${RUN}-0`, 'test (linux, 20)', 'test'],
      [`${RUN}-1`, 'test (linux, 24)', 'test'],
      [`${RUN}-2`, 'test (mac, 20)', 'test'],
      [`${RUN}-3`, 'test (mac, 24)', 'test'],
      [`${RUN}-4`, 'ship', undefined],
    ]);
    expect(specs[3]).toMatchObject({
      matrixValues: { os: 'mac', node: 24 },
      config: { name: 'test (mac, 24)', matrixValues: { os: 'mac', node: 24 } },
      failFast: true,
    });
    expect(specs[4]).toMatchObject({ needs: [{ job: 'test', on: ['success'] }] });
    for (const spec of specs) expect(JobSpec.parse(spec)).toEqual(spec);
  });

  it('with a matrix and a config of their own have their values in it', () => {
    const [spec] = jobSpecs([{ name: 'a', matrix: { os: ['linux'] }, config: { x: 1 } }], context);
    expect(spec).toMatchObject({
      config: { x: 1, matrixValues: { os: 'linux' } },
      withEvent: false,
    });
  });

  it('carry the policies of their retries whole; a number means any failure, so often', () => {
    const retriesOf = (retries: unknown) =>
      jobSpecs(JobRequests.parse([{ name: 'a', config: {}, retries }]), context)[0]?.retries;
    const on = ['failed', 'agent_lost', 'timed_out_stale', 'job_timeout'];
    expect(retriesOf(2)).toEqual([{ on, max: 2, backoffMs: 1_000, backoffMaxMs: 300_000 }]);
    expect(retriesOf([{ on: ['failed'], exitCodes: [75], max: 9, backoffMs: 0 }])).toEqual([
      { on: ['failed'], exitCodes: [75], max: 9, backoffMs: 0, backoffMaxMs: 300_000 },
    ]);
    expect(retriesOf(undefined)).toBeUndefined();
  });

  it('carry how the runner does the work, and the cap of its log beside it', () => {
    const work = {
      hooks: { beforeStep: 'a', cleanup: ['b', 'c'] },
      cache: [{ key: "npm-${{ hashFiles('package-lock.json') }}", path: '~/.npm' }],
      install: true,
    };
    const step = {
      name: 'deploy',
      run: 'x',
      if: "failure() || env.A == 'b'",
      continueOnError: true,
      secrets: ['TOKEN'],
      emit: [{ event: 'deployed', payload: { a: 1 }, target: { repos: ['x/y'] } }],
      requireApproval: { users: ['ann'], teams: ['ops'], reason: 'go?', timeoutSeconds: 60 },
    };
    const job = { name: 'a', steps: [step], maxLogSizeBytes: 1_000, ...work };
    const [spec] = jobSpecs(JobRequests.parse([job]), context);
    expect(spec).toMatchObject({ maxLogSizeBytes: 1_000, config: { ...work, steps: [step] } });
    expect(JobSpec.parse(spec)).toEqual(spec);
    for (const wrong of [
      { ...job, hooks: { onTuesday: 'x' } },
      { ...job, cache: [{ key: 'k' }] },
      { ...job, steps: [{ ...step, secrets: ['not-a-name'] }] },
      { ...job, maxLogSizeBytes: 0 },
    ])
      expect(JobRequests.safeParse([wrong]).success, JSON.stringify(wrong)).toBe(false);
  });
});
