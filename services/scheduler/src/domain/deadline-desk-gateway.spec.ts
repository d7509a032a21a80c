/** Gateways that lapse, come back or are lost. */
import { JOB, RUN, START } from '@waybill/protocol/fixtures';
import { describe, expect, it } from 'vitest';
import { deskBench, offered } from './desk.fixture.ts';

const typesOf = (events: readonly { type: string }[]) => events.map(({ type }) => type);

/** Sessions from 100 on, on a gateway whose lease is held. */
function staffed(sessions: number, jobs = sessions) {
  const bench = deskBench();
  bench.lease(true, START);
  for (let at = 0; at < sessions; at++) bench.register(100 + at);
  offered(bench, jobs);
  return bench;
}

describe('while a gateway has lapsed', () => {
  it('the deadlines of its sessions stand still, and begin anew when it is back', () => {
    const bench = staffed(1, 2);
    bench.lease(false, START + 5_000);
    // The other job was offered through another gateway.
    expect(bench.sweepUntil(START, START + 20_000)).toMatchObject([
      { type: 'job.expired', body: { jobId: `${RUN}-1` } },
    ]);
    const back = START + 20_000;
    bench.lease(true, back);
    expect(bench.sweep(back)).toMatchObject([
      {
        type: 'deadline.extended',
        body: { jobId: JOB, until: back + 10_000, cause: 'gateway-lapsed' },
      },
    ]);
    expect(bench.sweepUntil(back, back + 10_000)).toEqual([]);
    expect(typesOf(bench.sweep(back + 10_001))).toEqual(['job.expired']);
  });

  it('nothing is extended that was offered since, nor for a lease that nobody missed', () => {
    const bench = deskBench();
    bench.register(100);
    offered(bench);
    bench.lease(true, START + 1_000);
    expect(bench.sweep(START + 1_000)).toEqual([]);
  });

  it('it is lost after 30 s: its sessions end in the runs, at no cost, and then among the agents', () => {
    const bench = staffed(3);
    bench.h.ack(1, 101, `${RUN}-1`);
    bench.h.ack(1, 102, `${RUN}-2`);
    bench.h.status(1, 102, 'success', `${RUN}-2`);
    bench.lease(false, START + 5_000);
    expect(bench.sweepUntil(START, START + 35_000)).toEqual([]);
    expect(bench.sweep(START + 35_001)).toMatchObject([
      { type: 'session.ended', body: { jobId: JOB, session: 100, cause: 'gateway_lost' } },
      { type: 'session.ended', body: { jobId: `${RUN}-1`, session: 101 } },
    ]);
    bench.sweepUntil(START + 35_250, START + 37_000);
    expect(new Set(bench.disconnected)).toEqual(new Set([100, 101, 102]));
    expect(bench.run().jobs).toMatchObject([
      { state: 'queued', spent: { expired: 0 }, unspent: { lapsed: 1 } },
      { state: 'recovering' },
      { state: 'success' },
    ]);
    expect(bench.sweepUntil(START + 37_000, START + 60_000)).toEqual([]);
    expect(bench.disconnected).toHaveLength(3);
  });

  it('a session whose agent is back elsewhere is not ended twice', () => {
    const bench = staffed(1);
    bench.h.ack(1, 100);
    bench.lease(false, START + 5_000);
    bench.lease(true, START, 'gateway.other.1');
    bench.register(200, 'other/1', 'agent-100');
    bench.h.back('agent.resumed', 1, 200, 100);
    expect(bench.sweepUntil(START + 5_000, START + 60_000)).toEqual([]);
    expect(bench.disconnected).toEqual([]);
    expect(bench.job()).toMatchObject({ state: 'running' });
  });

  it('it is waited for anew when the whole log was away, or nobody looked', () => {
    const bench = staffed(1, 1);
    bench.lease(false, START + 5_000);
    bench.desk().logIsBack(START + 34_000, 20_000);
    expect(typesOf(bench.sweep(START + 34_000))).toEqual(['deadline.extended']);
    expect(bench.sweepUntil(START + 34_250, START + 64_000)).toEqual([]);
    expect(typesOf(bench.sweep(START + 64_001))).toEqual(['session.ended']);
  });

  it('what was lost and is back is left alone', () => {
    const bench = staffed(1);
    bench.lease(false, START + 5_000);
    const [task] = bench.take(START + 35_001);
    bench.lease(true, START + 36_000);
    if (task === undefined) throw new Error('the session is to end');
    expect(bench.perform(0, task, START + 36_000)).toBeUndefined();
    expect(typesOf(bench.sweep(START + 36_250))).toEqual(['deadline.extended']);
    expect(bench.disconnected).toEqual([]);
  });

  it('sessions of a snapshot end too, 30 s after the watch began', () => {
    const bench = staffed(1);
    const restarted = deskBench();
    restarted.desk().restore(bench.desk().lines());
    restarted.desk().beginWatch(START + 600_000);
    restarted.sweepUntil(START + 600_000, START + 630_000);
    expect(restarted.disconnected).toEqual([]);
    restarted.sweepUntil(START + 630_250, START + 631_000);
    expect(restarted.disconnected).toEqual([100]);
  });
});
