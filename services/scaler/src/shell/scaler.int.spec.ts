/** The scaler at a real log, with a maker that only writes down what it was told to make. */
import type { DeciderJournal } from '@waybill/fold';
import { newId, systemClock } from '@waybill/process';
import { eventually } from '@waybill/process/testing';
import { readAgentMessage, runDraft, runId, subjects, triggerId } from '@waybill/protocol';
import { createdBody } from '@waybill/protocol/fixtures';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { ORG, startTestLog, type TestLog } from '../../../../tests/support/log.ts';
import { type Pool, slotScaler } from '../domain/scaler.ts';
import type { Made } from './agent-maker.ts';
import { openScaler } from './scaler.ts';

let log: TestLog;
let label = '';
const running: { stop(): Promise<void> }[] = [];

beforeAll(async () => {
  log = await startTestLog();
}, 60_000);
beforeEach(() => {
  label = `l${newId().slice(-8)}`;
});
afterEach(async () => {
  await Promise.all(running.splice(0).map((each) => each.stop()));
});
afterAll(() => log.stop());

type Heard = { readonly made: Made[]; readonly ended: string[] };

async function scaler(change: Partial<Pool> = {}, journal: DeciderJournal = log.journal) {
  const pool: Pool = {
    name: label,
    labels: [label],
    min: 0,
    max: 2,
    concurrency: 1,
    idleTimeoutMs: 60_000,
    startTimeoutMs: 30_000,
    ...change,
  };
  const heard: Heard = { made: [], ended: [] };
  let onEnd: (agentId: string, why: string) => void = () => undefined;
  const opened = await openScaler({
    ...log.host,
    journal,
    org: ORG,
    pools: [{ pool, scaler: slotScaler(pool) }],
    openMaker: (told) => {
      onEnd = told;
      return {
        make: (made) => void heard.made.push(made),
        has: (agentId) => heard.made.some((each) => each.agentId === agentId),
        end: (agentId) => void heard.ended.push(agentId),
        close: async () => undefined,
      };
    },
    onFailure: (error) => {
      throw error;
    },
  });
  running.push(opened);
  await opened.caughtUp;
  return { ...heard, check: opened.check, dies: (agentId: string) => onEnd(agentId, 'it died') };
}

async function queued(count: number): Promise<readonly string[]> {
  const trigger = triggerId(ORG, 'test', newId());
  const run = runId(trigger, 0);
  const body = createdBody(
    Array.from({ length: count }, (_, index) => ({
      name: `job-${index}`,
      jobId: `${run}-${index}`,
      runsOn: [label],
    })),
  );
  const draft = runDraft({
    org: ORG,
    runId: run,
    type: 'run.created',
    meta: { id: `${run}:created`, source: 'test' },
    body: { ...body, runId: run, trigger: { ...body.trigger, triggerId: trigger } },
  });
  const expectation = { filter: subjects.runFilter(ORG, run), lastSeq: 0 };
  expect(await log.journal.append(draft, expectation)).toMatchObject({ outcome: 'stored' });
  return body.jobs.map(({ jobId }) => jobId);
}

const told = async (type: 'spawned' | 'draining') => {
  const stored = await log.journal.load('WB_AGENTS', subjects.agentsEvent(ORG, type));
  return stored
    .flatMap((message) => readAgentMessage(message) ?? [])
    .filter(({ meta }) => meta.agentId?.startsWith(`${label}-`));
};
const made = (one: Heard, count: number): Promise<unknown> =>
  eventually(() => one.made.length >= count, {
    withinMs: 10_000,
    what: `${count} agents are made`,
  });
const passes = async (ms: number): Promise<void> => {
  const until = systemClock.monotonicMs() + ms;
  await eventually(() => systemClock.monotonicMs() >= until, { withinMs: ms + 1_000 });
};

describe('the scaler', () => {
  it('says in the log which agent is about to come for which jobs, and makes it then', async () => {
    const one = await scaler();
    const jobs = await queued(3);
    await made(one, 2);
    const spawned = await told('spawned');
    expect(spawned.map((event) => event.type === 'spawned' && event.body)).toMatchObject([
      { pool: label, jobIds: [jobs[0]], standing: false },
      { pool: label, jobIds: [jobs[1]], standing: false },
    ]);
    expect(spawned.map(({ meta }) => meta.agentId)).toEqual(one.made.map(({ agentId }) => agentId));
    expect(spawned[0]?.meta.source).toBe('/waybill/scaler');
  });

  it('has the least there without a job, and says that they stand ready', async () => {
    const one = await scaler({ min: 2 });
    await made(one, 2);
    expect(one.made).toMatchObject([{ isStanding: true }, { isStanding: true }]);
  });

  it('makes another agent for the job of one that died before it came, a little later', async () => {
    const one = await scaler();
    const [job] = await queued(1);
    await made(one, 1);
    one.dies(one.made[0]?.agentId ?? '');
    expect(one.check()).toEqual({
      ready: true,
      reason: `degraded: agents of pool ${label} do not come up: it died`,
    });
    await made(one, 2);
    const spawned = await told('spawned');
    expect(spawned.map((event) => event.type === 'spawned' && event.body.jobIds)).toEqual([
      [job],
      [job],
    ]);
  });

  it('keeps two that both believe to hold the lease from making more than the most', async () => {
    const journal = {
      ...log.journal,
      lease: () => ({ epoch: () => 1, release: async () => undefined }),
    };
    const both = await Promise.all([scaler({ max: 3 }, journal), scaler({ max: 3 }, journal)]);
    await queued(10);
    await eventually(async () => (await told('spawned')).length >= 3, { withinMs: 10_000 });
    await passes(2_000);
    expect(await told('spawned')).toHaveLength(3);
    expect(both.flatMap((each) => each.made)).toHaveLength(3);
  });

  it('leaves it to the one that holds the lease, and takes it over', async () => {
    const one = await scaler();
    const [holder] = running;
    const other = await scaler();
    await queued(1);
    await made(one, 1);
    expect(other.made).toEqual([]);
    await holder?.stop();
    running.shift();
    // The agent of the other is not heard of any more.
    await eventually(() => other.made.length === 1, { withinMs: 15_000 });
  });

  it('dismisses its agents when it stops, so that nothing more is offered to them', async () => {
    const one = await scaler();
    await queued(1);
    await made(one, 1);
    await running.pop()?.stop();
    expect(one.ended).toEqual([one.made[0]?.agentId]);
    const [draining] = await told('draining');
    expect(draining).toMatchObject({ body: { draining: true } });
  });
});
