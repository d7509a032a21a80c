/** Too much silence at once, or within a while: what is held, for how long, and what is not. */
import { RUN, START } from '@waybill/protocol/fixtures';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type DeskBench, deskBench, offered } from './desk.fixture.ts';

describe('silence of many at once', () => {
  const due = START + 10_500;

  it('is held for 15 s, once, and then settled', () => {
    const bench = deskBench();
    offered(bench, 200);
    expect(bench.desk().look(due)).toMatchObject({ count: 200, open: 200, kinds: { ack: 200 } });
    expect(bench.desk().take(due, 1_000)).toEqual([]);
    expect(bench.desk().holdsUntil()).toBe(due + 15_000);
    expect(bench.sweepUntil(due, due + 15_000)).toEqual([]);
    expect(bench.sweep(due + 15_001)).toHaveLength(200);
    expect(bench.desk().holdsUntil()).toBe(due + 15_000);
  });

  it('gives up nobody who is heard of meanwhile', () => {
    const bench = deskBench();
    offered(bench, 30);
    expect(bench.sweep(due)).toEqual([]);
    for (let at = 0; at < 29; at++) bench.h.ack(1, 100 + at, `${RUN}-${at}`);
    expect(bench.sweepUntil(due, due + 16_000)).toMatchObject([{ body: { jobId: `${RUN}-29` } }]);
  });

  it('holds no limit of our own, and no small loss', () => {
    const bench = deskBench();
    offered(bench, 30, { spec: { timeoutMs: 60_000 } });
    const acks = Array.from({ length: 30 }, (_, at) => bench.h.ack(1, 100 + at, `${RUN}-${at}`));
    const last = acks.at(-1)?.at ?? 0;
    expect(bench.sweepUntil(START, last + 60_250)).toHaveLength(30);
    const small = deskBench();
    offered(small, 20);
    expect(small.sweep(due)).toHaveLength(20);
  });

  it('leaves the other deadlines and errands of its time alone, also those of the same jobs', () => {
    const bench = deskBench();
    offered(bench, 31, { spec: { timeoutMs: 125_000 } });
    for (let at = 0; at < 30; at++) bench.h.ack(1, 100 + at, `${RUN}-${at}`);
    const { at } = bench.h.ack(1, 130, `${RUN}-30`);
    bench.catchUp();
    const now = at + 120_001;
    bench.beat(now, 1, `${RUN}-30`);
    expect(bench.sweep(now)).toEqual([]);
    expect(bench.desk().holdsUntil()).toBe(now + 15_000);
    expect(bench.desk().nextDueAt()).toBeLessThanOrEqual(at + 125_000);
    const limits = bench.sweepUntil(now, at + 126_000);
    expect(limits.map(({ type }) => type)).toEqual(Array(31).fill('job.cancel'));
    bench.desk().logIsBack(at + 126_000, 3_000);
    expect(bench.desk().nextDueAt()).toBe(0);
  });

  it('is looked at again when the hold is over, and not all the time', () => {
    const bench = deskBench();
    offered(bench, 30);
    bench.sweep(due);
    expect(bench.desk().nextDueAt()).toBe(due + 15_000);
  });
});

/** Offers one job after another to agents that never answer, one each `everyMs`; gives how late each expiry was. */
function unanswered(bench: DeskBench, everyMs: readonly number[]) {
  bench.h.created(everyMs.map((_, at) => ({ name: `job ${at}` })));
  const trips: number[] = [];
  const late: number[] = [];
  const dueAt = new Map<string, number>();
  let next = 0;
  let offerAt = START + (everyMs[0] ?? 0);
  const offer = (now: number): void => {
    for (; next < everyMs.length && offerAt <= now; offerAt += everyMs[next] ?? 0) {
      const about = { jobId: `${RUN}-${next}`, attempt: 1, session: 100 + next, agentId: 'a' };
      const how = { ackTimeoutMs: 10_000, reason: 'initial' } as const;
      bench.h.add('job.offered', { ...about, ...how, fence: bench.h.seq() }, { ...about, at: now });
      dueAt.set(about.jobId, now + how.ackTimeoutMs);
      next += 1;
    }
  };
  for (let now = START; late.length < everyMs.length; now += 250) {
    offer(now);
    bench.catchUp();
    if (bench.desk().look(now) !== undefined) trips.push(now);
    for (const event of bench.sweep(now)) {
      if (event.type !== 'job.expired') throw new Error(event.type);
      late.push(now - (dueAt.get(event.body.jobId) ?? 0));
    }
  }
  return { trips, late };
}

describe('silence that is spread', () => {
  it('of running jobs, whose heartbeats came at any time of a minute, is held too', () => {
    const bench = deskBench();
    offered(bench, 300);
    for (let at = 0; at < 300; at++) bench.h.ack(1, 100 + at, `${RUN}-${at}`);
    bench.catchUp();
    for (let at = 0; at < 300; at++) bench.beat(START + 20_000 + at * 200, 1, `${RUN}-${at}`);
    const isTripped = (now: number) => bench.desk().holdsUntil() >= now;
    let now = START + 140_000;
    for (; !isTripped(now); now += 250) bench.sweep(now);
    // A fifth of what is open, and not all of it.
    expect(bench.run().jobs.filter(({ state }) => state !== 'running').length).toBeLessThan(60);
    expect(bench.sweepUntil(now, now + 14_500)).toEqual([]);
  });

  it('that never ends trips once, and starves nothing: behind the hold everything is in time', () => {
    const { trips, late } = unanswered(
      deskBench(),
      Array.from({ length: 200 }, () => 150),
    );
    expect(trips).toHaveLength(1);
    expect(Math.max(...late)).toBeLessThanOrEqual(15_500);
    expect(Math.max(...late.slice(-40))).toBeLessThanOrEqual(500);
  });

  it('delays nothing by more than one hold, in whatever waves it comes', () => {
    const gap = fc.oneof(
      { weight: 30, arbitrary: fc.integer({ min: 0, max: 300 }) },
      { weight: 1, arbitrary: fc.integer({ min: 5_000, max: 40_000 }) },
    );
    fc.assert(
      fc.property(fc.array(gap, { minLength: 30, maxLength: 80, size: 'max' }), (gaps) => {
        const { late } = unanswered(deskBench(), gaps);
        expect(Math.max(...late)).toBeLessThanOrEqual(15_500);
      }),
      { numRuns: 25 },
    );
  });
});
