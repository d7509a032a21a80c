/** Interleavings of the run loop with others who write to the same runs, on a real log whose deliveries the test holds back. */
import type { Journal } from '@waybill/journal';
import { eventually } from '@waybill/process/testing';
import type { BodyOf, FactType, RunEvent } from '@waybill/protocol';
import { agentDraft, runDraft, runId, subjects, triggerId } from '@waybill/protocol';
import { createdBody } from '@waybill/protocol/fixtures';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { ORG, startTestLog, type TestLog } from '../../../../tests/support/log.ts';
import { openRunLoop, type RunLoop } from './run-loop.ts';

let log: TestLog;
let loop: RunLoop | undefined;
let count = 0;
/** What the loop has appended, with the outcome, as it was told. */
let appended: string[] = [];
let failures: Error[] = [];
/** The lease. */
let isHeld = true;

/** Deliveries of WB_RUNS wait while it is closed. */
let gate = Promise.withResolvers<void>();

beforeAll(async () => {
  log = await startTestLog();
}, 60_000);
beforeEach(() => {
  appended = [];
  failures = [];
  isHeld = true;
  gate.resolve();
});
afterEach(async () => {
  gate.resolve();
  await loop?.stop();
});
afterAll(() => log.stop());

const close = (): void => {
  gate = Promise.withResolvers<void>();
};

async function start(o: Readonly<{ append?: Journal['append']; mayOffer?: () => boolean }> = {}) {
  const journal: Journal = {
    ...log.journal,
    read: (o) =>
      log.journal.read({
        ...o,
        onMessage: async (message) => {
          if (o.stream === 'WB_RUNS') await gate.promise;
          return o.onMessage(message);
        },
      }),
  };
  const append: Journal['append'] = async (draft, expect) => {
    const answer = await (o.append ?? log.journal.append)(draft, expect);
    appended.push(`${draft.type} ${answer.outcome}`);
    return answer;
  };
  loop = await openRunLoop({
    ...log.host,
    journal,
    tenure: {
      isHeld: () => isHeld,
      append: (draft, expect) => (isHeld ? append(draft, expect) : undefined),
    },
    partition: { index: 0, count: 1 },
    ackTimeoutMs: () => undefined,
    mayOffer: o.mayOffer ?? (() => true),
    triggersSettledUpTo: () => undefined,
    onFailure: (error) => failures.push(error),
  });
  loop.heardGateway('gateway.g.1', true);
  await loop.caughtUp;
  loop.begin();
}

async function stored(draft: Parameters<Journal['append']>[0]): Promise<number> {
  const answer = await log.journal.append(draft);
  if (answer.outcome !== 'stored') throw new Error(answer.outcome);
  return answer.seq;
}

const registers = (agentId: string, labels: readonly string[]): Promise<number> => {
  count += 1;
  const body = JSON.stringify({ agentId, labels });
  return stored(
    agentDraft({ org: ORG, agentId, type: 'registered', id: `r${count}`, gateway: 'g/1', body }),
  );
};

/** A run with one job for each list of labels, named `a`, `b` … */
async function created(...labels: readonly (readonly string[])[]): Promise<string> {
  count += 1;
  const run = runId(triggerId(ORG, 'test', `t${count}`), 0);
  const jobs = createdBody(labels.map((_, index) => ({ name: 'abc'.charAt(index) }))).jobs;
  const body = {
    ...createdBody(),
    runId: run,
    jobs: jobs.map((job, index) => ({
      ...job,
      jobId: `${run}-${index}`,
      runsOn: [...(labels[index] ?? [])],
    })),
  };
  const meta = { id: `c${count}`, source: 'test' };
  await stored(runDraft({ org: ORG, runId: run, type: 'run.created', meta, body }));
  return run;
}

type Offer = Extract<RunEvent, { type: 'job.offered' }>;
const offersOf = (events: readonly RunEvent[], jobId: string): readonly Offer[] =>
  events.filter(
    (event): event is Offer => event.type === 'job.offered' && event.body.jobId === jobId,
  );
const offered = (run: string, index = 0): Promise<readonly RunEvent[]> =>
  log.until(run, `an offer of job ${index}`, (all) => offersOf(all, `${run}-${index}`).length > 0);

async function says<T extends FactType>(
  type: T,
  run: string,
  session: number,
  body: BodyOf<T>,
): Promise<void> {
  count += 1;
  const jobId = `${run}-0`;
  const meta = { id: `f${count}`, source: 'test', jobId, attempt: 1, session };
  await stored(runDraft({ org: ORG, runId: run, type, meta, body: JSON.stringify(body) }));
}

