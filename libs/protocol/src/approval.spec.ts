import { describe, expect, it } from 'vitest';
import { approvalHistory } from './approval.fixture.ts';
import { approvalsMax, approversOf, isAskedAgain, tallyOf } from './approval.ts';
import { blockedBy } from './blocked-by.ts';
import { approvalId, parseApprovalId } from './ids.ts';
import { JOB } from './run.fixture.ts';

const both = [{ team: 'ops' }, { user: 'ada' }];
const DAY = 86_400_000;

describe('an approval that a step asks for', () => {
  it('is approved once every clause is met by somebody, and not before', () => {
    const h = approvalHistory();
    h.asks('m1', { clauses: both, reason: 'it goes live' });
    expect(h.last()).toMatchObject({
      id: `${JOB}-p1`,
      attempt: 1,
      stepIndex: 0,
      stepName: 'deploy',
      reason: 'it goes live',
      expiresAt: h.at() + DAY,
      outcome: null,
    });
    h.votes('approve', 'bob', { teams: ['ops'] });
    expect(tallyOf(h.last() ?? { clauses: [], votes: [] })).toBeUndefined();
    h.resolves('approved');
    expect(h.whyVoid()).toBe('wrong-outcome');
    h.votes('approve', 'ada');
    h.resolves('approved');
    expect(h.last()).toMatchObject({ outcome: 'approved', resolvedAt: h.at(), toldOn: 7 });
  });

  it('may be approved by one who meets all clauses, and by anybody where there is none', () => {
    const one = approvalHistory();
    one.asks('m1', { clauses: both });
    one.votes('approve', 'ada', { teams: ['ops'] });
    one.resolves('approved');
    expect(one.last()?.outcome).toBe('approved');
    const any = approvalHistory();
    any.asks('m1');
    any.resolves('approved');
    expect(any.whyVoid()).toBe('wrong-outcome');
    any.votes('approve', 'eve');
    any.resolves('approved');
    expect(any.last()?.outcome).toBe('approved');
  });

  it('is rejected by any reject, also of somebody who had approved, until it is resolved', () => {
    const h = approvalHistory();
    h.asks('m1', { clauses: [{ user: 'ada' }, { user: 'bob' }] });
    h.votes('approve', 'ada');
    h.votes('approve', 'bob');
    h.votes('reject', 'ada', { reason: 'not on a Friday' });
    h.resolves('approved');
    expect(h.whyVoid()).toBe('wrong-outcome');
    h.resolves('rejected');
    expect(h.last()).toMatchObject({ outcome: 'rejected' });
  });

  it('does not hear who was not asked, who has said it already, and who comes late', () => {
    const h = approvalHistory();
    h.asks('m1', { clauses: both });
    h.votes('reject', 'eve', { teams: ['dev'] });
    expect(h.whyVoid()).toBe('not-entitled');
    h.votes('approve', 'ada');
    h.votes('approve', 'ada');
    expect(h.whyVoid()).toBe('repeated');
    h.votes('approve', 'bob', { teams: ['ops'], id: `${JOB}-p2` });
    expect(h.whyVoid()).toBe('not-waiting');
    h.votes('reject', 'bob', { teams: ['ops'] });
    h.resolves('rejected');
    h.votes('approve', 'carl', { teams: ['ops'] });
    expect(h.whyVoid()).toBe('not-waiting');
    expect(h.last()?.votes).toHaveLength(2);
  });

  it('expires behind its time, unless people have said enough', () => {
    const h = approvalHistory({}, { approvalTimeoutMs: 60_000 });
    const { at } = h.asks('m1', { timeoutSeconds: 5 });
    h.asks('m2');
    expect(h.approvals().map(({ expiresAt }) => expiresAt - at)).toEqual([5_000, 60_001]);
    const [first] = h.approvals();
    h.resolves('expired', { id: first?.id ?? '', at: at + 5_000 });
    expect(h.whyVoid()).toBe('not-due');
    h.resolves('expired', { id: first?.id ?? '', at: at + 5_001 });
    expect(h.approvals().map(({ outcome }) => outcome)).toEqual(['expired', null]);
    h.votes('approve', 'ada');
    h.resolves('expired', { at: at + 100_000 });
    expect(h.whyVoid()).toBe('wrong-outcome');
  });

  it('is resolved once', () => {
    const h = approvalHistory();
    h.asks('m1');
    h.votes('approve', 'ada');
    h.resolves('approved');
    h.resolves('approved');
    expect(h.whyVoid()).toBe('not-waiting');
    h.resolves('rejected');
    expect(h.whyVoid()).toBe('not-waiting');
  });

  it('is withdrawn with the connection it was asked on, and asked anew under the same name', () => {
    const h = approvalHistory();
    h.asks('m1');
    h.lost(1, 7);
    expect(h.last()?.outcome).toBeNull();
    h.resumed(9, 7, false);
    expect(h.last()).toMatchObject({ outcome: 'withdrawn', resolvedAt: h.at() });
    h.asks('m1', {}, 9);
    expect(h.approvals().map(({ id, outcome }) => [id, outcome])).toEqual([
      [`${JOB}-p1`, 'withdrawn'],
      [`${JOB}-p2`, null],
    ]);
  });

  it('is withdrawn with the end of the work', () => {
    const h = approvalHistory({
      retries: [{ on: ['failed'], max: 1, backoffMs: 0, backoffMaxMs: 0 }],
    });
    h.asks('m1');
    h.status(1, 7, 'failed');
    expect(h.job()).toMatchObject({ state: 'queued', approvals: [{ outcome: 'withdrawn' }] });
    h.votes('approve', 'ada');
    expect(h.whyVoid()).toBe('not-waiting');
  });
});

