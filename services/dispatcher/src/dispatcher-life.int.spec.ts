/** Whole dispatchers on a real log: two at once, one after the other, from a snapshot, through cancels, failures and a full fleet. */
import type { Decider } from '@waybill/fold';
import type { Journal } from '@waybill/journal';
import { type ManualClock, manualClock } from '@waybill/process';
import { eventually } from '@waybill/process/testing';
import type { BodyOf, Draft, FactType, Job, RunEvent } from '@waybill/protocol';
import {
  agentDraft,
  currentAttempt,
  offersSpent,
  partitionFilters,
  partitionName,
  partitionOf,
  retriesUsed,
  runDraft,
  runId,
  subjects,
  triggerId,
} from '@waybill/protocol';
import { createdBody, type JobShape } from '@waybill/protocol/fixtures';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { ORG, startTestLog, type TestLog } from '../../../tests/support/log.ts';
import { openDispatcher } from './shell/dispatcher.ts';

let log: TestLog;
let count = 0;
const running: Decider[] = [];
let failures: Error[] = [];

beforeAll(async () => {
  log = await startTestLog();
  await gatewayIsThere('gateway.g.1');
}, 60_000);
beforeEach(() => {
  failures = [];
});
afterEach(async () => {
  await Promise.all(running.splice(0).map((each) => each.stop()));
  expect(failures).toEqual([]);
});
afterAll(() => log.stop());

/** Gives its lease, once it is held. */
async function gatewayIsThere(name: string) {
  const lease = log.journal.lease({ name, holder: 'test', ttlMs: 5_000 });
  await eventually(() => lease.epoch());
  return lease;
}

type Start = Partial<Journal> & Readonly<{ clock?: ManualClock; partitions?: number }>;

async function start({ clock, partitions, ...change }: Start = {}): Promise<Decider> {
  const dispatcher = await openDispatcher({
    ...log.host,
    ...(clock === undefined ? {} : { clock }),
    journal: { ...log.journal, ...change },
    partitions: partitions ?? 1,
    onFailure: (error) => failures.push(error),
  });
  running.push(dispatcher);
  await dispatcher.caughtUp;
  return dispatcher;
}
async function stop(dispatcher: Decider): Promise<void> {
  running.splice(running.indexOf(dispatcher), 1);
  await dispatcher.stop();
}

async function stored(draft: Draft): Promise<number> {
  const answer = await log.journal.append(draft);
  if (answer.outcome !== 'stored') throw new Error(answer.outcome);
  return answer.seq;
}

/** Labels of its own keep the tests apart. */
const label = (): string => {
  count += 1;
  return `l${count}`;
};
function registers(
  agentId: string,
  labels: readonly string[],
  maxConcurrency = 1,
  gateway = 'g/1',
): Promise<number> {
  count += 1;
  const body = JSON.stringify({ agentId, labels, maxConcurrency });
  return stored(
    agentDraft({ org: ORG, agentId, type: 'registered', id: `r${count}`, gateway, body }),
  );
}
function agentSays(
  type: 'status' | 'draining',
  agentId: string,
  session: number,
  said: object,
): Promise<number> {
  count += 1;
  const body = JSON.stringify(said);
  return stored(
    agentDraft({ org: ORG, agentId, type, id: `s${count}`, gateway: 'g/1', session, body }),
  );
}

async function created(
  jobs: readonly JobShape[],
  change: Partial<BodyOf<'run.created'>> = {},
): Promise<string> {
  count += 1;
  const run = runId(triggerId(ORG, 'test', `t${count}`), 0);
  const made = createdBody(jobs);
  const body = {
    ...made,
    runId: run,
    jobs: made.jobs.map((job, index) => ({ ...job, jobId: `${run}-${index}` })),
    ...change,
  };
  const meta = { id: `c${count}`, source: 'test', requestId: `req-${run}`, traceparent: 'tp' };
  await stored(runDraft({ org: ORG, runId: run, type: 'run.created', meta, body }));
  return run;
}
const jobOf = async (run: string, index = 0): Promise<Job> => {
  const job = (await log.run(run)).jobs[index];
  if (job === undefined) throw new Error('the run has that job');
  return job;
};
const until = (run: string, state: Job['state'], index = 0): Promise<Job> =>
  eventually(
    async () => {
      const job = await jobOf(run, index);
      return job.state === state ? job : undefined;
    },
    { what: `job ${index} is ${state}`, withinMs: 10_000 },
  );
const offeredTimes = (run: string, times: number, index = 0): Promise<Job> =>
  eventually(
    async () => {
      const job = await jobOf(run, index);
      return job.attempts.length >= times && job.state === 'offered' ? job : undefined;
    },
    { what: `offer ${times}`, withinMs: 10_000 },
  );

