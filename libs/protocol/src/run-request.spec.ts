import { describe, expect, it } from 'vitest';
import type { z } from 'zod';
import { RunRequest, requestLimits } from './run-request.ts';

const problems = (schema: z.ZodType, value: unknown): readonly string[] => {
  const parsed = schema.safeParse(value);
  return parsed.success
    ? []
    : parsed.error.issues.map((issue) => `${issue.path.join('.')}: ${issue.message}`);
};
const job = { name: 'test', steps: [{ run: 'make test' }] };
const request = (...jobs: readonly unknown[]) => ({ jobs });
/** The same job with one thing changed. */
const accepts = (change: object): boolean =>
  RunRequest.safeParse(request({ ...job, ...change })).success;

describe('a run request', () => {
  it('may be as short as one job with one step, or with a config', () => {
    expect(problems(RunRequest, request({ name: 'a', steps: [{ run: 'true' }] }))).toEqual([]);
    expect(problems(RunRequest, request({ name: 'a', config: {} }))).toEqual([]);
  });

  it('may say everything that the api documents', () => {
    const full = {
      jobs: [
        {
          name: 'build',
          runsOn: ['linux'],
          steps: [{ name: 'unit', run: 'make', env: { CI: '1' }, timeoutMs: 1_000 }],
          timeoutMs: 60_000,
          queueTimeoutMs: 60_000,
          ackTimeoutMs: 1_000,
          heartbeatTimeoutMs: 120_000,
          agent: 'builder-1.example.net',
          retries: [{ on: ['failed'], exitCodes: [75], max: 3, backoffMs: 0, backoffMaxMs: 0 }],
          matrix: { os: ['linux', 'mac'], node: [20, 24], fast: [true] },
          failFast: false,
          env: { A: '' },
        },
        {
          name: 'deploy',
          needs: ['build', { job: 'lint', on: ['failed', 'skipped'] }, { job: 'lint' }],
          config: { anything: [1] },
        },
        { name: 'lint', config: {} },
      ],
      workflow: 'ci',
      repoUrl: 'https://git.example.net/acme/shop.git',
      ref: 'main',
      sha: '0f3c1f5e',
      input: { dryRun: true },
      attemptsMax: 3,
      cancelGraceMs: 5_000,
      failFast: true,
      secrets: { NPM_TOKEN: 'x' },
    };
    expect(problems(RunRequest, full)).toEqual([]);
  });

  it('is told every mistake at once, in fields and between jobs', () => {
    const bad = {
      jobs: [
        { name: '', steps: [{ run: '' }], timeoutMs: 0 },
        { name: 'a', needs: ['b', 'ghost'], steps: [{ run: 'x', env: { '1A': 'x' } }] },
        { name: 'b', needs: ['a'] },
        { name: 'b', steps: [], colour: 'red' },
      ],
      shaa: 'x',
    };
    const found = problems(RunRequest, bad);
    for (const place of [
      'jobs.0.name',
      'jobs.0.steps.0.run',
      'jobs.0.timeoutMs',
      'jobs.1.steps.0.env.1A',
      'jobs.2.steps',
      'jobs.3.steps',
      'jobs.3:',
    ])
      expect(
        found.filter((line) => line.startsWith(place)),
        place,
      ).not.toEqual([]);
    expect(found).toContain('jobs.1: these jobs need each other: a -> b -> a');
    expect(found).toContain('jobs.1: job "a" needs "ghost", which is not a job of this run');
    expect(found).toContain('jobs.3: two jobs are named "b"; names must differ');
    expect(found.filter((line) => line.includes('colour'))).toHaveLength(1);
    expect(found.filter((line) => line.includes('shaa'))).toHaveLength(1);
  });

  it('says in words what a job, a need and a variable have to be', () => {
    expect(problems(RunRequest, request({ name: 'a' }))).toEqual([
      'jobs.0.steps: a job has steps, or a config that is passed to its agent as it stands',
    ]);
    expect(problems(RunRequest, request({ ...job, needs: [7] }))).toEqual([
      'jobs.0.needs.0: a need is the name of a job, or { job, on: [outcomes] }',
    ]);
    expect(problems(RunRequest, request({ ...job, env: { 'A-B': '' } }))).toEqual([
      'jobs.0.env.A-B: must be a variable name: letters, digits and "_"',
    ]);
    expect(problems(RunRequest, request())).toEqual(['jobs: a run has at least one job']);
  });

  it('of any shape at all is refused without a throw', () => {
    const shapes: readonly unknown[] = [
      null,
      [],
      'x',
      {},
      { jobs: null },
      { jobs: {} },
      request(null),
      request('x'),
      request([]),
      request({ name: {} }),
      request({ name: 'a', needs: 'b' }),
      request({ name: 'a', needs: [null, {}, { job: 1 }] }),
      request({ name: 'a', steps: {} }),
      request({ name: 'a', config: [] }),
    ];
    for (const shape of shapes)
      expect(problems(RunRequest, shape), JSON.stringify(shape)).not.toEqual([]);
  });
});

