import type { Journal } from '@waybill/journal';
import { manualClock, Outage } from '@waybill/process';
import { eventually } from '@waybill/process/testing';
import type { BodyOf, FactType, RunEvent } from '@waybill/protocol';
import { runDraft, runId, subjects, triggerId } from '@waybill/protocol';
import { createdBody } from '@waybill/protocol/fixtures';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ORG, startTestLog, type TestLog } from '../../../../tests/support/log.ts';
import { startSweeping, sweep, WATCH_MS } from './deadline-sweep.ts';
import { openRunTable, type RunTable } from './run-table.ts';

let log: TestLog;
let count = 0;

beforeAll(async () => {
  log = await startTestLog();
}, 60_000);
afterAll(() => log.stop());

/** A run whose jobs are offered to session 7, with short times. */
async function offeredRun(ackTimeoutMs = 200, jobs = 1): Promise<string> {
  count += 1;
  const run = runId(triggerId(ORG, 'test', `t${count}`), 0);
  const base = createdBody(Array.from({ length: jobs }, (_, index) => ({ name: `job ${index}` })));
  const body = {
    ...base,
    ackTimeoutMs,
    recoveryMs: 200,
    staleMs: 200,
    runId: run,
    jobs: base.jobs.map((job, index) => ({ ...job, jobId: `${run}-${index}` })),
  };
  const filter = subjects.runFilter(ORG, run);
  const meta = { id: `c${count}`, source: 'test' };
  const created = runDraft({ org: ORG, runId: run, type: 'run.created', meta, body });
  let last = await log.journal.append(created, { filter, lastSeq: 0 });
  for (const { jobId } of body.jobs) {
    if (last.outcome !== 'stored') throw new Error(last.outcome);
    const about = { jobId, attempt: 1, agentId: 'a', session: 7 };
    const offer: BodyOf<'job.offered'> = {
      ...about,
      fence: last.seq,
      ackTimeoutMs,
      reason: 'initial',
    };
    last = await log.journal.append(
      runDraft({
        org: ORG,
        runId: run,
        type: 'job.offered',
        to: 'a',
        meta: { ...about, id: `offer of ${jobId}`, source: 'test' },
        body: offer,
      }),
      { filter, lastSeq: last.seq },
    );
  }
  return run;
}

async function fact(run: string, type: FactType, index = 0): Promise<void> {
  const about = { jobId: `${run}-${index}`, attempt: 1, session: 7, agentId: 'a' };
  const meta = { id: `${type}-${run}-${index}`, source: 'test', ...about };
  await log.journal.append(runDraft({ org: ORG, runId: run, type, meta, body: '{}' }));
}

async function table(clock = log.host.clock): Promise<RunTable> {
  const onFailure = (error: Error): never => {
    throw error;
  };
  const opened = await openRunTable({
    ...log.host,
    journal: log.journal,
    clock,
    lookFrom: () => 0,
    onFailure,
  });
  await opened.reader.caughtUp;
  return opened;
}

async function serverTimePasses(ms: number): Promise<void> {
  const until = (await log.journal.serverTime('WB_RUNS')) + ms;
  await eventually(async () => (await log.journal.serverTime('WB_RUNS')) >= until);
}
const has = (type: RunEvent['type']) => (events: readonly RunEvent[]) =>
  events.some((event) => event.type === type);

