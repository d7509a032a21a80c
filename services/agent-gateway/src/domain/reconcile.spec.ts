import { foldRun, type Job, wireJobId } from '@waybill/protocol';
import { describe, expect, it } from 'vitest';
import { foldOn, heldAttempt, type Judged, openOffer, unfolded, verdictAt } from './history.ts';
import { isInHand, onLoss, onReturn } from './reconcile.ts';
import { created, expired, fact, JOB, offered } from './stored-run.fixture.ts';

type Events = Parameters<typeof foldRun>[0];
function judgeAt(events: Events, seq: number): Judged {
  const folded = foldOn(unfolded, events);
  return { run: folded.run, verdict: verdictAt(folded, seq) };
}
function jobOf(events: Events): Job {
  const [job] = foldRun(events).jobs;
  if (job === undefined) throw new Error('the run has no job');
  return job;
}
const again = { agentId: 'a', session: 8 };
const named = new Set([wireJobId(JOB, 1)]);
const ack = fact('job.ack', 3, {});

describe('an agent that returns', () => {
  it('resumes what it names and is absent from what it does not', () => {
    const job = jobOf([
      created(),
      offered(2),
      ack,
      fact('agent.lost', 4, { code: 1006, scalerManaged: false }),
    ]);
    expect(onReturn(job, again, named)).toEqual({
      fact: 'agent.resumed',
      attempt: 1,
      previousSession: 7,
    });
    expect(onReturn(job, again, new Set())).toEqual({
      fact: 'agent.absent',
      attempt: 1,
      previousSession: 7,
    });
  });

  it('is absent from an offer that it never answered', () => {
    expect(onReturn(jobOf([created(), offered(2)]), again, new Set())?.fact).toBe('agent.absent');
  });

  it.each<readonly [string, Events, typeof again]>([
    ['ended', [created(), offered(2), fact('job.status', 3, { state: 'success' })], again],
    ['queued again', [created(), offered(2), expired(3, 100)], again],
    [
      'offered to another agent since',
      [created(), offered(2), expired(3, 100), offered(4, { attempt: 2, agentId: 'b' })],
      again,
    ],
    ['offered to this very session', [created(), offered(2, { session: 8 })], again],
    ['offered to a newer one', [created(), offered(2, { session: 9 })], again],
  ])('has nothing to say of a job that is %s', (_name, events, who) => {
    expect(onReturn(jobOf(events), who, named)).toBeUndefined();
  });
});

describe('a socket that is lost', () => {
  const who = { agentId: 'a', session: 7 };

  it('is told to the job that is on it, once', () => {
    expect(onLoss(jobOf([created(), offered(2)]), who)).toBe(1);
    expect(onLoss(jobOf([created(), offered(2), ack]), who)).toBe(1);
    const lost = fact('agent.lost', 4, { code: 1006, scalerManaged: false });
    expect(onLoss(jobOf([created(), offered(2), ack, lost]), who)).toBeUndefined();
  });

  it('is nothing to a job on another session, or of another agent', () => {
    const job = jobOf([created(), offered(2), ack]);
    expect(onLoss(job, { ...who, session: 6 })).toBeUndefined();
    expect(onLoss(job, { ...who, agentId: 'b' })).toBeUndefined();
    expect([isInHand(job, 'a'), isInHand(job, 'b')]).toEqual([true, false]);
  });
});

describe('an offer in the history of its run', () => {
  const offer = offered(2);

  it('is open until something settles it', () => {
    expect(openOffer(judgeAt([created(), offer], 2), offer)?.attempt.session).toBe(7);
    expect(openOffer(judgeAt([created(), offer, ack], 2), offer)).toBeUndefined();
    expect(openOffer(judgeAt([created(), offer, expired(3, 100)], 2), offer)).toBeUndefined();
  });

  it('is never open when it is void, or not there', () => {
    const repeated = offered(5, { session: 9 });
    expect(judgeAt([created(), offer, repeated], 5).verdict).toBe('void');
    expect(openOffer(judgeAt([created(), offer, repeated], 5), repeated)).toBeUndefined();
    expect(judgeAt([created()], 2).verdict).toBe('missing');
  });

  it('is the same whether the run was folded at once or on from where it was', () => {
    const events = [
      created(),
      offer,
      ack,
      expired(4, 100),
      fact('job.status', 5, { state: 'success' }),
    ];
    const whole = foldOn(unfolded, events);
    for (let at = 0; at <= events.length; at++) {
      const part = foldOn(foldOn(unfolded, events.slice(0, at)), events);
      expect(part).toEqual(whole);
      expect([2, 3, 4, 5].map((seq) => verdictAt(part, seq))).toEqual([
        'valid',
        'valid',
        'void',
        'valid',
      ]);
    }
  });

  it('does not expire behind an ack', () => {
    const judged = judgeAt([created(), offer, ack, expired(4, 100)], 4);
    expect(judged.verdict).toBe('void');
    expect(heldAttempt(judged.run, JOB, 1)?.job.state).toBe('running');
  });
});
