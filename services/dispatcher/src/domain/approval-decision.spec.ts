/** What is decided about approvals, and when nothing is. */
import { foldRun } from '@waybill/protocol';
import { history, JOB, RUN } from '@waybill/protocol/fixtures';
import { describe, expect, it } from 'vitest';
import { decideRun } from './run-decision.ts';

type History = ReturnType<typeof history>;
const about = { jobId: JOB, attempt: 1, session: 7, agentId: 'agent-7' };

const decided = (h: History) => {
  const decision = decideRun(foldRun(h.events));
  if (decision === undefined) return undefined;
  const { type, subject, meta } = decision.draft;
  return { type, subject, meta, body: JSON.parse(String(decision.draft.body)) as unknown };
};
const votes = (h: History, decision: 'approve' | 'reject', id = `${JOB}-p1`, by = 'ada') =>
  h.add(
    'approval.answered',
    { approvalId: id, by, teams: [], decision, reason: 'because' },
    { jobId: JOB },
  );
const asking = (h = history()): History => {
  h.created();
  h.offered(1, 7);
  h.ack(1, 7);
  const clauses = [{ user: 'ada' }, { user: 'bob' }];
  h.add('approval.requested', { messageId: 'm1', stepIndex: 0, clauses }, about);
  return h;
};
const resolves = (h: History, outcome: 'approved' | 'rejected') =>
  h.add(
    'approval.resolved',
    { jobId: JOB, attempt: 1, approvalId: `${JOB}-p1`, outcome },
    { jobId: JOB },
  );

describe('an approval', () => {
  it('is resolved once people have had their say, and its agent is told', () => {
    const h = asking();
    expect(decided(h)).toBeUndefined();
    votes(h, 'approve');
    expect(decided(h)).toBeUndefined();
    votes(h, 'approve', `${JOB}-p1`, 'bob');
    expect(decided(h)).toMatchObject({
      type: 'approval.resolved',
      subject: expect.stringMatching(/\.to\.agent-7\.resolved$/) as unknown,
      meta: { jobId: JOB, attempt: 1, agentId: 'agent-7', session: 7 },
      body: {
        jobId: JOB,
        attempt: 1,
        approvalId: `${JOB}-p1`,
        requestId: 'm1',
        outcome: 'approved',
      },
    });
    resolves(h, 'approved');
    expect(decided(h)).toBeUndefined();
  });

  it('is rejected with the reason that was given', () => {
    const h = asking();
    votes(h, 'reject');
    expect(decided(h)?.body).toMatchObject({ outcome: 'rejected', reason: 'because' });
  });

  it('is told again to an agent that has moved and asks again, and to no other', () => {
    const h = asking();
    votes(h, 'reject');
    resolves(h, 'rejected');
    h.lost(1, 7);
    const back = { ...about, session: 9 };
    h.add('agent.resumed', { previousSession: 7, keepsApprovals: true }, back);
    expect(decided(h)).toBeUndefined();
    h.add('approval.requested', { messageId: 'm1', stepIndex: 0 }, back);
    expect(decided(h)).toMatchObject({
      meta: { session: 9 },
      body: { outcome: 'rejected', reason: 'because' },
    });
    resolves(h, 'rejected');
    expect(decided(h)).toBeUndefined();
  });

  it('of a job that is held is told to nobody, and lets the job be offered', () => {
    const h = history();
    h.created([{ name: 'a', approval: { users: ['ada'] } }]);
    expect(decided(h)).toBeUndefined();
    votes(h, 'approve', `${JOB}-p0`);
    const decision = decided(h);
    expect(decision?.subject).toContain(`${RUN}.approval.resolved`);
    expect(decision?.body).toEqual({ jobId: JOB, approvalId: `${JOB}-p0`, outcome: 'approved' });
    h.add('approval.resolved', decision?.body as never, { jobId: JOB }); // as it was decided
    expect(foldRun(h.events).jobs[0]?.state).toBe('queued');
  });

  it('fails the run with the held job that was rejected', () => {
    const h = history();
    h.created([{ name: 'a', approval: {} }]);
    votes(h, 'reject', `${JOB}-p0`);
    h.add('approval.resolved', decided(h)?.body as never, { jobId: JOB }); // as it was decided
    expect(decided(h)).toMatchObject({ type: 'run.completed', body: { state: 'failed' } });
  });
});
