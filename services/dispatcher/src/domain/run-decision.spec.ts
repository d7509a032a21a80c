/** What a run needs decided next. */
import { foldRun, type Run, type RunEvent, subjects } from '@waybill/protocol';
import { createdBody, history, JOB, type JobShape, RUN } from '@waybill/protocol/fixtures';
import { describe, expect, it } from 'vitest';
import { type Decision, decideOffer, decideRun } from './run-decision.ts';

const SECOND = `${RUN}-1`;
type History = ReturnType<typeof history>;
type Limits = NonNullable<Parameters<typeof createdBody>[1]>;

function run(jobs: readonly JobShape[], tell: (h: History) => void, limits: Limits = {}): Run {
  const h = history();
  h.add('run.created', createdBody(jobs, limits));
  tell(h);
  return foldRun(h.events);
}
const said = (decision: Decision | undefined) =>
  decision && {
    type: decision.draft.type,
    ...(JSON.parse(String(decision.draft.body)) as Record<string, unknown>),
  };
const decided = (jobs: readonly JobShape[], tell: (h: History) => void, limits?: Limits) =>
  said(decideRun(run(jobs, tell, limits)));
const needs = (job: string): NonNullable<JobShape['needs']> => [{ job, on: ['success'] }];
const asked = (h: History, force = false): RunEvent =>
  h.add('cancel.requested', { by: 'anna', ...(force ? { force } : {}) });

describe('a decision', () => {
  const two = [{ name: 'a' }, { name: 'b', needs: needs('a') }];

  it('queues what has what it needs, and skips what will never have it', () => {
    const ends = (state: 'success' | 'failed') => (h: History) => {
      h.offered(1, 7);
      h.status(1, 7, state);
    };
    expect(decided(two, ends('success'))).toEqual({ type: 'job.queued', jobId: SECOND });
    expect(decided(two, ends('failed'))).toMatchObject({ type: 'job.skipped', jobId: SECOND });
  });

  it('completes a run whose jobs have all ended', () => {
    const ended = decided([{ name: 'a' }], (h) => {
      h.offered(1, 7);
      h.status(1, 7, 'success');
    });
    expect(ended).toMatchObject({
      type: 'run.completed',
      state: 'success',
      usage: {},
      costUsd: 0,
      jobs: [{ jobId: JOB, name: 'a', attempts: 1 }],
    });
  });

  it('is none for a run that waits, that does not exist, or that has ended', () => {
    expect(decided(two, () => undefined)).toBeUndefined();
    expect(decideRun(foldRun([]))).toBeUndefined();
  });

  it('names what it expects, and the request that the run goes back to', () => {
    const made = run(two, (h) => {
      h.offered(1, 7);
      h.status(1, 7, 'success');
    });
    const traced = { ...made, requestId: 'req', traceparent: 'tp' };
    const decision = decideRun(traced);
    expect(decision).toEqual(decideRun(traced));
    expect(decision?.expect).toEqual({
      filter: subjects.runFilter('main', RUN),
      lastSeq: made.seq,
    });
    expect(decision?.draft.meta).toMatchObject({ requestId: 'req', traceparent: 'tp' });
  });
});

describe('a cancel', () => {
  const told = { type: 'job.cancel', jobId: JOB, attempt: 1, reason: 'cancelled' };
  const held = (tell: (h: History) => void) => (h: History) => {
    h.offered(1, 7);
    tell(h);
  };

  it('of what no agent has leaves nothing to decide but the end', () => {
    expect(decided([{ name: 'a' }], (h) => asked(h))).toMatchObject({
      type: 'run.completed',
      state: 'cancelled',
    });
  });

  it('withdraws an offer, and tells an agent at work to stop, each attempt once', () => {
    expect(decided([{ name: 'a' }], held(asked))).toEqual({
      ...told,
      force: false,
      graceMs: 30_000,
    });
    const working = (h: History) => {
      h.ack(1, 7);
      asked(h);
    };
    const limits = { cancelGraceMs: 500 };
    expect(decided([{ name: 'a' }], held(working), limits)).toMatchObject({
      ...told,
      graceMs: 500,
    });
    const stopping = (h: History) => {
      working(h);
      h.add('job.cancel', {
        jobId: JOB,
        attempt: 1,
        reason: 'cancelled',
        force: false,
        graceMs: 1,
      });
    };
    expect(decided([{ name: 'a' }], held(stopping))).toBeUndefined();
    const impatient = (h: History) => {
      stopping(h);
      asked(h, true);
    };
    expect(decided([{ name: 'a' }], held(impatient))).toMatchObject({ ...told, force: true });
  });

  it('is addressed to the agent and session that have the job', () => {
    const decision = decideRun(
      run(
        [{ name: 'a' }],
        held((h) => asked(h, true)),
      ),
    );
    expect(decision?.draft.subject).toBe(subjects.runTo('main', RUN, 'agent-7', 'cancel'));
    expect(decision?.draft.meta).toMatchObject({ jobId: JOB, attempt: 1, session: 7 });
  });

  it('goes out before anything else is decided', () => {
    const jobs = [{ name: 'a' }, { name: 'b' }, { name: 'c', needs: needs('b') }];
    const tell = (h: History) => {
      h.offered(1, 7);
      h.offered(1, 8, SECOND);
      h.status(1, 8, 'success', SECOND);
      h.add('cancel.requested', { by: 'anna', jobIds: [JOB] });
    };
    expect(decided(jobs, tell)).toMatchObject(told);
  });
});