/** What the holder of the current attempt says, as its gateway stores it. */
async function says<T extends FactType>(
  run: string,
  type: T,
  body: BodyOf<T>,
  index = 0,
): Promise<void> {
  const job = await jobOf(run, index);
  const current = currentAttempt(job);
  count += 1;
  const meta = {
    id: `f${count}`,
    source: 'test',
    jobId: job.spec.jobId,
    attempt: current?.attempt,
    session: current?.session,
    agentId: current?.agentId,
  };
  await stored(runDraft({ org: ORG, runId: run, type, meta, body: JSON.stringify(body) }));
}
const cancels = (run: string, force = false): Promise<number> => {
  count += 1;
  const meta = { id: `x${count}`, source: 'test' };
  const body = { by: 'anna', force };
  return stored(runDraft({ org: ORG, runId: run, type: 'cancel.requested', meta, body }));
};
const ended = (run: string): Promise<readonly RunEvent[]> =>
  log.until(run, 'its end', (all) => all.some(({ type }) => type === 'run.completed'));
/** Divided in two, that nobody else reads the snapshot of a clock that was moved. */
const PARTITION = { index: partitionOf(ORG, 2), count: 2 };
const ours = [
  ...partitionFilters('run', PARTITION),
  ...partitionFilters('agent', PARTITION),
  ...partitionFilters('trigger', PARTITION),
];
const isOurs = (filter: string): boolean => ours.includes(filter);

const decisionsOf = (events: readonly RunEvent[]): readonly RunEvent[] =>
  events.filter(({ meta }) => meta.source === '/waybill/dispatcher');

describe('dispatchers beside each other', () => {
  it('decide once under one lease, whose epoch stands in every decision', async () => {
    const on = label();
    await Promise.all([start(), start()]);
    await registers(on, [on], 8);
    const runs = await Promise.all(
      Array.from({ length: 8 }, () =>
        created([
          { name: 'a', runsOn: [on] },
          { name: 'b', runsOn: [on], needs: [{ job: 'a', on: ['success'] }] },
        ]),
      ),
    );
    const epochs = new Set<number | undefined>();
    for (const run of runs) {
      for (const index of [0, 1]) {
        await until(run, 'offered', index);
        await says(run, 'job.status', { state: 'success' }, index);
      }
      const events = await ended(run);
      expect((await log.run(run)).anomalies).toBe(0);
      for (const { meta } of decisionsOf(events)) epochs.add(meta.epoch);
    }
    expect(epochs.size).toBe(1);
    expect([...epochs][0]).toBeGreaterThan(0);
  });

  it('take over from each other, and go on where the other one was', async () => {
    const on = label();
    const first = await start();
    await start();
    const session = await registers(on, [on]);
    const run = await created([
      { name: 'a', runsOn: [on] },
      { name: 'b', runsOn: [on] },
    ]);
    await until(run, 'offered');
    await stop(first);
    await says(run, 'job.status', { state: 'success' });
    const job = await until(run, 'offered', 1);
    expect(currentAttempt(job)?.session).toBe(session);
    await says(run, 'job.status', { state: 'success' }, 1);
    const epochs = decisionsOf(await ended(run)).map(({ meta }) => meta.epoch ?? 0);
    expect(epochs.at(-1)).toBeGreaterThan(epochs[0] ?? 0);
  });

  it('that do not hold the lease append nothing, whatever they know', async () => {
    const on = label();
    let appended = 0;
    const held = { epoch: () => undefined, release: () => Promise.resolve() };
    await start({
      lease: () => held,
      append: (...about) => {
        appended += 1;
        return log.journal.append(...about);
      },
    });
    await registers(on, [on]);
    const run = await created([{ name: 'a', runsOn: [on] }]);
    await start();
    await until(run, 'offered');
    expect(appended).toBe(0);
  });
});

