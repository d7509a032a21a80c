import { JobAborted } from '@waybill/agent';
import { eventually } from '@waybill/process/testing';
import { describe, expect, it } from 'vitest';
import { runJob } from './job-run.ts';
import { configOf, ran, recordedJob, surroundings } from './recorded-job.fixture.ts';

type Recorded = Awaited<ReturnType<typeof ran>>['job'];
const told = (job: Recorded) =>
  job.steps.map(({ index, name, state, more }) =>
    [index >= 1_000_000 ? 'hook' : index, name, state, more?.type].filter((x) => x !== undefined),
  );

describe('hooks', () => {
  const say = (name: string) => `echo "${name} $WAYBILL_HOOK $WAYBILL_JOB_STATUS"`;
  const hooks = {
    beforeStep: say('before'),
    afterStep: 'echo "after $WAYBILL_HOOK_STEP $WAYBILL_HOOK_STEP_STATUS"',
    onSuccess: say('good'),
    onFailure: say('bad'),
    onCancel: say('gone'),
    cleanup: [say('clean 1'), say('clean 2')],
  };

  it('run around each step and at the end of a job that goes well, told as what they are', async () => {
    const { outcome, job } = await ran([{ name: 'a', run: 'echo a' }], { jobConfig: { hooks } });
    expect(outcome.state).toBe('success');
    expect(job.lines()).toEqual([
      'before beforeStep success',
      'a',
      'after a success',
      'good onSuccess success',
      'clean 1 cleanup success',
      'clean 2 cleanup success',
    ]);
    expect(told(job)).toEqual([
      ['hook', 'beforeStep: a', 'running', 'hook:beforeStep'],
      ['hook', 'beforeStep: a', 'success', 'hook:beforeStep'],
      [0, 'a', 'running'],
      [0, 'a', 'success'],
      ['hook', 'afterStep: a', 'running', 'hook:afterStep'],
      ['hook', 'afterStep: a', 'success', 'hook:afterStep'],
      ['hook', 'onSuccess', 'running', 'hook:onSuccess'],
      ['hook', 'onSuccess', 'success', 'hook:onSuccess'],
      ['hook', 'cleanup', 'running', 'hook:cleanup'],
      ['hook', 'cleanup', 'success', 'hook:cleanup'],
      ['hook', 'cleanup', 'running', 'hook:cleanup'],
      ['hook', 'cleanup', 'success', 'hook:cleanup'],
    ]);
    const indices = job.steps.map(({ index }) => index).filter((index) => index >= 1_000_000);
    expect(new Set(indices).size).toBe(5);
    expect(outcome.data?.['stepResults']).toHaveLength(1);
  });

  it('for a failure run when a step fails', async () => {
    const { outcome, job } = await ran([{ name: 'a', run: 'exit 3' }, 'echo never'], {
      jobConfig: {
        hooks: { onSuccess: say('good'), onFailure: say('bad'), cleanup: say('clean') },
      },
    });
    expect(outcome.data).toMatchObject({ reason: 'step_failed' });
    expect(job.lines()).toEqual(['bad onFailure failure', 'clean cleanup failure']);
  });

  it('that fail before a step fail the step, and at a good end the job', async () => {
    const before = await ran([{ name: 'a', run: 'echo never' }], {
      jobConfig: { hooks: { beforeStep: 'exit 2' } },
    });
    expect(before.outcome).toMatchObject({
      state: 'failed',
      data: { reason: 'hook_failed', stepResults: [{ name: 'a', status: 'failed' }] },
    });
    expect(before.job.lines()).toEqual([]);
    const end = await ran(['true'], {
      jobConfig: { hooks: { onSuccess: 'exit 2', onFailure: 'echo bad' } },
    });
    expect(end.outcome).toMatchObject({
      state: 'failed',
      data: { reason: 'hook_failed', error: { message: 'hook "onSuccess": exit code 2' } },
    });
    expect(end.job.lines()).toEqual(['bad']);
    const clean = await ran(['true'], { jobConfig: { hooks: { cleanup: 'exit 2' } } });
    expect(clean.outcome.state).toBe('success');
  });

  it('of a cancelled job have a moment of their own', async () => {
    const job = recordedJob({
      jobConfig: {
        ...configOf(['echo ready; sleep 1000', { run: 'echo salvage', if: 'cancelled()' }]),
        hooks: { onCancel: say('gone'), cleanup: say('clean'), onFailure: 'echo never' },
      },
    });
    const run = runJob(job.handle, await surroundings());
    await eventually(() => job.lines().includes('ready'));
    job.abort();
    expect(await run).toMatchObject({ state: 'cancelled' });
    expect(job.lines()).toEqual([
      'ready',
      'salvage',
      'gone onCancel cancelled',
      'clean cleanup cancelled',
    ]);
  });

  it('of a cancelled job end when their moment is over, or when it is forced', async () => {
    for (const how of ['time', 'force']) {
      const job = recordedJob({
        jobConfig: {
          ...configOf(['echo ready; sleep 1000']),
          hooks: { onCancel: 'echo hook; sleep 1000', cleanup: 'echo clean' },
        },
      });
      const afterMs = how === 'time' ? 300 : 60_000;
      const run = runJob(job.handle, await surroundings({ afterMs }));
      await eventually(() => job.lines().includes('ready'));
      job.abort();
      if (how === 'force') {
        await eventually(() => job.lines().includes('hook'));
        job.abort(new JobAborted('cancelled', 'now', true));
      }
      expect(await run).toMatchObject({ state: 'cancelled' });
      expect(job.lines()).toEqual(['ready', 'hook']);
    }
  });

  it('and everything else keep still where the job may be another agent’s', async () => {
    const job = recordedJob({
      jobConfig: {
        ...configOf(['echo ready; sleep 1000', { run: 'echo never', if: 'always()' }]),
        hooks: { onCancel: 'echo never', onFailure: 'echo never', cleanup: 'echo never' },
      },
    });
    const run = runJob(job.handle, await surroundings());
    await eventually(() => job.lines().includes('ready'));
    job.abort(new JobAborted('lease_lost', 'no answer'));
    expect(await run).toMatchObject({ state: 'failed', data: { reason: 'lease_lost' } });
    expect(job.lines()).toEqual(['ready']);
  });
});

