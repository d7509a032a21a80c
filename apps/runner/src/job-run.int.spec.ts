import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { JobAborted } from '@waybill/agent';
import { eventually } from '@waybill/process/testing';
import { describe, expect, it } from 'vitest';
import { runJob } from './job-run.ts';
import {
  configOf,
  isRunning,
  ran,
  recordedJob,
  scratch,
  surroundings,
} from './recorded-job.fixture.ts';

const pidIn = (file: string) => (): number | false => Number(readFileSync(file, 'utf8')) || false;

describe('the steps of a job', () => {
  it('run one after the other in one fresh workspace, which is gone afterwards', async () => {
    const { outcome, job } = await ran(['pwd; ls -A; echo x > a.txt', 'cat a.txt; ls -A']);
    expect(outcome.state).toBe('success');
    const [folder = '', ...rest] = job.lines();
    expect(rest).toEqual(['x', 'a.txt']);
    expect(() => readdirSync(folder)).toThrow('ENOENT');
    expect(job.steps.map(({ index, state }) => [index, state])).toEqual([
      [0, 'running'],
      [0, 'success'],
      [1, 'running'],
      [1, 'success'],
    ]);
    expect(job.steps[1]?.data).toMatchObject({ exitCode: 0, signal: null });
  });

  it('after one that fails are skipped, and the job says which failed and why', async () => {
    const { outcome, job } = await ran([{ name: 'break', run: 'false; echo never' }, 'echo never']);
    expect(job.lines()).toEqual([]);
    expect(outcome).toMatchObject({
      state: 'failed',
      data: {
        reason: 'step_failed',
        error: { message: 'step "break": exit code 1' },
        stepResults: [
          { name: 'break', status: 'failed', exitCode: 1, error: { message: 'exit code 1' } },
          { name: 'step 2', status: 'skipped' },
        ],
      },
    });
    expect(job.steps.at(-1)).toMatchObject({ index: 1, state: 'skipped' });
  });

  it.each([
    ['exit 3', { exitCode: 3, signal: null, error: { message: 'exit code 3' } }],
    ['kill -9 $$', { exitCode: null, signal: 'SIGKILL', error: { message: 'killed by SIGKILL' } }],
    ['no-such-program', { exitCode: 127, signal: null }],
    ['sh -c "kill -TERM \\$\\$"', { exitCode: 143, signal: null }],
  ])('report how `%s` ended', async (run, data) => {
    const { job } = await ran([run]);
    expect(job.steps.at(-1)).toMatchObject({ state: 'failed', data });
  });

  it('keep characters whole that arrive in pieces, on both outputs', async () => {
    const { job } = await ran([
      "printf 'gr\\303'; sleep 0.1; printf '\\274n\\n'; printf '\\360\\237' >&2; sleep 0.1; printf '\\230\\200' >&2",
    ]);
    expect(job.lines()).toEqual(['grün', '😀']);
  });

  it('have no input and a process group of their own', async () => {
    const { job } = await ran(['cat; echo end; ps -o pgid= -p $$ | tr -d " "; echo $$']);
    const [end, group, pid] = job.lines();
    expect(end).toBe('end');
    expect(group).toBe(pid);
  });

  it('leave nothing running behind them', async () => {
    const file = path.join(scratch(), 'pid');
    const { outcome } = await ran([`sleep 1000 & echo $! > ${file}`]);
    expect(outcome.state).toBe('success');
    expect(isRunning(Number(readFileSync(file, 'utf8')))).toBe(false);
  });

  it('that give their output to somebody outside of the group end all the same', async () => {
    const file = path.join(scratch(), 'pid');
    const { outcome, job } = await ran([`setsid sleep 1000 & echo $! > ${file}; echo done`]);
    process.kill(Number(readFileSync(file, 'utf8')), 'SIGKILL');
    expect(outcome.state).toBe('success');
    expect(job.lines()).toEqual(['done']);
  });

  it('that print very much lose nothing', async () => {
    const { job } = await ran(['seq 1 50000']);
    expect(job.lines()).toHaveLength(50_000);
    expect(job.lines().at(-1)).toBe('50000');
  });

  it('that remove their workspace or are too long fail, and nothing else does', async () => {
    const gone = await ran(['rm -rf "$WAYBILL_WORKSPACE"', 'true']);
    expect(gone.outcome).toMatchObject({ state: 'failed', data: { reason: 'step_failed' } });
    const long = await ran([`: ${'x'.repeat(3_000_000)}`]);
    expect(long.outcome).toMatchObject({ state: 'failed', data: { reason: 'step_failed' } });
  });

  it('hand on outputs by the names of the steps', async () => {
    const { outcome } = await ran([
      {
        name: 'build',
        run: 'echo version=1.2 >> "$WAYBILL_OUTPUT"; echo tag=v1 >> "$WAYBILL_OUTPUT"',
      },
      { name: 'quiet', run: 'true' },
    ]);
    expect(outcome.data).toMatchObject({ outputs: { build: { version: '1.2', tag: 'v1' } } });
  });
});