describe('a dispatcher that starts again', () => {
  it('reads neither the runs, the agents nor the triggers before its snapshot, and knows them', async () => {
    const on = label();
    const first = await start({ partitions: 2 });
    const session = await registers(on, [on], 2);
    await agentSays('draining', `${on}-drained`, 0, { draining: true, by: 'anna' });
    const waiting = await created([{ name: 'late', runsOn: [`${on}-late`] }]);
    const run = await created([{ name: 'a', runsOn: [on] }]);
    await until(run, 'offered');
    let isSaved = false;
    // A follower with a lease of its own, so that it saves, and with a clock that can be moved on.
    const clock = manualClock();
    const keeper = await start({
      clock,
      partitions: 2,
      lease: (o) => log.journal.lease({ ...o, name: `other.${o.name}` }),
      saveSnapshot: async (name, snapshot) => {
        await log.journal.saveSnapshot(name, snapshot);
        isSaved ||= name.includes(partitionName(PARTITION));
      },
    });
    await eventually(async () => {
      await clock.advance(60_000);
      return isSaved;
    });
    await Promise.all([stop(keeper), stop(first)]);

    const from = new Map<string, number | undefined>();
    await start({
      partitions: 2,
      read: (o) => {
        if (o.filters.some(isOurs)) from.set(o.stream, o.from?.seq);
        return log.journal.read(o);
      },
    });
    expect(from.get('WB_RUNS')).toBeGreaterThan(1);
    expect(from.get('WB_AGENTS')).toBeGreaterThanOrEqual(session);
    const other = await created([{ name: 'b', runsOn: [on] }]);
    expect(currentAttempt(await until(other, 'offered'))?.session).toBe(session);
    await registers(`${on}-drained`, [`${on}-late`]);
    await registers(`${on}-new`, [`${on}-late`]);
    const offer = await until(waiting, 'offered');
    expect(currentAttempt(offer)?.agentId).toBe(`${on}-new`);
    const event = (await log.events(waiting)).find(({ type }) => type === 'job.offered');
    expect(event?.meta).toMatchObject({ requestId: `req-${waiting}`, traceparent: 'tp' });
  });
});

describe('a cancel', () => {
  it('ends what is queued at once, withdraws what is offered, and stops what runs', async () => {
    const on = label();
    await start();
    await registers(on, [on], 2);
    const queued = await created([{ name: 'a', runsOn: [`${on}-nobody`] }]);
    const [offered, works] = [
      await created([{ name: 'a', runsOn: [on] }]),
      await created([{ name: 'a', runsOn: [on] }]),
    ];
    await Promise.all([until(offered, 'offered'), until(works, 'offered')]);
    await says(works, 'job.ack', {});
    await Promise.all([queued, offered, works].map((run) => cancels(run)));
    await Promise.all([ended(queued), ended(offered)]);
    expect(currentAttempt(await jobOf(offered))).toMatchObject({ resolution: 'withdrawn' });
    const job = await until(works, 'cancelling');
    expect(currentAttempt(job)?.stop).toMatchObject({ reason: 'cancelled', force: false });
    await cancels(works, true);
    await eventually(async () => currentAttempt(await jobOf(works))?.stop?.force);
    await says(works, 'job.status', { state: 'cancelled' });
    await ended(works);
    for (const run of [queued, offered, works])
      expect((await log.run(run)).state).toBe('cancelled');
  });
});

describe('a failure', () => {
  it('ends the rest of a matrix, at work and not begun, and what needs it is skipped', async () => {
    const on = label();
    await start();
    await registers(on, [on], 2);
    const of = (at: number, runsOn: string[]) => ({
      name: `m (${at})`,
      group: 'm',
      failFast: true,
      runsOn,
    });
    const run = await created([
      of(1, [on]),
      of(2, [on]),
      of(3, [`${on}-nobody`]),
      { name: 'after', needs: [{ job: 'm', on: ['success'] }] },
    ]);
    await Promise.all([until(run, 'offered', 0), until(run, 'offered', 1)]);
    await says(run, 'job.ack', {}, 1);
    await says(run, 'job.status', { state: 'failed' }, 0);
    await until(run, 'cancelling', 1);
    await says(run, 'job.status', { state: 'cancelled' }, 1);
    await ended(run);
    const { jobs, state, anomalies } = await log.run(run);
    expect(jobs.map((job) => job.state)).toEqual(['failed', 'cancelled', 'cancelled', 'skipped']);
    expect([state, anomalies]).toEqual(['failed', 0]);
  });

  it('is repeated after its backoff as often as its policy says, and costs no offer', async () => {
    const on = label();
    await start();
    await registers(on, [on]);
    const retries = [{ on: ['failed' as const], max: 2, backoffMs: 100, backoffMaxMs: 200 }];
    const run = await created([{ name: 'a', runsOn: [on], retries }]);
    for (const times of [1, 2, 3]) {
      await offeredTimes(run, times);
      await says(run, 'job.status', { state: 'failed' });
    }
    await ended(run);
    const job = await jobOf(run);
    expect([job.state, retriesUsed(job), offersSpent(job)]).toEqual(['failed', 2, 0]);
    const [first, second] = job.attempts;
    expect((second?.offeredAt ?? 0) - (first?.endedAt ?? 0)).toBeGreaterThanOrEqual(50);
  });
});

