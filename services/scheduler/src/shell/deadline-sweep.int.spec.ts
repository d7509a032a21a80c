/** The sweep at a real log whose answers a spec may hold back, by a clock that the spec moves. */
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import type { Journal } from '@waybill/journal';
import { manualClock, milestoneChannel, Outage } from '@waybill/process';
import { eventually } from '@waybill/process/testing';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { startTestLog, type TestLog } from '../../../../tests/support/log.ts';
import { byHand, type Change, has, only, testRuns } from '../test-runs.fixture.ts';

let log: TestLog;
let runs: ReturnType<typeof testRuns>;
const running: { stop(): Promise<void> }[] = [];

beforeAll(async () => {
  log = await startTestLog();
  runs = testRuns(log);
}, 60_000);
afterEach(async () => {
  await Promise.all(running.splice(0).map((each) => each.stop()));
});
afterAll(() => log.stop());

async function hand(change: Change = {}, clock = manualClock()) {
  const opened = await byHand(log, change, clock);
  running.push(opened.scheduler);
  return opened;
}

const gone = new Outage('nats-unanswered', 'no answer');
/** Held until it is taken away; the next one has another epoch. */
function leaseByHand() {
  let epoch: number | undefined = 1;
  return {
    give: (to: number | undefined) => {
      epoch = to;
    },
    lease: (): ReturnType<Journal['lease']> => ({
      epoch: () => epoch,
      release: () => Promise.resolve(),
    }),
  };
}
/** Calls back whenever something due is read and not written yet. */
function whenRead(call: () => void): Readonly<{ stop(): void; times(): number }> {
  let times = 0;
  const name = milestoneChannel('due.read');
  const listener = (): void => {
    times += 1;
    call();
  };
  subscribe(name, listener);
  return { times: () => times, stop: () => unsubscribe(name, listener) };
}

describe('a leader that froze between reading what is due and writing', () => {
  it('writes nothing once its lease may be another one’s', async () => {
    const held = leaseByHand();
    const { sweepUntil, sweep } = await hand({ lease: held.lease });
    await sweep(2);
    const run = await runs.offered({ run: { ackTimeoutMs: 200 } });
    const read = whenRead(() => held.give(undefined));
    await sweepUntil('it is read', () => read.times() > 0);
    await sweep(4);
    read.stop();
    expect(has('job.expired')(await log.events(run))).toBe(false);
    held.give(2);
    await sweepUntil('it is settled', async () => has('job.expired')(await log.events(run)));
    expect(only(await log.events(run), 'job.expired')).toMatchObject([{ meta: { epoch: 2 } }]);
  });

  it('writes nothing by a time that is old, and takes its own freeze for an outage', async () => {
    const clock = manualClock();
    let frozenMs = 0;
    const monotonicMs = (): number => clock.monotonicMs() + frozenMs;
    const { sweepUntil, sweep } = await hand(
      { lease: leaseByHand().lease },
      { ...clock, monotonicMs },
    );
    await sweep(2);
    const run = await runs.offered({ run: { ackTimeoutMs: 1_000 } });
    const read = whenRead(() => {
      if (read.times() === 1) frozenMs = 5_000;
    });
    await sweepUntil('it is read', () => read.times() > 0);
    const events = await sweepUntil('it is settled', async () => {
      const found = await log.events(run);
      return has('job.expired')(found) ? found : undefined;
    });
    read.stop();
    expect(only(events, 'deadline.extended')).toMatchObject([{ body: { cause: 'log-outage' } }]);
  });
});

describe('two schedulers between which the lease moves all the time', () => {
  it('settle what is due in its time: both have looked at the log all along', async () => {
    const leases = [leaseByHand(), leaseByHand()];
    const hands = await Promise.all(leases.map(({ lease }) => hand({ lease })));
    for (const { sweep } of hands) await sweep(2);
    const run = await runs.offered({ run: { ackTimeoutMs: 2_000 } });
    const { at } = only(await log.events(run), 'job.offered')[0] ?? { at: 0 };
    let moves = 0;
    while (!has('job.expired')(await log.events(run)) && moves < 10) {
      moves += 1;
      for (const [index, held] of leases.entries())
        held.give(moves % 2 === index ? moves : undefined);
      await runs.serverTimePasses(500);
      for (const { sweep } of hands) await sweep(2);
    }
    const events = await log.events(run);
    expect(only(events, 'job.expired')[0]?.at).toBeGreaterThan(at + 2_000);
    expect(only(events, 'job.expired')[0]?.at).toBeLessThan(at + 4_000);
    expect(only(events, 'deadline.extended')).toEqual([]);
  });

  it('give the time back all the same in which the one that gains it was frozen', async () => {
    const clock = manualClock();
    let frozenMs = 0;
    const monotonicMs = (): number => clock.monotonicMs() + frozenMs;
    const held = leaseByHand();
    held.give(undefined);
    const { sweepUntil, sweep } = await hand({ lease: held.lease }, { ...clock, monotonicMs });
    await sweep(2);
    const run = await runs.offered({ run: { ackTimeoutMs: 1_000 } });
    await runs.serverTimePasses(1_100);
    frozenMs = 5_000;
    held.give(2);
    const events = await sweepUntil('it is settled', async () => {
      const found = await log.events(run);
      return has('job.expired')(found) ? found : undefined;
    });
    const [extended] = only(events, 'deadline.extended');
    expect(extended).toMatchObject({ body: { cause: 'log-outage' } });
    expect(only(events, 'job.expired')[0]?.at).toBeGreaterThan(extended?.body.until ?? 0);
  });
});

