/** Each guard at its edge. That each is missed where it is taken away, the simulator shows. */
import { describe, expect, it } from 'vitest';
import { newAttempt } from './attempt.ts';
import * as guards from './guards.ts';
import { addId, emptyIdSet } from './id-set.ts';

const attempt = newAttempt(
  {
    jobId: 'j',
    attempt: 2,
    fence: 30,
    agentId: 'a',
    session: 7,
    ackTimeoutMs: 10,
    reason: 'retry',
  },
  100,
);

describe('the fold', () => {
  it('folds an id once', () => {
    expect(guards.isFirst(emptyIdSet, 'x')).toBe(true);
    expect(guards.isFirst(addId(emptyIdSet, 'x'), 'x')).toBe(false);
  });

  it('lets nothing move what has ended, and hears only who has the job in hand', () => {
    const states = ['queued', 'offered', 'running', 'recovering', 'cancelling', 'failed'] as const;
    expect(states.filter(guards.isOpenJob)).toEqual(states.slice(0, -1));
    expect(states.filter(guards.isInHand)).toEqual(states.slice(1, -1));
    expect(guards.isDecidedFor('queued', ['queued'])).toBe(true);
    expect(guards.isDecidedFor('running', ['queued'])).toBe(false);
  });

  it('hears those who were asked, once, and ends an approval as they say', () => {
    const clauses = [{ user: 'ada' }, { team: 'ops' }];
    const entitled = (by: string, teams: string[], of = clauses): boolean =>
      guards.isEntitled({ by, teams }, of);
    expect([entitled('ada', []), entitled('bob', ['ops']), entitled('eve', ['dev'])]).toEqual([
      true,
      true,
      false,
    ]);
    expect(entitled('eve', [], [])).toBe(true);
    expect([null, 'approved', 'withdrawn'].map((each) => guards.isUnsettled(each as null))).toEqual(
      [true, false, false],
    );
    const outcomes = ['approved', 'rejected', 'expired'];
    const passing = (tally?: string): readonly string[] =>
      outcomes.filter((outcome) => guards.isTallied(outcome, tally));
    expect([passing('approved'), passing('rejected'), passing()]).toEqual([
      ['approved'],
      ['rejected'],
      ['expired'],
    ]);
  });

  it('numbers attempts without a gap, under fences that rise and lie before their offers', () => {
    expect([1, 2, 3].map((next) => guards.isNextAttempt(next, 1))).toEqual([false, true, false]);
    expect([4, 5, 8, 9].map((fence) => guards.isNextFence(fence, 4, 9))).toEqual([
      false,
      true,
      true,
      false,
    ]);
  });

  it('asks of a word whose it is', () => {
    expect([undefined, 1, 2].map((said) => guards.isOfAttempt(said, attempt))).toEqual([
      false,
      false,
      true,
    ]);
    expect([undefined, 6, 7].map((said) => guards.isOfSession(said, attempt))).toEqual([
      false,
      false,
      true,
    ]);
    const back = (agentId: string, session?: number) =>
      guards.isLaterSession({ agentId, session }, attempt);
    expect([back('a', 8), back('a', 7), back('b', 8), back('a')]).toEqual([
      true,
      false,
      false,
      false,
    ]);
  });

  it('knows what is past, what is free and what is fresh', () => {
    expect([99, 100, 101].map((at) => guards.isPast(at, 100))).toEqual([false, false, true]);
    expect([99, 100, 101].map((at) => guards.isFree(at, 100))).toEqual([false, false, true]);
    expect([10_000, 10_001].map((at) => guards.isFresh(at, 0))).toEqual([true, false]);
    expect(guards.isOutcome('failed', undefined)).toBe(false);
  });
});

describe('the deciders', () => {
  it('expect what they have folded, and decide one thing at a time under a lease', () => {
    expect(guards.expectationOf('main', 'r', 9)).toMatchObject({ lastSeq: 9 });
    expect([guards.holdsLease(undefined), guards.holdsLease(1)]).toEqual([false, true]);
    expect([guards.isUndecided(true), guards.isUndecided(false)]).toEqual([false, true]);
  });

  it('offer to whom they may, no more than it takes, and give up nothing that could not be heard', () => {
    const member = { isClosed: false, isDraining: false, isFull: false };
    expect(guards.isInvited(member)).toBe(true);
    for (const name of ['isClosed', 'isDraining', 'isFull'])
      expect(guards.isInvited({ ...member, [name]: true })).toBe(false);
    expect([0, 1].map((load) => guards.hasSlot(load, 1))).toEqual([true, false]);
    expect([9, 10, 11].map((now) => guards.isHeardOut(now, 10))).toEqual([false, false, true]);
  });
});

describe('gateways and agents', () => {
  it('send an offer once, while it stands', () => {
    const offer = { fence: 30, session: 7, agentId: 'a' };
    expect(guards.isStanding(offer, 'offered', attempt)).toBe(true);
    expect(guards.isStanding(offer, 'running', attempt)).toBe(false);
    for (const change of [{ fence: 29 }, { session: 8 }, { agentId: 'b' }])
      expect(guards.isStanding({ ...offer, ...change }, 'offered', attempt)).toBe(false);
    expect(guards.isUnsent(new Set(['o']), 'o')).toBe(false);
    expect(guards.isUnsent(new Set(['o']), 'p')).toBe(true);
  });

  it('hear the newest session, and the agent that was offered to', () => {
    expect([6, 7, 8].map((session) => guards.isNewestSession(session, 7))).toEqual([
      false,
      true,
      true,
    ]);
    const who = { org: 'main', agentId: 'a' };
    expect(guards.isHolder(who, who)).toBe(true);
    expect(guards.isHolder({ ...who, org: 'other' }, who)).toBe(false);
  });

  it('start what was granted and work within the lease', () => {
    expect([guards.isGranted(30, 30), guards.isGranted(29, 30)]).toEqual([true, false]);
    expect(guards.isGranted(undefined, undefined)).toBe(false);
    expect([99, 100].map((elapsed) => guards.isLeased(elapsed, 100))).toEqual([true, false]);
  });
});