describe('the budget of offers', () => {
  it('is counted by cause, and a busy of an agent that never showed room is free', async () => {
    const on = label();
    await start();
    const agents = ['a', 'b', 'c'].map((name) => `${on}-${name}`);
    for (const agent of agents) await registers(agent, [on]);
    const run = await created([{ name: 'a', runsOn: [on] }]);
    await offeredTimes(run, 1);
    await says(run, 'job.reject', { reason: 'busy' });
    await offeredTimes(run, 2);
    await says(run, 'job.reject', { reason: 'draining' });
    await offeredTimes(run, 3);
    const { spent, unspent, attempts } = await jobOf(run);
    expect(spent).toEqual({ expired: 0, rejected: 1, withdrawn: 0 });
    expect(unspent).toMatchObject({ busy: 1 });
    expect(attempts.map(({ agentId }) => agentId)).toEqual(agents);
    expect(attempts.every(({ room }) => room === 'assumed')).toBe(true);
  });

  it('is not touched by a fleet that is busy for minutes, nor is the log', async () => {
    const on = label();
    const clock = manualClock();
    let appends = 0;
    const runs: string[] = [];
    const append: Journal['append'] = (draft, ...rest) => {
      if (runs.includes(draft.meta.runId ?? '')) appends += 1;
      return log.journal.append(draft, ...rest);
    };
    await start({ clock, append, partitions: 4 });
    const sessions = [await registers(`${on}-a`, [on]), await registers(`${on}-b`, [on])];
    for (const _ of sessions) runs.push(await created([{ name: 'a', runsOn: [on] }]));
    const answer = async (): Promise<void> => {
      for (const run of runs)
        if ((await jobOf(run)).state === 'offered')
          await says(run, 'job.reject', { reason: 'busy' });
    };
    for (let second = 0; second < 280; second += 10) {
      await clock.advance(10_000);
      await answer();
    }
    expect(appends).toBeLessThanOrEqual(2 * sessions.length);
    for (const run of runs) expect(offersSpent(await jobOf(run))).toBe(0);
    // The first word of room is enough.
    const before = appends;
    await agentSays('status', `${on}-a`, sessions[0] ?? 0, { activeJobs: 0 });
    await eventually(async () => {
      await clock.advance(1_000);
      return appends > before;
    });
  });
});

describe('offers', () => {
  it('go to nobody on a gateway that has lost its lease', async () => {
    const on = label();
    await start();
    const gateway = `gw${count}/s1`;
    const lease = await gatewayIsThere(`gateway.gw${count}.s1`);
    await registers(`${on}-a`, [on], 1, gateway);
    const first = await created([{ name: 'a', runsOn: [on] }]);
    await until(first, 'offered');
    await says(first, 'job.status', { state: 'success' });
    await ended(first);
    await lease.release();
    // A job for somebody else comes behind the lapse, so that it is known.
    const other = label();
    await eventually(async () => {
      await registers(other, [other]);
      return true;
    });
    const marker = await created([{ name: 'a', runsOn: [other] }]);
    await until(marker, 'offered');
    const second = await created([{ name: 'a', runsOn: [on] }]);
    await registers(`${on}-b`, [on]);
    expect(currentAttempt(await until(second, 'offered'))?.agentId).toBe(`${on}-b`);
  });

  it('give the agent as long as its org has set, those that are open keep theirs', async () => {
    const on = label();
    await start();
    await registers(on, [on], 2);
    const before = await created([{ name: 'a', runsOn: [on] }]);
    await until(before, 'offered');
    await log.journal.append({
      stream: 'WB_CONFIG',
      subject: subjects.config(ORG, 'org', 'settings'),
      type: 'config.org',
      meta: { id: `settings-${on}`, source: 'test' },
      body: JSON.stringify({ generation: 1, settings: { dispatchAckTimeoutMs: 3_000 } }),
    });
    const took = async (run: string): Promise<number> => {
      const attempt = currentAttempt(await until(run, 'offered'));
      return (attempt?.until ?? 0) - (attempt?.offeredAt ?? 0);
    };
    await eventually(async () => {
      const after = await created([{ name: 'a', runsOn: [on] }]);
      const ms = await took(after);
      await says(after, 'job.status', { state: 'success' });
      return ms === 3_000;
    });
    expect(await took(before)).toBe(10_000);
  });

  it('are not made, and it says so, while the log of runs is nearly full', async () => {
    const on = label();
    const clock = manualClock();
    let isFull = true;
    const dispatcher = await start({
      clock,
      partitions: 4,
      info: async (stream) => {
        const info = await log.journal.info(stream);
        return isFull ? { ...info, maxBytes: Math.floor(info.bytes / 0.9) } : info;
      },
    });
    expect(dispatcher.check().reason).toContain('90 %');
    await registers(on, [on]);
    const run = await created([{ name: 'a', runsOn: [on] }]);
    const cancelled = await created([{ name: 'a', runsOn: [on] }]);
    await cancels(cancelled);
    await ended(cancelled);
    expect((await jobOf(run)).state).toBe('queued');
    isFull = false;
    await eventually(async () => {
      await clock.advance(2_000);
      return (await jobOf(run)).state === 'offered';
    });
    expect(dispatcher.check()).toEqual({ ready: true });
  });
});
