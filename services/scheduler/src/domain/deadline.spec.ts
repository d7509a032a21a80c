/** What is due when, and the index that finds it. */
import { foldRun } from '@waybill/protocol';
import { history, JOB, RUN } from '@waybill/protocol/fixtures';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Deadline } from './deadline.ts';
import { deadlinesOf, decide, dueAfter } from './deadline.ts';
import { createDeadlineIndex } from './deadline-index.ts';

describe('the deadlines of a run', () => {
  it('follow the job: an answer, then heartbeats, then a return', () => {
    const h = history();
    h.created();
    expect(deadlinesOf(foldRun(h.events))).toEqual([]);
    const offered = h.offered(1, 7);
    expect(deadlinesOf(foldRun(h.events))).toMatchObject([
      { kind: 'ack', dueAt: offered.at + 10_000 },
    ]);
    const ack = h.ack(1, 7);
    expect(deadlinesOf(foldRun(h.events))).toMatchObject([
      { kind: 'stale', dueAt: ack.at + 120_000 },
    ]);
    const lost = h.lost(1, 7);
    expect(deadlinesOf(foldRun(h.events))).toMatchObject([
      { kind: 'recovery', dueAt: lost.at + 120_000 },
    ]);
    h.add(
      'agent.resumed',
      { previousSession: 7 },
      { jobId: JOB, attempt: 1, session: 9, agentId: 'agent-7' },
    );
    h.status(1, 9, 'success');
    expect(deadlinesOf(foldRun(h.events))).toEqual([]);
  });

  it('give the same decision to every scheduler, expecting the run as folded', () => {
    const h = history();
    h.created();
    h.offered(1, 7);
    const run = foldRun(h.events);
    const [deadline] = deadlinesOf(run);
    if (deadline === undefined) throw new Error('an offer has a deadline');
    expect(decide(run, deadline, null)).toEqual(decide(run, deadline, null));
    expect(decide(run, deadline, null)).toMatchObject({
      type: 'job.expired',
      meta: { session: 7, attempt: 1 },
    });
  });

  it('move with the last heartbeat, which lies in another stream', () => {
    const h = history();
    h.created();
    h.offered(1, 7);
    const ack = h.ack(1, 7);
    const run = foldRun(h.events);
    const [deadline] = deadlinesOf(run);
    if (deadline === undefined) throw new Error('a running job has a deadline');
    expect(dueAfter(run, deadline, { seq: 1, at: ack.at + 60_000 })).toBe(ack.at + 180_000);
    expect(dueAfter(run, deadline, { seq: 1, at: ack.at - 60_000 })).toBe(ack.at + 120_000);
  });
});

describe('the index', () => {
  const deadline = (runId: string, dueAt: number): Deadline => ({
    kind: 'ack',
    org: 'main',
    runId,
    jobId: JOB,
    attempt: 1,
    dueAt,
    offeredAt: 0,
  });

  it('gives what is due, once, and nothing that was replaced', () => {
    const index = createDeadlineIndex();
    index.set(RUN, [deadline(RUN, 100)]);
    index.set(RUN, [deadline(RUN, 200)]);
    expect(index.takeDue(200, 10)).toEqual([]);
    expect(index.nextDueAt()).toBe(200);
    expect(index.takeDue(201, 10)).toHaveLength(1);
    expect(index.takeDue(999, 10)).toEqual([]);
    index.postpone(deadline(RUN, 200), 300);
    expect(index.nextDueAt()).toBe(300);
    index.set(RUN, []);
    expect(index.nextDueAt()).toBeUndefined();
  });

  it('agrees with a plain list over random histories', () => {
    const operation = fc.oneof(
      fc.record({
        run: fc.integer({ min: 0, max: 5 }),
        dues: fc.array(fc.integer({ min: 0, max: 50 }), { maxLength: 3 }),
      }),
      fc.record({ now: fc.integer({ min: 0, max: 60 }) }),
    );
    fc.assert(
      fc.property(fc.array(operation, { maxLength: 60 }), (operations) => {
        const index = createDeadlineIndex();
        let list: Deadline[] = [];
        for (const each of operations) {
          if ('now' in each) {
            const due = list
              .filter(({ dueAt }) => dueAt < each.now)
              .map(({ dueAt }) => dueAt)
              .toSorted((a, b) => a - b);
            list = list.filter(({ dueAt }) => dueAt >= each.now);
            expect(index.takeDue(each.now, 1_000).map(({ dueAt }) => dueAt)).toEqual(due);
          } else {
            const deadlines = each.dues.map((due) => deadline(`r${each.run}`, due));
            list = [...list.filter(({ runId }) => runId !== `r${each.run}`), ...deadlines];
            index.set(`r${each.run}`, deadlines);
          }
        }
      }),
    );
  });

  it('does not grow with what was replaced', () => {
    const index = createDeadlineIndex();
    for (let turn = 0; turn < 10_000; turn++) index.set(RUN, [deadline(RUN, turn)]);
    expect(index.size()).toBeLessThan(2_000);
    expect(index.nextDueAt()).toBe(9_999);
  });
});