describe('the environment of a step', () => {
  it('is made from job, secrets and step over a clean base', async () => {
    process.env['RUNNER_ONLY'] = 'x';
    const { job } = await ran([{ name: 's', run: 'env | sort', env: { B: 'step', C: 'step' } }], {
      jobConfig: {
        env: { A: 'job', B: 'job' },
        matrixValues: { 'node-version': 24, os: 'linux', experimental: [true] },
      },
      traceparent: '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01',
      secrets: { 'not-a-name': 'abcdefgh' },
      attempt: 2,
      fence: 9,
      requestId: 'request-1',
    });
    delete process.env['RUNNER_ONLY'];
    const env: Readonly<Record<string, string>> = Object.fromEntries(
      job.lines(0).map((line): [string, string] => {
        const at = line.indexOf('=');
        return [line.slice(0, at), line.slice(at + 1)];
      }),
    );
    expect(env).toMatchObject({
      A: 'job',
      B: 'step',
      C: 'step',
      CI: 'true',
      WAYBILL_RUN_ID: 'run-1',
      WAYBILL_JOB_ID: 'job-1',
      WAYBILL_JOB_NAME: 'test',
      WAYBILL_WORKFLOW: 'ci',
      WAYBILL_ATTEMPT: '2',
      WAYBILL_FENCE: '9',
      WAYBILL_REQUEST_ID: 'request-1',
      WAYBILL_STEP_NAME: 's',
      WAYBILL_MATRIX_NODE_VERSION: '24',
      WAYBILL_MATRIX_OS: 'linux',
      WAYBILL_MATRIX_EXPERIMENTAL: '[true]',
      TRACEPARENT: '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01',
    });
    expect(Object.keys(env)).not.toContain('RUNNER_ONLY');
    expect(Object.keys(env).filter((name) => name.includes('TOKEN'))).toEqual([]);
    expect(job.lines(-1)).toEqual([expect.stringContaining('not-a-name')]);
  });

  it('names files with the event and with what earlier jobs handed on', async () => {
    const { job } = await ran(['cat "$WAYBILL_EVENT_PATH"; echo; cat "$WAYBILL_NEEDS_PATH"'], {
      jobConfig: { event: { ref: 'refs/heads/main' } },
      upstreamJobOutputs: { build: { s: { version: '1' } } },
      upstreamJobStatuses: { build: 'success' },
    });
    expect(job.lines().map((line): unknown => JSON.parse(line))).toEqual([
      { ref: 'refs/heads/main' },
      { build: { status: 'success', outputs: { s: { version: '1' } } } },
    ]);
  });

  it('keeps a repository around the workspace out of sight', async () => {
    const { job } = await ran(['git rev-parse --show-toplevel || echo none']);
    expect(job.lines().at(-1)).toBe('none');
  });
});

describe('secrets', () => {
  it('are in no line, error or output', async () => {
    const secrets = { TOKEN: 'topsecret-1', KEY: 'first-line-of-it\nsecond-line-of-it' };
    const { outcome, job } = await ran(
      [
        {
          name: 'print',
          run: 'echo "$TOKEN"; echo "$KEY"; printf %s "u:$TOKEN" | base64; echo "x=$TOKEN" > "$WAYBILL_OUTPUT"; printf topsec; sleep 0.1; echo ret-1',
        },
        { name: 'topsecret-1', run: 'echo "$TOKEN" >&2; exit 1' },
      ],
      { secrets },
    );
    const told = JSON.stringify([outcome.data, job.lines(), job.steps.map(({ data }) => data)]);
    expect(job.lines()).toEqual([
      '***',
      '***',
      '***',
      expect.stringContaining('***'),
      '***',
      '***',
    ]);
    for (const secret of ['topsecret', 'line-of-it', Buffer.from('topsecret-1').toString('base64')])
      expect(told.replaceAll('"name":"topsecret-1"', '')).not.toContain(secret);
  });
});

