import { jobId, runId, triggerId, wireJobId } from '@waybill/protocol';
import { describe, expect, it } from 'vitest';
import { custodyBook } from './custody.ts';
import { standingOf } from './speaker.ts';
import { JOB, ORG, offered, RUN } from './stored-run.fixture.ts';

const me = { org: ORG, agentId: 'a', session: 7 };
const kindOf = (...[book, who, spoken]: Parameters<typeof standingOf>): string =>
  standingOf(book, who, spoken).kind;
const otherRun = (index: number): string => runId(triggerId(ORG, 'api', `other ${index}`), 0);

describe('who may speak of a job', () => {
  it('is the session that its newest offer names', () => {
    const book = custodyBook({ finishedRunsMax: 10 });
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
    const book = custodyBook({ finishedRunsMax: 10 });
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
    const book = custodyBook({ finishedRunsMax: 10 });
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

describe('the book of custody', () => {
  it('keeps the first offer of an attempt until the fold confirms another', () => {
    const book = custodyBook({ finishedRunsMax: 10 });
    book.offered(offered(2));
    book.offered(offered(3, { agentId: 'b', session: 9 }));
    expect(book.find({ runId: RUN, jobId: JOB, attempt: 1 })?.agentId).toBe('a');
  });

  it('recognises attempts of ended runs up to its bound, and offers none of them to a returning agent', () => {
    const book = custodyBook({ finishedRunsMax: 3 });
    const runs = Array.from({ length: 5 }, (_, index) => otherRun(index));
    for (const [index, run] of runs.entries()) book.offered(offered(index + 1, { run }));
    expect(book.runsOf(me)).toEqual(runs);
    for (const run of runs) book.completed(run);
    expect(book.runsOf(me)).toEqual([]);
    expect(book.size()).toEqual({ open: 0, finished: 3 });
    const known = runs.map(
      (run) => book.find({ runId: run, jobId: jobId(run, 0), attempt: 1 }) !== undefined,
    );
    expect(known).toEqual([false, false, true, true, true]);
  });
});
