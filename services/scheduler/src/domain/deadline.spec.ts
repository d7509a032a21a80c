/** What runs for a job in each of its states, and what is decided when it is over. */
import { foldRun, type Run, subjects } from '@waybill/protocol';
import { history, JOB, RUN } from '@waybill/protocol/fixtures';
import { describe, expect, it } from 'vitest';
import { type Deadline, deadlinesOf } from './deadline.ts';
import { decide } from './decision.ts';

const known = { answerMs: 10_000, heartbeatAt: 0 };
const grounds = { epoch: 3, now: 99, heartbeat: null };
const of = (run: Run, more = known): readonly Deadline[] =>
  run.jobs.flatMap((job) => deadlinesOf(run, job, more));
const decided = (run: Run, kind: Deadline['kind']) => {
  const [job] = run.jobs;
  const deadline = of(run).find((each) => each.kind === kind);
  if (job === undefined || deadline === undefined) throw new Error(`no deadline of ${kind}`);
  const draft = decide(run, job, deadline, grounds);
  return { ...draft, body: JSON.parse(String(draft.body)) as unknown };
};

describe('the deadlines of a job', () => {
  it('follow it: an answer, then heartbeats, then a return', () => {
    const h = history();
    h.created();
    expect(of(foldRun(h.events))).toEqual([]);
    const { at } = h.offered(1, 7);
    expect(of(foldRun(h.events))).toMatchObject([
      { kind: 'ack', dueAt: at + 10_000, since: at, session: 7, attempt: 1 },
    ]);
    const ack = h.ack(1, 7);
    expect(of(foldRun(h.events))).toMatchObject([{ kind: 'stale', dueAt: ack.at + 120_000 }]);
    const lost = h.lost(1, 7);
    expect(of(foldRun(h.events))).toMatchObject([
      { kind: 'recovery', dueAt: lost.at + 120_000, since: lost.at },
    ]);
    h.back('agent.resumed', 1, 9, 7);
    h.status(1, 9, 'success');
    expect(of(foldRun(h.events))).toEqual([]);
  });

  it('are several at once, the earliest first', () => {
    const h = history();
    h.created([{ name: 'test', timeoutMs: 60_000 }]);
    h.offered(1, 7);
    const ack = h.ack(1, 7);
    expect(of(foldRun(h.events))).toMatchObject([
      { kind: 'run', dueAt: ack.at + 60_000 },
      { kind: 'stale', dueAt: ack.at + 120_000 },
    ]);
    const late = { answerMs: 10_000, heartbeatAt: ack.at + 30_000 };
    expect(of(foldRun(h.events), late)).toMatchObject([
      { kind: 'run' },
      { kind: 'stale', dueAt: ack.at + 150_000 },
    ]);
    h.lost(1, 7);
    expect(of(foldRun(h.events))).toMatchObject([{ kind: 'run' }, { kind: 'recovery' }]);
  });

  it('give a job the silence that it says, where it does', () => {
    const h = history();
    h.created([{ name: 'test', heartbeatTimeoutMs: 300_000 }]);
    h.offered(1, 7);
    const ack = h.ack(1, 7);
    expect(of(foldRun(h.events))).toMatchObject([
      { kind: 'stale', dueAt: ack.at + 300_000, graceMs: 300_000 },
    ]);
  });

  it('limit the run no longer while it waits for people', () => {
    const h = history();
    h.created([{ name: 'test', timeoutMs: 60_000 }]);
    h.offered(1, 7);
    const ack = h.ack(1, 7);
    const about = { jobId: JOB, attempt: 1, session: 7, agentId: 'agent-7' };
    h.add('approval.requested', { messageId: 'm', stepIndex: 0 }, { ...about, at: ack.at + 1_000 });
    expect(of(foldRun(h.events))).toMatchObject([
      { kind: 'stale' },
      { kind: 'approval', dueAt: ack.at + 1_000 + 86_400_000, since: ack.at + 1_000, session: 7 },
    ]);
    const at = ack.at + 500_000;
    const approvalId = `${JOB}-p1`;
    const vote = { approvalId, by: 'ada', teams: [], decision: 'approve' as const };
    h.add('approval.answered', vote, { jobId: JOB, at });
    // What people have said is for the dispatcher.
    expect(of(foldRun(h.events)).map(({ kind }) => kind)).toEqual(['stale']);
    const outcome = 'approved' as const;
    h.add('approval.resolved', { jobId: JOB, attempt: 1, approvalId, outcome }, { jobId: JOB, at });
    expect(of(foldRun(h.events))).toMatchObject([
      { kind: 'stale' },
      { kind: 'run', dueAt: ack.at + 60_000 + 499_000 },
    ]);
  });

  it('end what people did not answer in time: of a job that is held, and of the request that ends first', () => {
    const held = history();
    const { at } = held.created([{ name: 'test', approval: { timeoutMs: 60_000 } }]);
    expect(of(foldRun(held.events))).toEqual([
      expect.objectContaining({ kind: 'approval', dueAt: at + 60_000, since: at }),
    ]);
    const draft = decided(foldRun(held.events), 'approval');
    expect(draft.subject).toBe(subjects.run('main', RUN, 'approval.resolved'));
    expect(draft.body).toEqual({ jobId: JOB, approvalId: `${JOB}-p0`, outcome: 'expired' });
    const h = history();
    h.created();
    h.offered(1, 7);
    h.ack(1, 7);
    const about = { jobId: JOB, attempt: 1, session: 7, agentId: 'agent-7' };
    for (const [messageId, timeoutSeconds] of [
      ['long', 90],
      ['short', 30],
    ] as const)
      h.add('approval.requested', { messageId, stepIndex: 0, timeoutSeconds }, about);
    expect(decided(foldRun(h.events), 'approval')).toMatchObject({
      subject: subjects.runTo('main', RUN, 'agent-7', 'resolved'),
      meta: { attempt: 1, session: 7, agentId: 'agent-7' },
      body: { attempt: 1, requestId: 'short', outcome: 'expired' },
    });
  });

  it('let a stop and heartbeats both count while it stops', () => {
    const h = history();
    h.created();
    h.offered(1, 7);
    h.ack(1, 7);
    const stop = h.stop(1);
    expect(of(foldRun(h.events))).toMatchObject([
      { kind: 'stop', dueAt: stop.at + 30_000 },
      { kind: 'stale' },
    ]);
    const force = h.stop(1, { force: true, graceMs: 10_000 });
    expect(of(foldRun(h.events))).toMatchObject([
      { kind: 'forced', dueAt: force.at + 10_000 },
      { kind: 'stale' },
    ]);
  });

  it('limit how long it waits for an agent, offers that come to nothing included', () => {
    const h = history();
    h.created([{ name: 'test', queueTimeoutMs: 15_000 }]);
    const dueAt = h.at() + 15_000;
    expect(of(foldRun(h.events))).toMatchObject([{ kind: 'queue', dueAt, attempt: undefined }]);
    h.offered(1, 7);
    expect(of(foldRun(h.events))).toMatchObject([{ kind: 'ack' }]);
    h.expired(1);
    expect(of(foldRun(h.events))).toMatchObject([{ kind: 'queue', dueAt, session: undefined }]);
  });
});