describe('the deadline sweep', () => {
  it('looks again at what it could not settle in an outage of the log', async () => {
    const run = await offeredRun();
    await fact(run, 'job.ack');
    const open = await table();
    await serverTimePasses(300);
    const outage = new Outage('nats-unanswered', 'WB_HEARTBEATS did not answer');
    const journal = { ...log.journal, last: () => Promise.reject(outage) };
    const look = async () => ({ now: await log.journal.serverTime('WB_RUNS'), offersFrom: 0 });
    expect(await sweep({ ...log.host, journal, table: open }, await look())).toBe(0);
    await eventually(
      async () =>
        (await sweep({ ...log.host, journal: log.journal, table: open }, await look())) === 1,
    );
    await log.until(run, 'job.stale', has('job.stale'));
    await open.reader.stop();
  });

  it('looks again where what it stored has settled nothing', async () => {
    await offeredRun();
    const open = await table();
    await serverTimePasses(300);
    let asked = 0;
    // As of an expiry that lies before its deadline, because the clock of the log stepped back.
    const append: Journal['append'] = () => {
      asked += 1;
      return Promise.resolve({ outcome: 'stored', seq: 1, duplicate: false });
    };
    const options = { ...log.host, journal: { ...log.journal, append }, table: open };
    const now = await log.journal.serverTime('WB_RUNS');
    expect(await sweep(options, { now, offersFrom: 0 })).toBeGreaterThan(0);
    const before = asked;
    expect(await sweep(options, { now: now + 500, offersFrom: 0 })).toBe(0);
    expect(await sweep(options, { now: now + 2_000, offersFrom: 0 })).toBe(before);
    await open.reader.stop();
  });

  it('looks again at once where a word about another job came first', async () => {
    const run = await offeredRun();
    const open = await table();
    await serverTimePasses(300);
    const append: Journal['append'] = () => Promise.resolve({ outcome: 'conflict', lastSeq: 1 });
    const options = { ...log.host, journal: { ...log.journal, append }, table: open };
    const now = await log.journal.serverTime('WB_RUNS');
    expect(await sweep(options, { now, offersFrom: 0 })).toBe(0);
    const next = { now: now + 1, offersFrom: 0 };
    expect(await sweep({ ...options, journal: log.journal }, next)).toBeGreaterThan(0);
    await log.until(run, 'job.expired', has('job.expired'));
    await open.reader.stop();
  });

  it('asks for the heartbeats of a job no sooner because another of its run has spoken', async () => {
    const run = await offeredRun(200, 2);
    await fact(run, 'job.ack');
    const open = await table();
    await serverTimePasses(300);
    const now = await log.journal.serverTime('WB_RUNS');
    const offersFrom = now + 60_000;
    // As of a heartbeat that has just come.
    for (const each of open.index.takeDue(now, 1_000)) open.index.postpone(each, offersFrom);
    await fact(run, 'job.ack', 1);
    const { seq } = await log.run(run);
    await eventually(() => open.reader.seq() >= seq);
    const [other, ...more] = open.index.takeDue(now + 50_000, 1_000);
    expect([other?.jobId, more]).toEqual([`${run}-1`, []]);
    await open.reader.stop();
  });

  it('gives open offers one full answer time more after the log was away', async () => {
    const run = await offeredRun();
    const clock = manualClock();
    const open = await table(clock);
    await serverTimePasses(300);
    let isAway = true;
    const serverTime: Journal['serverTime'] = async (stream) => {
      if (isAway) throw new Outage('nats-unanswered', 'no answer');
      return log.journal.serverTime(stream);
    };
    const journal = { ...log.journal, serverTime };
    const sweeping = startSweeping({ ...log.host, journal, clock, table: open });
    await clock.advance(3_000);
    isAway = false;
    const back = await log.journal.serverTime('WB_RUNS');
    await eventually(async () => {
      await clock.advance(250);
      return (open.index.nextDueAt() ?? 0) >= back + WATCH_MS;
    });
    sweeping.stop();
    expect((await log.run(run)).jobs[0]?.state).toBe('offered');
    await open.reader.stop();
  });

  it('notices that the log is away while nothing is due yet', async () => {
    await offeredRun(60_000);
    const clock = manualClock();
    const open = await table(clock);
    let asked = 0;
    const serverTime: Journal['serverTime'] = (stream) => {
      asked += 1;
      return log.journal.serverTime(stream);
    };
    const journal = { ...log.journal, serverTime };
    const sweeping = startSweeping({ ...log.host, journal, clock, table: open });
    await eventually(async () => {
      await clock.advance(250);
      return asked > 1;
    });
    sweeping.stop();
    expect(clock.pending()).toBe(0);
    await open.reader.stop();
  });
});