describe('a job that has to end', () => {
  it('is asked first: its step may still clean up', async () => {
    const job = recordedJob({
      jobConfig: configOf([
        "trap 'echo bye; exit 0' TERM; echo ready; while :; do sleep 0.02; done",
        'true',
      ]),
    });
    const run = runJob(job.handle, await surroundings());
    await eventually(() => job.lines().includes('ready'));
    job.abort();
    const outcome = await run;
    expect(outcome).toMatchObject({
      state: 'cancelled',
      data: { reason: 'cancelled', error: { message: 'no longer needed' } },
    });
    expect(job.lines().at(-1)).toBe('bye');
    expect(job.steps.map(({ state }) => state)).toEqual(['running', 'cancelled', 'skipped']);
  });

  it('is killed with all its processes when it does not listen', async () => {
    const file = path.join(scratch(), 'pid');
    const job = recordedJob({
      jobConfig: configOf([
        `trap '' TERM; sh -c 'trap "" TERM; echo $$ > ${file}; while :; do sleep 1; done' & wait; wait`,
      ]),
    });
    const run = runJob(job.handle, await surroundings({ graceMs: 200 }));
    const pid = await eventually(pidIn(file));
    job.abort();
    expect((await run).state).toBe('cancelled');
    expect(job.steps.at(-1)?.data).toMatchObject({ signal: 'SIGKILL' });
    await eventually(() => !isRunning(pid));
  });

  it('is killed at once when it is forced', async () => {
    const job = recordedJob({
      jobConfig: configOf([
        "trap 'echo bye; exit 0' TERM; echo ready; while :; do sleep 0.02; done",
      ]),
    });
    const run = runJob(job.handle, await surroundings());
    await eventually(() => job.lines().includes('ready'));
    job.abort(new JobAborted('cancelled', 'now', true));
    await run;
    expect(job.lines()).toEqual(['ready']);
  });

  it('and was asked first is killed when it is forced, however much of its grace is left', async () => {
    const job = recordedJob({
      jobConfig: configOf([
        "trap 'echo asked' TERM; echo ready; while :; do sleep 0.02 || true; done",
      ]),
    });
    const run = runJob(job.handle, await surroundings({ graceMs: 600_000 }));
    await eventually(() => job.lines().includes('ready'));
    job.abort();
    await eventually(() => job.lines().includes('asked'));
    job.abort(new JobAborted('cancelled', 'now', true));
    expect((await run).state).toBe('cancelled');
    expect(job.steps.at(-1)?.data).toMatchObject({ signal: 'SIGKILL' });
  });

  it('for another reason than a cancel has failed', async () => {
    const job = recordedJob({ jobConfig: configOf(['echo ready; sleep 1000']) });
    const run = runJob(job.handle, await surroundings());
    await eventually(() => job.lines().includes('ready'));
    job.abort(new JobAborted('lease_lost', 'no answer'));
    expect(await run).toMatchObject({ state: 'failed', data: { reason: 'lease_lost' } });
  });

  it('before its first step runs nothing', async () => {
    const job = recordedJob({ jobConfig: configOf(['echo never']) });
    job.abort();
    expect((await runJob(job.handle, await surroundings())).state).toBe('cancelled');
    expect(job.lines()).toEqual([]);
    expect(job.steps.map(({ state }) => state)).toEqual(['skipped']);
  });
});

describe('a limit of time', () => {
  it('of a step ends the step, and so the job', async () => {
    const { outcome, job } = await ran([{ run: 'sleep 1000', timeoutMs: 100 }, 'echo never']);
    expect(outcome).toMatchObject({ state: 'failed', data: { reason: 'step_timeout' } });
    expect(job.steps.map(({ state }) => state)).toEqual(['running', 'failed', 'skipped']);
    expect(job.steps[1]?.data).toMatchObject({
      error: { message: 'the step took longer than 100 ms' },
    });
  });

  it('of the job ends whatever runs then', async () => {
    const { outcome } = await ran(['true', 'sleep 1000'], { jobConfig: { timeout: 300 } });
    expect(outcome).toMatchObject({
      state: 'failed',
      data: { reason: 'job_timeout', error: { message: 'the job took longer than 300 ms' } },
    });
  });
});

it('a job that this runner cannot read fails with the place of the mistake', async () => {
  const { outcome, job } = await ran([], {});
  expect(outcome).toMatchObject({ state: 'failed', data: { reason: 'invalid_job_config' } });
  expect(job.lines(-1).join()).toContain('jobConfig.steps');
});