describe('the decision', () => {
  it('is the same from every scheduler, expects the run as folded, and names the lease', () => {
    const h = history();
    h.created();
    h.offered(1, 7);
    const run = foldRun(h.events);
    expect(decided(run, 'ack')).toEqual(decided(run, 'ack'));
    expect(decided(run, 'ack')).toMatchObject({
      type: 'job.expired',
      meta: { session: 7, attempt: 1, epoch: 3, source: '/waybill/scheduler' },
      body: { jobId: JOB, attempt: 1 },
    });
  });

  it('names the last heartbeat, and when it was looked for', () => {
    const h = history();
    h.created();
    h.offered(1, 7);
    h.ack(1, 7);
    expect(decided(foldRun(h.events), 'stale')).toMatchObject({
      type: 'job.stale',
      body: { jobId: JOB, attempt: 1, heartbeat: null, readAt: 99 },
    });
  });

  it('stops what runs too long gracefully, then by force, then gives it up, for the same reason', () => {
    const h = history();
    h.created([{ name: 'test', timeoutMs: 60_000 }], { cancelGraceMs: 5_000 });
    h.offered(1, 7);
    const ack = h.ack(1, 7);
    const first = decided(foldRun(h.events), 'run');
    const graceful = { reason: 'job_timeout', force: false, graceMs: 5_000 } as const;
    expect(first).toMatchObject({ type: 'job.cancel', body: { attempt: 1, ...graceful } });
    expect(first.subject).toContain('.to.agent-7.cancel');
    h.stop(1, graceful, ack.at + 60_001);
    const second = decided(foldRun(h.events), 'stop');
    const forced = { reason: 'job_timeout', force: true, graceMs: 10_000 } as const;
    expect(second).toMatchObject({ type: 'job.cancel', body: { attempt: 1, ...forced } });
    h.stop(1, forced);
    expect(decided(foldRun(h.events), 'forced')).toMatchObject({
      type: 'job.cancelled',
      body: { attempt: 1, reason: 'job_timeout' },
    });
  });

  it('ends what waited too long, without an attempt', () => {
    const h = history();
    h.created([{ name: 'test', queueTimeoutMs: 15_000 }]);
    h.offered(1, 7);
    h.expired(1);
    const { type, body, meta } = decided(foldRun(h.events), 'queue');
    expect({ type, body, attempt: meta.attempt, session: meta.session }).toEqual({
      type: 'job.timed_out',
      body: { jobId: JOB },
    });
  });
});