it('a job may ask so often and no more: what it asks beyond that waits for nobody', () => {
  const h = approvalHistory({ timeoutMs: 60_000 });
  for (let index = 0; index < approvalsMax; index++) h.asks(`m${index}`);
  expect(h.run().anomalies).toBe(0);
  h.asks('one more');
  expect(h.whyVoid()).toBe('not-waiting');
  expect(h.approvals()).toHaveLength(approvalsMax);
});

describe('an agent that keeps waiting over a reconnect', () => {
  it('finds the same request open, and is told its outcome on the session that it is on', () => {
    const h = approvalHistory({ timeoutMs: 5_000 });
    const { at } = h.asks('m1');
    h.lost(1, 7);
    h.resumed(9, 7, true);
    h.asks('m1', {}, 9);
    expect(h.approvals()).toMatchObject([{ outcome: null, askedOn: 9 }]);
    h.asks('m1', {}, 9);
    expect(h.whyVoid()).toBe('repeated');
    h.votes('approve', 'ada');
    h.resolves('approved', { at: at + 60_000 });
    expect(h.last()).toMatchObject({ outcome: 'approved', toldOn: 9 });
    expect(h.job().attempts[0]).toMatchObject({ waitingSince: null, waitedMs: 60_000 });
  });

  it('asks again for what was resolved while it was away, and is told once more', () => {
    const h = approvalHistory();
    h.asks('m1');
    h.lost(1, 7);
    h.votes('reject', 'ada');
    h.resolves('rejected');
    h.resumed(9, 7, true);
    const isAsked = (): boolean => h.approvals().some(isAskedAgain);
    expect(isAsked()).toBe(false);
    h.asks('m1', {}, 9);
    expect(isAsked()).toBe(true);
    h.resolves('approved');
    expect(h.whyVoid()).toBe('wrong-outcome');
    h.resolves('rejected');
    expect(isAsked()).toBe(false);
    expect(h.approvals()).toMatchObject([{ outcome: 'rejected', toldOn: 9 }]);
  });

  it('asks for something else where the step is another', () => {
    const h = approvalHistory();
    h.asks('m1');
    h.votes('approve', 'ada');
    h.resolves('approved');
    h.asks('m1', { stepIndex: 1 });
    expect(h.approvals()).toMatchObject([{ outcome: 'approved' }, { outcome: null }]);
  });
});

describe('a job that people have to approve', () => {
  const hold = { users: ['ada'], teams: ['ops'], reason: 'it goes live', timeoutMs: 60_000 };

  it('is held before anybody is offered it, and queued once it is approved', () => {
    const h = approvalHistory({ approval: hold, queueTimeoutMs: 1_000 });
    expect(h.job()).toMatchObject({
      state: 'held',
      queuedAt: null,
      approvals: [
        {
          id: `${JOB}-p0`,
          attempt: 0,
          clauses: [{ user: 'ada' }, { team: 'ops' }],
          expiresAt: h.at() + 60_000,
        },
      ],
    });
    h.offered(1, 7);
    expect(h.whyVoid()).toBe('not-queued');
    h.votes('approve', 'ada', { teams: ['ops'] });
    h.resolves('approved');
    expect(h.job()).toMatchObject({ state: 'queued', queuedAt: h.at(), waitsSince: h.at() });
  });

  it('fails where somebody rejects it, or nobody has said enough in time', () => {
    const rejected = approvalHistory({ approval: hold });
    rejected.votes('reject', 'ada');
    rejected.resolves('rejected');
    expect(rejected.job()).toMatchObject({ state: 'failed', failure: 'approval_rejected' });
    const expired = approvalHistory({ approval: hold });
    expired.votes('approve', 'ada');
    expired.resolves('expired', { at: expired.at() + 60_000 });
    expect(expired.job()).toMatchObject({ state: 'failed', failure: 'approval_expired' });
  });

  it('is held only when its needs are met, and ends at once where somebody cancels it', () => {
    const h = approvalHistory({ approval: hold, needs: [{ job: 'b', on: ['success'] }] });
    expect(h.job()).toMatchObject({ state: 'pending', approvals: [] });
    const held = approvalHistory({ approval: hold });
    held.asked();
    expect(held.job()).toMatchObject({ state: 'cancelled', approvals: [{ outcome: 'withdrawn' }] });
  });

  it('says who may approve it, and until when', () => {
    const h = approvalHistory({ approval: hold });
    const detail = 'waits for approval by ada and a member of ops';
    const until = new Date(h.at() + 60_000).toISOString();
    expect(blockedBy(h.job(), h.run())).toEqual([{ kind: 'held', detail, until }]);
    expect(approversOf({ clauses: [] })).toBe('anybody');
    const step = approvalHistory();
    step.asks('m1');
    expect(blockedBy(step.job(), step.run())).toMatchObject([
      { kind: 'held', detail: 'step 0 (deploy) waits for approval by anybody' },
    ]);
  });
});

describe('the id of an approval', () => {
  it('names the job and the attempt', () => {
    expect(approvalId(JOB, 2, 3)).toBe(`${JOB}-a2-p3`);
    expect(parseApprovalId(`${JOB}-a2-p3`)).toMatchObject({ jobId: JOB, attempt: 2 });
    expect(parseApprovalId(`${JOB}-p0`)).toMatchObject({ jobId: JOB, attempt: 1 });
    for (const other of [JOB, `${JOB}-p01`, 'x-p1', `${JOB}-p`, ''])
      expect(parseApprovalId(other)).toBeUndefined();
  });
});
