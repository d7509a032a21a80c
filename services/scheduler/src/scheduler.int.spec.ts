import { eventually } from '@waybill/process/testing';
import type { FactType, RunEvent } from '@waybill/protocol';
import { runDraft, runId, subjects, triggerId } from '@waybill/protocol';
import { createdBody } from '@waybill/protocol/fixtures';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { ORG, startTestLog, type TestLog } from '../../../tests/support/log.ts';
import { schedulerService } from './service.ts';

let log: TestLog;
const running: { stop(): Promise<void> }[] = [];
let count = 0;

beforeAll(async () => {
  log = await startTestLog();
}, 60_000);
afterEach(async () => {
  await Promise.all(running.splice(0).map((each) => each.stop()));
});
afterAll(() => log.stop());

async function start(): Promise<void> {
  const service = schedulerService(log.env, log.host);
  await service.start(new AbortController().signal, (error) => {
    throw error;
  });
  running.push(service);
}

const times = { ackTimeoutMs: 700, recoveryMs: 700, staleMs: 700 };
type Made = Readonly<{ run: string; jobId: string }>;

async function decided(made: Made, draft: ReturnType<typeof runDraft>): Promise<number> {
  const { seq } = await log.run(made.run);
  const answer = await log.journal.append(draft, {
    filter: subjects.runFilter(ORG, made.run),
    lastSeq: seq,
  });
  if (answer.outcome !== 'stored') throw new Error(answer.outcome);
  return answer.seq;
}

async function offeredRun(): Promise<Made> {
  count += 1;
  const number = count;
  const run = runId(triggerId(ORG, 'test', `t${number}`), 0);
  const jobId = `${run}-0`;
  const made = { run, jobId };
  const body = {
    ...createdBody(),
    ...times,
    runId: run,
    jobs: createdBody().jobs.map((job) => ({ ...job, jobId })),
  };
  await decided(
    made,
    runDraft({
      org: ORG,
      runId: run,
      type: 'run.created',
      meta: { id: `c${number}`, source: 'test' },
      body,
    }),
  );
  const offer = {
    jobId,
    attempt: 1,
    fence: (await log.run(run)).seq,
    agentId: 'a',
    session: 7,
    ackTimeoutMs: times.ackTimeoutMs,
    reason: 'initial' as const,
  };
  await decided(
    made,
    runDraft({
      org: ORG,
      runId: run,
      type: 'job.offered',
      to: 'a',
      meta: { id: `o${number}`, source: 'test', jobId, attempt: 1, session: 7, agentId: 'a' },
      body: offer,
    }),
  );
  return made;
}

async function fact(made: Made, type: FactType, body: object = {}): Promise<void> {
  count += 1;
  const meta = {
    id: `f${count}`,
    source: 'test',
    jobId: made.jobId,
    attempt: 1,
    session: 7,
    agentId: 'a',
  };
  await log.journal.append(
    runDraft({ org: ORG, runId: made.run, type, meta, body: JSON.stringify(body) }),
  );
}

/** Deadlines are about time: what is waited for here is the server's clock. */
async function serverTimePasses(ms: number): Promise<void> {
  const until = (await log.journal.serverTime('WB_RUNS')) + ms;
  await eventually(async () => (await log.journal.serverTime('WB_RUNS')) >= until);
}

const has =
  (type: RunEvent['type']) =>
  (events: readonly RunEvent[]): boolean =>
    events.some((event) => event.type === type);
const only = (events: readonly RunEvent[], type: RunEvent['type']): readonly RunEvent[] =>
  events.filter((event) => event.type === type);

describe('the scheduler', () => {
  it('expires an offer that nobody answered, after its deadline by server time, and not before', async () => {
    await start();
    const made = await offeredRun();
    const events = await log.until(made.run, 'job.expired', has('job.expired'));
    const at = (type: RunEvent['type']): number => only(events, type)[0]?.at ?? 0;
    expect(at('job.expired') - at('job.offered')).toBeGreaterThan(times.ackTimeoutMs);
    expect((await log.run(made.run)).jobs[0]).toMatchObject({
      state: 'queued',
      attempts: [{ resolution: 'expired' }],
    });
  });

  it('two schedulers, one expiry', async () => {
    await Promise.all([start(), start(), start()]);
    const all = await Promise.all(Array.from({ length: 20 }, offeredRun));
    for (const made of all) {
      await log.until(made.run, 'job.expired', has('job.expired'));
      const run = await log.run(made.run);
      expect(run.jobs[0]?.spent.expired).toBe(1);
      expect(run.anomalies).toBe(0);
      expect(only(await log.events(made.run), 'job.expired')).toHaveLength(1);
    }
  });

  it('leaves an accepted job alone while heartbeats come, and calls it stale when they end', async () => {
    await start();
    const made = await offeredRun();
    await fact(made, 'job.ack');
    const beats = Array.from({ length: 4 }, (_, beat) => beat);
    for (const beat of beats) {
      await serverTimePasses(300);
      await log.journal.append({
        stream: 'WB_HEARTBEATS',
        subject: subjects.heartbeat(ORG, made.run, made.jobId),
        type: 'job.heartbeat',
        meta: {
          id: `${made.run}-hb${beat}`,
          source: 'test',
          jobId: made.jobId,
          attempt: 1,
          session: 7,
        },
        body: '{}',
      });
    }
    const events = await log.until(made.run, 'job.stale', has('job.stale'));
    const [stale] = only(events, 'job.stale');
    if (stale?.type !== 'job.stale') throw new Error('no stale event');
    const beat = stale.body.heartbeat;
    expect(beat).not.toBeNull();
    expect(stale.at - (beat?.at ?? 0)).toBeGreaterThan(times.staleMs);
    expect((await log.run(made.run)).jobs[0]?.state).toBe('timed_out_stale');
  });

  it('fails a job whose agent does not come back in time', async () => {
    await start();
    const made = await offeredRun();
    await fact(made, 'job.ack');
    await fact(made, 'agent.lost', { code: 1006, scalerManaged: false });
    await log.until(made.run, 'job.lost', has('job.lost'));
    expect((await log.run(made.run)).jobs[0]).toMatchObject({
      state: 'failed',
      failure: 'agent_lost',
    });
  });

  it('started after a deadline passed gives the offer one answer time of its own watch', async () => {
    const made = await offeredRun();
    await serverTimePasses(times.ackTimeoutMs + 100);
    await start();
    await fact(made, 'job.ack');
    await log.until(made.run, 'the ack', has('job.ack'));
    expect((await log.run(made.run)).jobs[0]?.state).toBe('running');
  });

  it('ends a start that is no longer wanted', async () => {
    const wanted = new AbortController();
    const starting = schedulerService(log.env, log.host).start(wanted.signal, () => undefined);
    const reason = new Error('not wanted');
    wanted.abort(reason);
    await expect(starting).rejects.toBe(reason);
  });
});