describe('a limit holds at its value and not past it', () => {
  const text = (length: number): string => 'x'.repeat(length);
  const list = <T>(length: number, item: (index: number) => T): readonly T[] =>
    Array.from({ length }, (_, index) => item(index));
  const jobsOf = (count: number) => ({
    jobs: list(count, (index) => ({ ...job, name: `j${index}` })),
  });

  it.each<readonly [string, (at: number) => object, number]>([
    ['labels of a job', (at) => ({ runsOn: list(at, String) }), requestLimits.labels],
    ['length of a label', (at) => ({ runsOn: [text(at)] }), requestLimits.labelLength],
    ['steps of a job', (at) => ({ steps: list(at, () => ({ run: 'x' })) }), requestLimits.steps],
    ['length of a name', (at) => ({ name: text(at) }), requestLimits.nameLength],
    ['timeout of a job', (at) => ({ timeoutMs: at }), requestLimits.timeoutMs],
    ['wait for an agent', (at) => ({ queueTimeoutMs: at }), requestLimits.timeoutMs],
    ['wait for an answer', (at) => ({ ackTimeoutMs: at }), requestLimits.ackTimeoutMaxMs],
    ['silence of a job', (at) => ({ heartbeatTimeoutMs: at }), requestLimits.timeoutMs],
    [
      'timeout of a step',
      (at) => ({ steps: [{ run: 'x', timeoutMs: at }] }),
      requestLimits.timeoutMs,
    ],
  ])('%s', (_, change, limit) => {
    expect([accepts(change(limit)), accepts(change(limit + 1))]).toEqual([true, false]);
  });

  it.each([
    ['ackTimeoutMs', requestLimits.ackTimeoutMinMs],
    ['heartbeatTimeoutMs', requestLimits.heartbeatTimeoutMinMs],
  ])('%s, which has a least value too', (field, least) => {
    expect([accepts({ [field]: least }), accepts({ [field]: least - 1 })]).toEqual([true, false]);
    expect(problems(RunRequest, request({ ...job, [field]: 10 }))).toEqual([
      `jobs.0.${field}: must be ${least} ms or more`,
    ]);
  });

  it('jobs of a run', () => {
    const { jobs } = requestLimits;
    expect([jobs, jobs + 1].map((count) => RunRequest.safeParse(jobsOf(count)).success)).toEqual([
      true,
      false,
    ]);
  });

  it('length of repoUrl, ref and sha', () => {
    for (const [field, limit] of [
      ['repoUrl', 2048],
      ['ref', 1024],
      ['sha', 64],
    ] as const)
      expect(
        [limit, limit + 1].map(
          (length) => RunRequest.safeParse({ ...request(job), [field]: text(length) }).success,
        ),
      ).toEqual([true, false]);
  });

  it('secrets of a run', () => {
    const secretsOf = (count: number) =>
      Object.fromEntries(list(count, (index) => [`S${index}`, 'x']));
    const { secrets } = requestLimits;
    expect(
      [secrets, secrets + 1].map(
        (count) => RunRequest.safeParse({ ...request(job), secrets: secretsOf(count) }).success,
      ),
    ).toEqual([true, false]);
  });

  it('an empty list of steps, of outcomes, an empty label: refused', () => {
    expect([
      accepts({ steps: [] }),
      accepts({ runsOn: [''] }),
      accepts({ needs: [{ job: 'x', on: [] }] }),
    ]).toEqual([false, false, false]);
    expect([
      accepts({ timeoutMs: 1.5 }),
      accepts({ timeoutMs: -1 }),
      accepts({ timeoutMs: '1' }),
    ]).toEqual([false, false, false]);
  });
});

describe('a matrix', () => {
  const values = (count: number) => Array.from({ length: count }, (_, index) => index);
  const matrixOf = (matrix: object, ...more: readonly object[]) =>
    problems(RunRequest, request({ ...job, matrix }, ...more));

  it('counts every combination against the jobs of a run', () => {
    expect(matrixOf({ a: values(16), b: values(16) })).toEqual([]);
    const tooMany = 'jobs: a run has at most 256 jobs, every combination of a matrix counted';
    expect(matrixOf({ a: values(257) })).toEqual([tooMany]);
    expect(matrixOf({ a: values(16), b: values(16) }, { ...job, name: 'one more' })).toEqual([
      tooMany,
    ]);
    expect(matrixOf(Object.fromEntries(values(40).map((at) => [`n${at}`, [1, 2]])))).toEqual([
      tooMany,
    ]);
  });

  it('makes no two jobs of one name, and none that is called as a job that was written', () => {
    const twice = (name: string) => `jobs.0.matrix: two jobs would be named "${name}"`;
    expect(matrixOf({ a: [1, '1'] })).toEqual([twice('test (1)')]);
    expect(matrixOf({ a: ['x'] }, { ...job, name: 'test (x)' })).toEqual([twice('test (x)')]);
  });

  it('has values, and makes names that may be written', () => {
    expect(matrixOf({})).toEqual(['jobs.0.matrix: a matrix has at least one name']);
    expect(matrixOf({ a: [] })).toHaveLength(1);
    const long = 'x'.repeat(requestLimits.nameLength);
    expect(matrixOf({ a: [long] })).toEqual([
      `jobs.0.matrix: "test (${long})" is too long for a name`,
    ]);
  });

  it('is needed as a whole, by the name that was written', () => {
    expect(matrixOf({ a: [1, 2] }, { ...job, name: 'next', needs: ['test'] })).toEqual([]);
    expect(matrixOf({ a: [1, 2] }, { ...job, name: 'next', needs: ['test (1)'] })).toEqual([
      'jobs.1: job "next" needs "test (1)", which is not a job of this run',
    ]);
  });
});