describe('the run loop', () => {
  it('gives a slot back when a run ends under an offer that is on its way', async () => {
    const first = await registers('a1', ['a']);
    await start();
    const run = await created(['a'], ['b']);
    await offered(run);
    await says('job.ack', run, first, {});
    // The loop knows the log up to the ack; from here on it is held back.
    const { seq } = await log.run(run);
    await eventually(() => loop?.reader.seq() === seq);
    close();
    // The agent drops `b` and ends, another dispatcher completes the run, and a late word follows.
    await says('job.status', run, first, { state: 'success', droppedJobs: ['b'] });
    const ended = await log.run(run);
    const [a, b] = ended.jobs;
    expect([a?.state, b?.state]).toEqual(['success', 'drift_dropped']);
    const completed: BodyOf<'run.completed'> = {
      state: 'success',
      startedAt: 1,
      completedAt: 2,
      durationMs: 1,
      queuedMs: 0,
      usage: {},
      costUsd: 0,
      priceGeneration: null,
      jobs: [],
    };
    const meta = { id: `${run} completed by another`, source: 'test' };
    await log.journal.append(
      runDraft({ org: ORG, runId: run, type: 'run.completed', meta, body: completed }),
      { filter: subjects.runFilter(ORG, run), lastSeq: ended.seq },
    );
    await says('step.status', run, first, { stepIndex: 0, stepName: 's', state: 'success' });
    // Now there is an agent for `b`: the loop offers it, and meets the end of the run.
    await registers('b1', ['b']);
    await eventually(() => appended.includes('job.offered conflict'));
    gate.resolve();
    // The agent has one slot, and nothing holds it.
    await offered(await created(['b']));
    expect(failures).toEqual([]);
  });

  it('offers nothing to a session that let an offer expire before the start', async () => {
    const session = await registers('c1', ['c']);
    const run = await created(['c']);
    const jobId = `${run}-0`;
    const filter = subjects.runFilter(ORG, run);
    const about = { source: 'test', jobId, attempt: 1, session, agentId: 'c1' };
    const { seq } = await log.run(run);
    const offer: BodyOf<'job.offered'> = {
      jobId,
      attempt: 1,
      fence: seq,
      agentId: 'c1',
      session,
      ackTimeoutMs: 0,
      reason: 'initial',
    };
    const meta = { ...about, id: `${run} offered by another` };
    const lay = runDraft({
      org: ORG,
      runId: run,
      type: 'job.offered',
      to: 'c1',
      meta,
      body: offer,
    });
    const laid = await log.journal.append(lay, { filter, lastSeq: seq });
    if (laid.outcome !== 'stored') throw new Error(laid.outcome);
    const offeredAt = await log.journal.serverTime('WB_RUNS');
    await eventually(async () => (await log.journal.serverTime('WB_RUNS')) > offeredAt + 2);
    const expiry = { ...about, id: `${run} expired` };
    const body = { jobId, attempt: 1 };
    await log.journal.append(
      runDraft({ org: ORG, runId: run, type: 'job.expired', meta: expiry, body }),
      { filter, lastSeq: laid.seq },
    );
    expect((await log.run(run)).jobs[0]?.state).toBe('queued');
    await start();
    await registers('c2', ['c']);
    const events = await log.until(run, 'a second offer', (all) => offersOf(all, jobId).length > 1);
    expect(offersOf(events, jobId)[1]?.body).toMatchObject({ agentId: 'c2', attempt: 2 });
  });

  it('keeps what it asks of the log at once within a bound, and goes on behind it', async () => {
    const answers = Promise.withResolvers<void>();
    let asked = 0;
    let most = 0;
    await start({
      append: async (draft, expect, o) => {
        asked += 1;
        most = Math.max(most, asked);
        await answers.promise;
        const answer = await log.journal.append(draft, expect, o);
        asked -= 1;
        return answer;
      },
    });
    await Promise.all(Array.from({ length: 300 }, (_, index) => registers(`d${index}`, ['d'])));
    const runs = await Promise.all(Array.from({ length: 300 }, () => created(['d'])));
    await eventually(() => asked === 256);
    answers.resolve();
    for (const run of runs) await offered(run);
    expect(most).toBe(256);
    expect(failures).toEqual([]);
  });

  it('makes a decision again whose outcome nobody knows, and holds its slot no longer than that', async () => {
    await registers('e1', ['e']);
    let lost = 0;
    await start({
      append: async (draft, expect, o) => {
        if (lost++ > 0) return log.journal.append(draft, expect, o);
        return { outcome: 'unknown', cause: new Error('nobody answered') };
      },
    });
    await offered(await created(['e']));
    expect(lost).toBe(2);
  });

  it('appends nothing without the lease, and what has waited as soon as it has it', async () => {
    await start();
    isHeld = false;
    await registers('f1', ['f']);
    const run = await created(['f']);
    const { seq } = await log.run(run);
    await eventually(() => loop?.reader.seq() === seq);
    expect(appended).toEqual([]);
    isHeld = true;
    loop?.pump();
    await offered(run);
  });

  it('offers nothing while the log has no room for it, and ends what has ended', async () => {
    let isFull = false;
    const session = await registers('g1', ['g']);
    await start({ mayOffer: () => !isFull });
    const run = await created(['g']);
    await offered(run);
    isFull = true;
    const other = await created(['g']);
    await says('job.status', run, session, { state: 'success' });
    await log.until(run, 'its end', (all) => all.some(({ type }) => type === 'run.completed'));
    expect((await log.run(other)).jobs[0]?.state).toBe('queued');
    isFull = false;
    loop?.pump();
    await offered(other);
  });
});
