import { foldRun, jobId, runId, triggerId, wireJobId } from '@waybill/protocol';
import { history } from '@waybill/protocol/fixtures';
import { describe, expect, it } from 'vitest';
import { custodyBook, custodyOfAttempt } from './custody.ts';
import { standingOf } from './speaker.ts';
import { JOB, ORG, offered, RUN } from './stored-run.fixture.ts';

const me = { org: ORG, agentId: 'a', session: 7 };
const kindOf = (...[book, who, spoken]: Parameters<typeof standingOf>): string =>
  standingOf(book, who, spoken).kind;
const otherRun = (index: number): string => runId(triggerId(ORG, 'api', `other ${index}`), 0);

describe('who may speak of a job', () => {
  it('is the session that its newest offer names', () => {
    const book = custodyBook({ endedRunsMax: 10 });
    book.offered(offered(2));
    expect(kindOf(book, me, { jobId: JOB, runId: RUN })).toBe('current');
    expect(kindOf(book, me, { jobId: JOB })).toBe('current');
    expect(kindOf(book, { ...me, session: 8 }, { jobId: JOB, runId: RUN })).toBe('stale');
    book.offered(offered(5, { attempt: 2, agentId: 'b', session: 9 }));
    expect(kindOf(book, me, { jobId: JOB, runId: RUN })).toBe('stale');
    expect(kindOf(book, { ...me, agentId: 'b', session: 9 }, { jobId: wireJobId(JOB, 2) })).toBe(
      'current',
    );
  });

  it('is nobody else, and an unknown job looks like one of somebody else', () => {
    const book = custodyBook({ endedRunsMax: 10 });
    book.offered(offered(2));
    const answers = [
      standingOf(book, { ...me, agentId: 'thief' }, { jobId: JOB, runId: RUN }),
      standingOf(book, { ...me, org: 'other' }, { jobId: JOB, runId: RUN }),
      standingOf(book, me, { jobId: wireJobId(JOB, 2), runId: RUN }),
      standingOf(book, me, { jobId: 'made up', runId: RUN }),
    ];
    expect(new Set(answers.map((answer) => JSON.stringify(answer))).size).toBe(1);
    expect(answers[0]?.kind).toBe('foreign');
    expect(kindOf(book, me, { jobId: JOB, runId: otherRun(0) })).toBe('foreign');
  });

  it('moves with an adoption, ends with the last word, and is lost with an expiry', () => {
    const book = custodyBook({ endedRunsMax: 10 });
    book.offered(offered(2));
    const custody = book.find({ runId: RUN, jobId: JOB, attempt: 1 });
    if (custody === undefined) throw new Error('not there');
    book.put({ ...custody, session: 8 });
    expect(kindOf(book, { ...me, session: 8 }, { jobId: JOB })).toBe('current');
    expect(kindOf(book, me, { jobId: JOB })).toBe('stale');
    book.change(custody, { phase: 'ended' });
    expect(kindOf(book, { ...me, session: 8 }, { jobId: JOB })).toBe('ended');
    book.change(custody, { phase: 'void' });
    expect(kindOf(book, { ...me, session: 8 }, { jobId: JOB })).toBe('stale');
  });
});

describe('an attempt', () => {
  it.each([
    ['the run says', {}, 70],
    ['its job says', { heartbeatTimeoutMs: 300_000 }, 300_000],
  ])('is leased for as long as %s', (_, shape, leaseMs) => {
    const h = history();
    h.created([{ name: 'a', ...shape }], { staleMs: 70 });
    h.offered(1, 7);
    const run = foldRun(h.events);
    const [job] = run.jobs;
    const attempt = job?.attempts[0];
    if (job === undefined || attempt === undefined) throw new Error('not there');
    const key = { org: ORG, agentId: 'agent-7', runId: RUN, jobId: job.spec.jobId };
    expect(custodyOfAttempt(run, key, attempt)).toMatchObject({ leaseMs });
  });
});

describe('the book of custody', () => {
  it('keeps the first offer of an attempt until the fold confirms another', () => {
    const book = custodyBook({ endedRunsMax: 10 });
    book.offered(offered(2));
    book.offered(offered(3, { agentId: 'b', session: 9 }));
    expect(book.find({ runId: RUN, jobId: JOB, attempt: 1 })?.agentId).toBe('a');
  });

  it('recognises attempts of ended runs up to its bound, and forgets them whole', () => {
    const book = custodyBook({ endedRunsMax: 3 });
    const runs = Array.from({ length: 5 }, (_, index) => otherRun(index));
    for (const [index, run] of runs.entries()) book.offered(offered(index + 1, { run }));
    expect(book.openOf(me).map(({ runId: run }) => run)).toEqual(runs);
    for (const run of runs) book.completed(run);
    expect(book.size()).toEqual({ open: 0, ended: 3, indexed: 3 });
    const known = runs.map(
      (run) => book.find({ runId: run, jobId: jobId(run, 0), attempt: 1 }) !== undefined,
    );
    expect(known).toEqual([false, false, true, true, true]);
  });

  it('believes no end of a run before it was folded: what is at work in it stays in hand', () => {
    const book = custodyBook({ endedRunsMax: 1 });
    book.offered(offered(2));
    book.completed(RUN);
    const [custody] = book.openOf(me);
    if (custody === undefined) throw new Error('not there');
    expect(kindOf(book, me, { jobId: JOB })).toBe('current');
    book.put({ ...custody, session: 8, folded: true });
    book.offered(offered(9, { run: otherRun(1) }));
    book.completed(otherRun(1));
    book.offered(offered(10, { run: otherRun(2) }));
    book.completed(otherRun(2));
    expect(book.openOf(me)).toHaveLength(2);
    expect(kindOf(book, { ...me, session: 8 }, { jobId: JOB })).toBe('current');
  });

  it('has in hand what nothing has ended, by agent, by job and by run', () => {
    const book = custodyBook({ endedRunsMax: 1 });
    book.offered(offered(2));
    book.offered(offered(5, { attempt: 2, agentId: 'b', session: 9 }));
    const [first] = book.openOf(me);
    if (first === undefined) throw new Error('not there');
    expect(book.openOfJob({ runId: RUN, jobId: JOB })).toHaveLength(2);
    book.change(first, { phase: 'ended' });
    expect(book.openOf(me)).toEqual([]);
    expect(book.openIn(RUN).map(({ agentId }) => agentId)).toEqual(['b']);
    expect(book.size()).toEqual({ open: 1, ended: 0, indexed: 1 });
  });

  it('is the same after it was saved and restored', () => {
    const book = custodyBook({ endedRunsMax: 3 });
    book.offered(offered(2));
    book.offered(offered(3, { run: otherRun(1) }));
    book.completed(otherRun(1));
    const restored = custodyBook({ endedRunsMax: 3 });
    for (const run of book.runs()) restored.restore(run);
    expect(restored.size()).toEqual(book.size());
    expect([...restored.runs()]).toEqual([...book.runs()]);
    expect(restored.openOf(me)).toEqual(book.openOf(me));
  });
});
