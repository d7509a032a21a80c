/** What the desk gives to append, and when: a machine told what the log says and what time it is there. */
import { JOB, RUN, START } from '@waybill/protocol/fixtures';
import { describe, expect, it } from 'vitest';
import { deskBench, offered } from './desk.fixture.ts';

const typesOf = (events: readonly { type: string }[]) => events.map(({ type }) => type);
/** Of an offer made in the first milliseconds. */
const DUE = START + 10_003;

describe('a deadline', () => {
  it('is settled once, after its time and not before', () => {
    const bench = deskBench();
    offered(bench);
    expect(bench.sweepUntil(START, START + 10_000)).toEqual([]);
    expect(bench.desk().nextDueAt()).toBe(START + 10_002);
    expect(typesOf(bench.sweep(DUE))).toEqual(['job.expired']);
    expect(bench.sweepUntil(DUE, DUE + 60_000)).toEqual([]);
    expect(bench.job()).toMatchObject({ state: 'queued', attempts: [{ resolution: 'expired' }] });
  });

  it('that an answer reached first is not settled, nor where the answer lies in the log unread', () => {
    const bench = deskBench();
    offered(bench);
    const [task] = bench.take(DUE);
    bench.h.ack(1, 100);
    if (task === undefined) throw new Error('the offer is due');
    expect(bench.perform(0, task, DUE)).toBeUndefined();
    expect(bench.sweepUntil(DUE, DUE + 5_000)).toEqual([]);
    expect(bench.job()).toMatchObject({ state: 'running' });
  });

  it('is looked at again at once where a word about another job came first', () => {
    const bench = deskBench();
    offered(bench, 2);
    const [task, ...others] = bench.take(DUE);
    expect(others).toEqual([]);
    bench.h.ack(1, 101, `${RUN}-1`);
    if (task === undefined) throw new Error('the offer is due');
    expect(bench.perform(0, task, DUE)).toBeUndefined();
    expect(typesOf(bench.sweep(DUE + 250))).toEqual(['job.expired']);
  });

  it('is looked at again after a second where what was stored has settled nothing, or nothing was', () => {
    const bench = deskBench();
    offered(bench);
    for (const outcome of ['stored', 'failed'] as const) {
      const now = outcome === 'stored' ? DUE : DUE + 1_250;
      const [task] = bench.take(now);
      if (task === undefined) throw new Error('the offer is due');
      bench.desk().settled(task, { is: outcome, seq: 0 }, now);
      expect(bench.take(now + 1_000)).toEqual([]);
    }
    expect(bench.take(DUE + 2_500)).toHaveLength(1);
  });

  it('of a job whose agent may still come back is moved by its return alone', () => {
    const bench = deskBench();
    offered(bench);
    bench.h.ack(1, 100);
    const { at } = bench.h.lost(1, 100);
    expect(bench.sweepUntil(at, at + 120_000)).toEqual([]);
    expect(typesOf(bench.sweep(at + 120_001))).toEqual(['job.lost']);
  });

  it('of the run ends it though heartbeats never stop: gracefully, by force, and then without it', () => {
    const bench = deskBench();
    offered(bench, 1, { spec: { timeoutMs: 60_000 } });
    const { at } = bench.h.ack(1, 100);
    const stored = [];
    for (let now = at; now < at + 110_000; now += 1_000) {
      bench.beat(now);
      stored.push(...bench.sweep(now));
    }
    expect(stored).toMatchObject([
      { type: 'job.cancel', at: at + 61_000, body: { reason: 'job_timeout', force: false } },
      { type: 'job.cancel', at: at + 92_000, body: { reason: 'job_timeout', force: true } },
      { type: 'job.cancelled', at: at + 103_000, body: { reason: 'job_timeout' } },
    ]);
    expect(bench.job()).toMatchObject({ state: 'failed', failure: 'job_timeout' });
  });

  it('of the queue ends what nobody takes', () => {
    const bench = deskBench();
    bench.h.created([{ name: 'test', queueTimeoutMs: 15_000 }]);
    expect(bench.sweepUntil(START, START + 15_000)).toEqual([]);
    expect(typesOf(bench.sweep(START + 15_250))).toEqual(['job.timed_out']);
  });
});