describe('a failure', () => {
  const fails = (h: History, more: (h: History) => void = () => undefined) => {
    h.offered(1, 7);
    more(h);
    h.status(1, 7, 'failed');
  };

  it('ends the others of a run that fails fast: those at work are told, the rest is cancelled', () => {
    const jobs = [{ name: 'a' }, { name: 'b' }, { name: 'c', needs: needs('b') }];
    const limits = { failFast: true };
    expect(decided(jobs, (h) => fails(h), limits)).toEqual({
      type: 'job.cancelled',
      jobId: SECOND,
      reason: 'fail_fast',
    });
    const atWork = (h: History) =>
      fails(h, () => {
        h.offered(1, 8, SECOND);
        h.ack(1, 8, SECOND);
      });
    expect(decided(jobs, atWork, limits)).toMatchObject({
      type: 'job.cancel',
      jobId: SECOND,
      reason: 'fail_fast',
      force: false,
    });
    expect(decided(jobs, (h) => fails(h))).toBeUndefined();
  });

  it('ends the others of its matrix, and of no other', () => {
    const of = (name: string, group: string, failFast = true) => ({ name, group, failFast });
    const same = [of('m (1)', 'm'), of('m (2)', 'm')];
    expect(decided(same, (h) => fails(h))).toMatchObject({ type: 'job.cancelled', jobId: SECOND });
    const other = [of('m (1)', 'm'), of('n (1)', 'n')];
    expect(decided(other, (h) => fails(h))).toBeUndefined();
    const patient = [of('m (1)', 'm', false), of('m (2)', 'm', false)];
    expect(decided(patient, (h) => fails(h))).toBeUndefined();
  });

  it('that is done again ends nothing yet', () => {
    const retries = [{ on: ['failed' as const], max: 1, backoffMs: 10, backoffMaxMs: 10 }];
    const jobs = [{ name: 'a', retries }, { name: 'b' }];
    expect(decided(jobs, (h) => fails(h), { failFast: true })).toBeUndefined();
  });
});

describe('an offer', () => {
  const to = { agentId: 'agent-7', session: 7, room: 'reported' } as const;

  it('is the next attempt, and its fence is what it expects', () => {
    const made = run([{ name: 'a' }], (h) => {
      h.offered(1, 7);
      h.expired(1);
    });
    const [job] = made.jobs;
    const offer = job && decideOffer({ ...made, requestId: 'req' }, job, to, undefined);
    expect(said(offer)).toEqual({
      type: 'job.offered',
      jobId: JOB,
      attempt: 2,
      fence: made.seq,
      agentId: 'agent-7',
      session: 7,
      ackTimeoutMs: 10_000,
      reason: 'retry',
      room: 'reported',
    });
    expect(offer?.expect.lastSeq).toBe(made.seq);
    expect(offer?.draft.meta).toMatchObject({ attempt: 2, fence: made.seq, requestId: 'req' });
  });

  it('gives the agent as long to answer as the org has set', () => {
    const made = run([{ name: 'a' }], () => undefined);
    const [job] = made.jobs;
    expect(said(job && decideOffer(made, job, to, 3_000))).toMatchObject({ ackTimeoutMs: 3_000 });
  });

  it('gives the agent as long to answer as the job says, whatever the org has set', () => {
    const made = run([{ name: 'a', ackTimeoutMs: 45_000 }], () => undefined);
    const [job] = made.jobs;
    for (const ofOrg of [3_000, undefined])
      expect(said(job && decideOffer(made, job, to, ofOrg))).toMatchObject({
        ackTimeoutMs: 45_000,
      });
  });
});
