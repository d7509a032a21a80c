/** A gateway's lease at a real log: it lapses and comes back, or never does. */
import type { Journal } from '@waybill/journal';
import { allSubjects, readAgentMessage, type StoredMessage } from '@waybill/protocol';
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import { startTestLog, type TestLog } from '../../../../tests/support/log.ts';
import { byHand, has, only, testRuns } from '../test-runs.fixture.ts';

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

const gatewayLease = (name: string) =>
  log.journal.lease({ name: `gateway.${name}`, holder: 'test', ttlMs: 1_000 });

/** The ends of these sessions. */
async function endsOf(sessions: readonly unknown[]): Promise<readonly unknown[]> {
  const found: StoredMessage[] = [];
  await log.journal.replay({
    stream: 'WB_AGENTS',
    filter: allSubjects.agents,
    batchMax: 100,
    onBatch: (messages) => void found.push(...messages),
  });
  return found.flatMap((message) => {
    const event = readAgentMessage(message);
    if (event?.type !== 'disconnected' || !sessions.includes(event.body.session)) return [];
    return { ...event.body, source: event.meta.source };
  });
}

it('offers of a gateway that has lapsed wait for it, and get their answer time when it is back', async () => {
  const first = gatewayLease('one.1');
  const session = await runs.registered('one/1', 'lapsing');
  const { scheduler, sweep, sweepUntil } = await byHand(log);
  running.push(scheduler);
  await sweepUntil('the lease is held', () => first.epoch() !== undefined);
  const run = await runs.offered({ session, run: { ackTimeoutMs: 1_000 } });
  await sweep(4);
  await first.release();
  await runs.serverTimePasses(1_500);
  await sweep(4);
  expect(has('job.expired')(await log.events(run))).toBe(false);
  running.push({ stop: gatewayLease('one.1').release });
  const events = await sweepUntil('it is settled', async () => {
    const found = await log.events(run);
    return has('job.expired')(found) ? found : undefined;
  });
  const [extended] = only(events, 'deadline.extended');
  expect(extended).toMatchObject({ body: { cause: 'gateway-lapsed' } });
  expect(only(events, 'job.expired')[0]?.at).toBeGreaterThan(extended?.body.until ?? 0);
  expect((await log.run(run)).anomalies).toBe(0);
});

it('sessions of a gateway that is gone for good end in the runs and among the agents', async () => {
  let laterMs = 0;
  const serverTime: Journal['serverTime'] = async (stream) =>
    (await log.journal.serverTime(stream)) + laterMs;
  const lease = gatewayLease('two.1');
  const sessions = await Promise.all(
    ['a', 'b', 'c'].map((agent) => runs.registered('two/1', agent)),
  );
  const [offered = 0, begun = 0] = sessions;
  const { scheduler, sweep, sweepUntil } = await byHand(log, { serverTime });
  running.push(scheduler);
  await sweepUntil('the lease is held', () => lease.epoch() !== undefined);
  const long = { ackTimeoutMs: 60_000, recoveryMs: 120_000, staleMs: 120_000 };
  const first = await runs.offered({ session: offered, run: long });
  const second = await runs.offered({ session: begun, run: long });
  await runs.fact(second, 'job.ack', { session: begun });
  await lease.release();
  await sweep(8);
  laterMs = 30_500;
  const ends = await sweepUntil('the sessions are ended', async () => {
    const found = await endsOf(sessions);
    return found.length >= 3 ? found : undefined;
  });
  const end = { code: 1006, reason: 'gateway_lost', source: '/waybill/scheduler' };
  expect(ends).toHaveLength(3);
  expect(ends).toEqual(expect.arrayContaining(sessions.map((session) => ({ session, ...end }))));
  expect(await log.run(first)).toMatchObject({
    anomalies: 0,
    jobs: [{ state: 'queued', unspent: { lapsed: 1 }, spent: { withdrawn: 0 } }],
  });
  expect(await log.run(second)).toMatchObject({ anomalies: 0, jobs: [{ state: 'recovering' }] });
});