describe('a running job', () => {
  it('is called stale two heartbeats after the last one', () => {
    const bench = deskBench();
    offered(bench);
    const { at } = bench.h.ack(1, 100);
    bench.beat(at + 60_000);
    expect(bench.sweepUntil(at, at + 180_000)).toEqual([]);
    expect(bench.sweep(at + 180_001)).toMatchObject([
      { type: 'job.stale', body: { heartbeat: { seq: 1, at: at + 60_000 } } },
    ]);
  });

  it('is not where the leader has one that nobody told of', () => {
    const bench = deskBench();
    offered(bench);
    const { at } = bench.h.ack(1, 100);
    bench.beat(at + 119_000, 1, JOB, false);
    expect(bench.sweepUntil(at, at + 239_000)).toEqual([]);
    expect(typesOf(bench.sweep(at + 239_001))).toEqual(['job.stale']);
  });

  it('is not kept alive by heartbeats of an earlier attempt', () => {
    const bench = deskBench();
    offered(bench);
    bench.h.expired(1);
    bench.h.offered(2, 101);
    const { at } = bench.h.ack(2, 101);
    bench.catchUp();
    bench.beat(at + 60_000, 1);
    expect(bench.sweep(at + 120_001)).toMatchObject([
      { type: 'job.stale', body: { heartbeat: null } },
    ]);
  });
});

describe('an outage of the log', () => {
  it('extends every open offer by its own answer time before anything is given up', () => {
    const bench = deskBench();
    offered(bench, 3);
    const back = START + 25_000;
    bench.desk().logIsBack(back, 20_000);
    expect(bench.sweep(back)).toMatchObject(
      [0, 1, 2].map((job) => ({
        type: 'deadline.extended',
        body: { jobId: `${RUN}-${job}`, until: back + 10_000, cause: 'log-outage' },
      })),
    );
    expect(bench.sweepUntil(back, back + 10_000)).toEqual([]);
    expect(typesOf(bench.sweepUntil(back + 10_001, back + 11_000))).toEqual([
      'job.expired',
      'job.expired',
      'job.expired',
    ]);
  });

  it('extends an offer by what it gave at first, however often', () => {
    const bench = deskBench();
    offered(bench);
    bench.desk().logIsBack(START + 25_000, 20_000);
    bench.sweep(START + 25_000);
    bench.desk().logIsBack(START + 30_000, 3_000);
    expect(bench.sweep(START + 30_000)).toMatchObject([{ body: { until: START + 40_000 } }]);
  });

  it('is extended by that at a desk which began with a snapshot behind an extension, too', () => {
    const bench = deskBench({ desks: 2 });
    offered(bench);
    bench.desk().logIsBack(START + 25_000, 20_000);
    bench.sweep(START + 25_000);
    bench.restore(1);
    for (const at of [0, 1]) bench.desk(at).logIsBack(START + 30_000, 3_000);
    const drafted = [0, 1].map((at) => {
      const [task] = bench.take(START + 30_000, at);
      if (task === undefined) throw new Error('an extension is owed');
      return bench.desk(at).draft(task, { epoch: 1, now: START + 30_000, heartbeat: null })?.draft;
    });
    expect(drafted[1]).toEqual(drafted[0]);
    expect(drafted[1]?.body).toContain(`"until":${START + 40_000}`);
  });

  it('moves the return of a lost agent by its length', () => {
    const bench = deskBench();
    offered(bench);
    bench.h.ack(1, 100);
    const { at } = bench.h.lost(1, 100);
    bench.catchUp();
    bench.desk().logIsBack(at + 30_000, 20_000);
    expect(bench.sweep(at + 30_000)).toMatchObject([
      { type: 'deadline.extended', body: { until: at + 140_000 } },
    ]);
    expect(bench.sweepUntil(at + 30_250, at + 140_000)).toEqual([]);
    expect(typesOf(bench.sweep(at + 140_001))).toEqual(['job.lost']);
  });

  it('moves it to a whole millisecond, which every reader can read, however finely the absence was measured', () => {
    const bench = deskBench();
    offered(bench);
    bench.h.ack(1, 100);
    const { at } = bench.h.lost(1, 100);
    bench.catchUp();
    bench.desk().logIsBack(at + 30_000, 15_000.25);
    expect(bench.sweep(at + 30_000)).toMatchObject([
      { type: 'deadline.extended', body: { until: at + 135_001 } },
    ]);
  });

  it('gives running jobs one time without heartbeats more, and no new offer any', () => {
    const bench = deskBench();
    offered(bench, 2);
    const { at } = bench.h.ack(1, 100);
    bench.catchUp();
    const back = at + 119_000;
    bench.h.expired(1, 10_001, `${RUN}-1`);
    bench.desk().logIsBack(back, 60_000);
    bench.h.add(
      'job.offered',
      {
        jobId: `${RUN}-1`,
        attempt: 2,
        fence: bench.h.seq(),
        agentId: 'a',
        session: 200,
        ackTimeoutMs: 1_000,
        reason: 'retry',
      },
      { at: back + 1 },
    );
    expect(typesOf(bench.sweepUntil(back, back + 1_500))).toEqual(['job.expired']);
    expect(bench.sweepUntil(back + 1_750, back + 120_000)).toEqual([]);
    expect(typesOf(bench.sweep(back + 120_001))).toEqual(['job.stale']);
  });

  it('is owed until the log shows it, by whoever holds the lease then', () => {
    const bench = deskBench({ desks: 2 });
    offered(bench);
    bench.catchUp(1);
    const back = START + 25_000;
    for (const at of [0, 1]) bench.desk(at).logIsBack(back, 20_000);
    const [task] = bench.take(back);
    if (task === undefined) throw new Error('an extension is owed');
    bench.desk().settled(task, { is: 'failed' }, back);
    expect(typesOf(bench.sweep(back + 250, 1))).toEqual(['deadline.extended']);
    expect(bench.sweepUntil(back + 500, back + 9_000)).toEqual([]);
  });
});