describe('a condition', () => {
  it('decides by how the job stands, and by variables', async () => {
    const { job } = await ran(
      [
        { name: 'a', run: 'echo a', if: "env.MODE == 'full' && matrix.os == 'linux'" },
        { name: 'b', run: 'echo b', if: "env.MODE == 'quick'" },
        { name: 'c', run: 'exit 1', env: { X: '1' }, if: 'env.X' },
        { name: 'd', run: 'echo d' },
        { name: 'e', run: 'echo e', if: 'failure()' },
        { name: 'f', run: 'echo f', if: 'always()' },
      ],
      { jobConfig: { env: { MODE: 'full' }, matrixValues: { os: 'linux' } } },
    );
    expect(job.lines()).toEqual(['a', 'e', 'f']);
    const last = new Map(job.steps.map(({ name, state }) => [name, state]));
    expect(Object.fromEntries(last)).toEqual({
      a: 'success',
      b: 'skipped',
      c: 'failed',
      d: 'skipped',
      e: 'success',
      f: 'success',
    });
  });

  it('of a job that took too long still gets its moment', async () => {
    const { outcome, job } = await ran(['sleep 1000', { run: 'echo saved', if: 'always()' }], {
      jobConfig: { timeout: 200, hooks: { onFailure: 'echo told' } },
    });
    expect(outcome.data).toMatchObject({ reason: 'job_timeout' });
    expect(job.lines()).toEqual(['saved', 'told']);
  });
});

describe('a step that may fail', () => {
  it('fails alone', async () => {
    const { outcome, job } = await ran([{ run: 'exit 1', continueOnError: true }, 'echo on']);
    expect(outcome).toMatchObject({
      state: 'success',
      data: { stepResults: [{ status: 'failed' }, { status: 'success' }] },
    });
    expect(job.lines()).toEqual(['on']);
  });
});