describe('the sweep', () => {
  it('asks nobody but the log for the time: a host an hour off changes nothing', async () => {
    const clock = manualClock(Date.parse('2001-01-01'));
    const { sweep, sweepUntil } = await hand({}, clock);
    await sweep(2);
    const run = await runs.offered({ run: { ackTimeoutMs: 500 } });
    clock.set(clock.now() + 3_600_000);
    await sweep(2);
    expect(has('job.expired')(await log.events(run))).toBe(false);
    clock.set(clock.now() - 7_200_000);
    await sweepUntil('it is settled', async () => has('job.expired')(await log.events(run)));
    expect((await log.run(run)).anomalies).toBe(0);
  });

  it('looks again at what it could not settle because heartbeats could not be read', async () => {
    let isAway = true;
    const last: Journal['last'] = (...asked) =>
      isAway ? Promise.reject(gone) : log.journal.last(...asked);
    const { sweep, sweepUntil } = await hand({ last, lease: leaseByHand().lease });
    await sweep(2);
    const run = await runs.offered({ run: { staleMs: 200 } });
    await runs.fact(run, 'job.ack');
    await runs.serverTimePasses(400);
    await sweep(8);
    expect(has('job.stale')(await log.events(run))).toBe(false);
    isAway = false;
    await sweepUntil('it is settled', async () => has('job.stale')(await log.events(run)));
  });
});

describe('an outage of the log', () => {
  it('in which 200 deadlines passed extends all of them before any is given up', async () => {
    let isAway = false;
    const serverTime: Journal['serverTime'] = (stream) =>
      isAway ? Promise.reject(gone) : log.journal.serverTime(stream);
    const appended: string[] = [];
    const append: Journal['append'] = (draft, expect, options) => {
      if (isAway) return Promise.resolve({ outcome: 'unknown', cause: gone });
      appended.push(draft.type);
      return log.journal.append(draft, expect, options);
    };
    const change = { serverTime, append, lease: leaseByHand().lease };
    const { clock, sweep, sweepUntil } = await hand(change);
    await sweep(2);
    const all = await Promise.all(
      Array.from({ length: 10 }, () =>
        runs.offered({ jobs: 20, run: { ackTimeoutMs: 4_000, staleMs: 60_000 } }),
      ),
    );
    isAway = true;
    await clock.advance(3_000);
    await runs.serverTimePasses(4_100);
    isAway = false;
    await sweepUntil('all are extended', async () => {
      const counts = await Promise.all(
        all.map(async (run) => only(await log.events(run), 'deadline.extended').length),
      );
      return counts.every((each) => each === 20);
    });
    expect(new Set(appended)).toEqual(new Set(['deadline.extended']));
    const jobs = Array.from({ length: 20 }, (_, job) => job);
    await Promise.all(all.flatMap((run) => jobs.map((job) => runs.fact(run, 'job.ack', { job }))));
    await runs.serverTimePasses(4_100);
    await sweep(8);
    for (const run of all) {
      const { jobs, anomalies } = await log.run(run);
      expect(jobs.every(({ state }) => state === 'running')).toBe(true);
      expect(anomalies).toBe(0);
    }
  });

  it('of appends alone is one too: what was not answered is not repeated, but extended first', async () => {
    let isAway = false;
    const appended: string[] = [];
    const append: Journal['append'] = (draft, expect, options) => {
      appended.push(draft.type);
      return isAway
        ? Promise.resolve({ outcome: 'unknown', cause: gone })
        : log.journal.append(draft, expect, options);
    };
    const { sweep, sweepUntil } = await hand({ append, lease: leaseByHand().lease });
    await sweep(2);
    const run = await runs.offered({ run: { ackTimeoutMs: 300 } });
    isAway = true;
    await sweepUntil('an expiry has no answer', () => appended.includes('job.expired'));
    isAway = false;
    appended.length = 0;
    await sweepUntil('it is extended', () => appended.length > 0);
    expect(appended).toEqual(['deadline.extended']);
    await runs.fact(run, 'job.ack');
    await sweep(8);
    expect((await log.run(run)).jobs[0]?.state).toBe('running');
  });
});

describe('many deadlines at once', () => {
  it('trip the breaker, which says so, and are settled once it has held', async () => {
    let laterMs = 0;
    const serverTime: Journal['serverTime'] = async (stream) =>
      (await log.journal.serverTime(stream)) + laterMs;
    const { scheduler, sweep, sweepUntil } = await hand({
      serverTime,
      lease: leaseByHand().lease,
    });
    await sweep(2);
    const run = await runs.offered({ jobs: 60, run: { ackTimeoutMs: 3_000 } });
    await runs.serverTimePasses(3_100);
    await sweepUntil('it has tripped', () => scheduler.check().reason !== undefined);
    expect(scheduler.check().ready).toBe(true);
    expect(scheduler.check().reason).toContain('breaker');
    await sweep(6);
    expect(has('job.expired')(await log.events(run))).toBe(false);
    laterMs = 15_001;
    await sweepUntil('all are settled', async () => has('job.expired', 60)(await log.events(run)));
    await eventually(async () => (await log.run(run)).anomalies === 0);
  });
});
