/** What is due when, and the index that finds it. */
import { foldRun, type Run } from '@waybill/protocol';
import { history, JOB, RUN } from '@waybill/protocol/fixtures';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Deadline } from './deadline.ts';
import { deadlineOf, decide, dueAfter } from './deadline.ts';
import { createDeadlineIndex, type DeadlineIndex } from './deadline-index.ts';

const deadlinesOf = (run: Run): readonly Deadline[] =>
  run.jobs.flatMap((job) => deadlineOf(run, job) ?? []);

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
  const deadline = (jobId: string, dueAt: number): Deadline => ({
    kind: 'ack',
    org: 'main',
    runId: RUN,
    jobId,
    attempt: 1,
    dueAt,
    offeredAt: 0,
  });
  const taken = (index: DeadlineIndex, now: number): Deadline => {
    const [first, ...others] = index.takeDue(now, 10);
    if (first === undefined) throw new Error('one is due');
    expect(others).toEqual([]);
    return first;
  };

  it('gives what is due, once, and nothing that was replaced', () => {
    const index = createDeadlineIndex();
    index.set(JOB, deadline(JOB, 100));
    index.set(JOB, deadline(JOB, 200));
    expect(index.takeDue(200, 10)).toEqual([]);
    expect(index.nextDueAt()).toBe(200);
    const first = taken(index, 201);
    expect(index.takeDue(999, 10)).toEqual([]);
    index.postpone(first, 300);
    expect(index.nextDueAt()).toBe(300);
    index.set(JOB, undefined);
    expect(index.nextDueAt()).toBeUndefined();
  });

  it('postpones nothing that was replaced after it was taken', () => {
    const index = createDeadlineIndex();
    index.set(JOB, deadline(JOB, 100));
    const first = taken(index, 101);
    // An answer to the offer was folded meanwhile, and the job offered again.
    index.set(JOB, { ...deadline(JOB, 900), attempt: 2 });
    index.postpone(first, 300);
    expect(index.nextDueAt()).toBe(900);
    expect(taken(index, 901)).toMatchObject({ attempt: 2 });
  });

  it('agrees with a plain list over random histories', () => {
    const time = fc.integer({ min: 0, max: 60 });
    const operation = fc.oneof(
      fc.record({ job: fc.integer({ min: 0, max: 9 }), due: fc.option(time) }),
      fc.record({ now: time }),
      fc.record({ later: time }),
    );
    fc.assert(
      fc.property(fc.array(operation, { maxLength: 60 }), (operations) => {
        const index = createDeadlineIndex();
        /** By job: its deadline, and when it is due; null while it is taken. */
        const list = new Map<string, { deadline: Deadline; at: number | null }>();
        const taken: Deadline[] = [];
        for (const each of operations) {
          if ('later' in each) {
            const one = taken.pop();
            if (one === undefined) continue;
            index.postpone(one, each.later);
            if (list.get(one.jobId)?.deadline === one)
              list.set(one.jobId, { deadline: one, at: each.later });
          } else if ('now' in each) {
            const isDue = (at: number | null): boolean => at !== null && at < each.now;
            const due = [...list.values()].filter(({ at }) => isDue(at)).map((one) => one.deadline);
            const given = index.takeDue(each.now, 1_000);
            expect(new Set(given)).toEqual(new Set(due));
            expect(given).toHaveLength(due.length);
            for (const one of given) list.set(one.jobId, { deadline: one, at: null });
            taken.push(...given);
          } else {
            const jobId = `j${each.job}`;
            const one = each.due === null ? undefined : deadline(jobId, each.due);
            index.set(jobId, one);
            if (one === undefined) list.delete(jobId);
            else list.set(jobId, { deadline: one, at: one.dueAt });
          }
          const times = [...list.values()].flatMap(({ at }) => at ?? []);
          expect(index.nextDueAt()).toBe(times.toSorted((a, b) => a - b)[0]);
        }
      }),
    );
  });

  it('does not grow with what was replaced or postponed', () => {
    const index = createDeadlineIndex();
    for (let turn = 0; turn < 10_000; turn++) index.set(JOB, deadline(JOB, turn));
    expect(index.size()).toBeLessThan(2_000);
    expect(index.nextDueAt()).toBe(9_999);
    const first = taken(index, 10_000);
    for (let turn = 0; turn < 10_000; turn++) index.postpone(first, 20_000 + turn);
    expect(index.size()).toBeLessThan(2_000);
  });
});