describe('the begin of a watch', () => {
  it('leaves what was open then alone for an answer time, and nothing longer', () => {
    const bench = deskBench();
    offered(bench);
    const began = START + 60_000;
    bench.desk().beginWatch(began);
    expect(bench.sweepUntil(began, began + 10_000)).toEqual([]);
    expect(typesOf(bench.sweep(began + 10_001))).toEqual(['job.expired']);
  });

  it('calls nothing stale before its agent could be heard', () => {
    const bench = deskBench();
    offered(bench, 2);
    bench.h.ack(1, 100);
    bench.h.ack(1, 101, `${RUN}-1`);
    bench.catchUp();
    const began = START + 3_600_000;
    bench.desk().beginWatch(began);
    bench.beat(began + 59_000);
    expect(bench.sweepUntil(began, began + 120_000)).toEqual([]);
    expect(bench.sweep(began + 120_001)).toMatchObject([
      { type: 'job.stale', body: { jobId: `${RUN}-1` } },
    ]);
  });
});

describe('two desks', () => {
  it('make one resolution of every offer, whoever is late', () => {
    const bench = deskBench({ desks: 2 });
    offered(bench, 10);
    bench.catchUp(1);
    // The first one lies frozen with what it has in hand, while the second one settles all of it.
    const tasks = bench.take(DUE + 20, 0);
    expect(tasks).toHaveLength(1);
    expect(bench.sweep(DUE + 20, 1)).toHaveLength(10);
    for (const task of tasks) bench.perform(0, task, DUE + 20);
    expect(bench.sweepUntil(DUE + 270, DUE + 2_000, 0)).toEqual([]);
    expect(bench.run().jobs.map(({ spent }) => spent.expired)).toEqual(Array(10).fill(1));
    expect(bench.run().anomalies).toBe(0);
  });
});
