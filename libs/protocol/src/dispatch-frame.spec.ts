import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { runsOf } from './arbitrary.fixture.ts';
import { dispatchFrame } from './dispatch-frame.ts';
import { parseWireJobId } from './ids.ts';
import { currentAttempt } from './job.ts';
import { createdBody, history, JOB, RUN } from './run.fixture.ts';
import { evolveRun, foldRun, initialRun, type Run } from './run.ts';
import { anyHistory } from './run-history.fixture.ts';
import { parseOrchestratorFrame } from './wire/frame.ts';

/** The frame of the last attempt of one job. */
function frameOf(run: Run, index = 0, extended = false) {
  const job = run.jobs[index];
  const attempt = job === undefined ? undefined : currentAttempt(job);
  if (job === undefined || attempt === undefined) throw new Error('nothing was offered');
  return dispatchFrame(run, job, attempt, extended);
}
const config = { name: 'build', steps: [{ name: 'unit', run: 'make test' }] };
const event = { ref: 'refs/heads/main' };

function offeredOnce(change: Partial<ReturnType<typeof createdBody>> = {}) {
  const h = history();
  const body = createdBody();
  h.add('run.created', {
    ...body,
    event,
    jobs: body.jobs.map((job) => ({ ...job, config, withEvent: true })),
    ...change,
  });
  h.offered(1, 7);
  return h;
}

describe('the dispatch of an offer', () => {
  it('follows from the run, field by field', () => {
    const h = history();
    const body = createdBody();
    const jobs = body.jobs.map((job) => ({ ...job, config, withEvent: true }));
    const created = {
      ...body,
      event,
      jobs,
      repoUrl: 'https://git.example.net/a.git',
      ref: 'main',
      sha: '0f3c',
    };
    const made = h.add('run.created', created);
    h.events[0] = { ...made, meta: { ...made.meta, requestId: 'req-1' } };
    const offer = h.offered(1, 7);
    expect(frameOf(foldRun(h.events))).toEqual({
      type: 'job.dispatch',
      messageId: `${JOB}.1.${offer.seq - 1}`,
      runId: RUN,
      jobId: JOB,
      repoUrl: 'https://git.example.net/a.git',
      ref: 'main',
      sha: '0f3c',
      lockFileUrl: '',
      jobConfig: { ...config, event },
      timestamp: offer.at,
      requestId: 'req-1',
    });
  });

  it('of attempt 2 has a wire id of its own, which reads back as attempt 2', () => {
    const h = offeredOnce();
    h.expired(1);
    h.offered(2, 9);
    const frame = frameOf(foldRun(h.events));
    expect(frame).toMatchObject({ jobId: `${JOB}-a2` });
    expect(parseWireJobId(`${JOB}-a2`)).toEqual({ runId: RUN, jobId: JOB, attempt: 2, index: 0 });
  });

  it('tells attempt and fence to agents that know the extensions, and to nobody else', () => {
    const run = foldRun(offeredOnce().events);
    expect(frameOf(run, 0, true)).toMatchObject({
      attempt: 1,
      fence: currentAttempt(run.jobs[0] ?? initialJob())?.fence,
    });
    expect(Object.keys(frameOf(run) ?? {})).not.toContain('fence');
    expect(Object.keys(frameOf(run) ?? {})).not.toContain('attempt');
  });

  it('carries the trace context of its trigger to agents that know the extensions', () => {
    const traceparent = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01';
    const run = { ...foldRun(offeredOnce().events), traceparent };
    expect(frameOf(run, 0, true)).toMatchObject({ traceparent });
    expect(frameOf(run)).not.toHaveProperty('traceparent');
  });

  it('carries secrets as they are sealed', () => {
    const secrets = { kid: 'k1', enc: 'AAAA', ct: 'BBBB' };
    expect(frameOf(foldRun(offeredOnce({ secrets }).events))).toMatchObject({ secrets });
    expect(frameOf(foldRun(offeredOnce().events))).not.toHaveProperty('secrets');
  });

  it('carries a config that was given verbatim without the event', () => {
    const jobs = createdBody().jobs.map((job) => ({ ...job, config, withEvent: false }));
    expect(frameOf(foldRun(offeredOnce({ jobs }).events))).toMatchObject({ jobConfig: config });
    expect(frameOf(foldRun(offeredOnce({ jobs }).events))?.['jobConfig']).not.toHaveProperty(
      'event',
    );
  });

  it('carries outputs and outcomes of the jobs that it needs, in the words of the wire', () => {
    const h = history();
    const needs = ['a', 'b'].map((job) => ({ job, on: ['success' as const, 'failed' as const] }));
    h.created([{ name: 'a' }, { name: 'b' }, { name: 'c', needs }, { name: 'other' }]);
    const id = (index: number): string => `${RUN}-${index}`;
    h.offered(1, 1, id(0));
    h.add(
      'job.status',
      { state: 'success', data: { outputs: { image: 'shop:1' } } },
      { jobId: id(0), attempt: 1, session: 1 },
    );
    h.offered(1, 2, id(1));
    h.status(1, 2, 'timed_out_stale', id(1));
    h.add('job.queued', { jobId: id(2) }, { jobId: id(2) });
    h.offered(1, 3, id(2));
    expect(frameOf(foldRun(h.events), 2)).toMatchObject({
      upstreamJobOutputs: { a: { image: 'shop:1' }, b: {} },
      upstreamJobStatuses: { a: 'success', b: 'timed_out_stale' },
    });
    expect(frameOf(foldRun(offeredOnce().events))).not.toHaveProperty('upstreamJobStatuses');
  });

  it('is none before there is a run', () => {
    const run = foldRun(offeredOnce().events);
    const [job] = run.jobs;
    const attempt = job === undefined ? undefined : currentAttempt(job);
    if (job === undefined || attempt === undefined) throw new Error('it was offered');
    expect(dispatchFrame(initialRun, job, attempt, true)).toBeUndefined();
  });
});

it('every offer of every history makes a frame that agents accept', () => {
  let frames = 0;
  fc.assert(
    fc.property(anyHistory, fc.boolean(), (events, extended) => {
      let run = initialRun;
      for (const each of events) {
        run = evolveRun(run, each);
        for (const job of run.jobs) {
          const attempt = currentAttempt(job);
          if (job.state !== 'offered' || attempt === undefined) continue;
          const frame = dispatchFrame(run, job, attempt, extended);
          expect(parseOrchestratorFrame(JSON.stringify(frame))).toMatchObject({ ok: true });
          expect(parseWireJobId(String(frame?.['jobId']))).toMatchObject({
            jobId: job.spec.jobId,
            attempt: attempt.attempt,
          });
          frames += 1;
        }
      }
    }),
    runsOf(60),
  );
  expect(frames).toBeGreaterThan(60);
});

const initialJob = (): never => {
  throw new Error('the run has a job');
};
