import type { Journal, Position } from '@waybill/journal';
import { type Clock, createLogger, manualClock, Outage } from '@waybill/process';
import { eventually } from '@waybill/process/testing';
import type { TriggerReceived } from '@waybill/protocol';
import {
  decidedDraft,
  readTriggerMessage,
  receivedDraft,
  runId,
  subjects,
  triggerId,
} from '@waybill/protocol';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { ORG, startTestLog, type TestLog } from '../../../../tests/support/log.ts';
import { openConfigBook } from './config-book.ts';
import { openTriggerLoop, type TriggerLoop } from './trigger-loop.ts';

let log: TestLog;

beforeAll(async () => {
  log = await startTestLog();
}, 60_000);
afterAll(() => log.stop());

/** A request for a run, as the api stores it. */
async function received(deliveryId: string): Promise<TriggerReceived> {
  const id = triggerId(ORG, 'api', deliveryId);
  const filter = subjects.triggerFilter(ORG, 'api', id);
  const request = { jobs: [{ name: 'one', steps: [{ run: 'true' }] }] };
  await log.journal.append(
    receivedDraft({
      org: ORG,
      source: 'api',
      triggerId: id,
      kind: 'manual',
      event: 'run',
      deliveryId,
      digest: 'x',
      requestId: 'r',
      body: JSON.stringify(request),
    }),
    { filter, lastSeq: 0 },
  );
  const [message] = await log.journal.load('WB_TRIGGERS', filter);
  const stored = message === undefined ? undefined : readTriggerMessage(message);
  if (stored?.type !== 'trigger.received') throw new Error('not received');
  return stored;
}

/** Decided by somebody who did not live to create its run. */
async function decided(deliveryId: string): Promise<string> {
  const trigger = await received(deliveryId);
  const { triggerId: id, seq } = trigger;
  const runs = [{ rule: null, runId: runId(id, 0) }];
  const body = { triggerId: id, decision: 'run', receivedSeq: seq, runs } as const;
  const expect = { filter: subjects.triggerFilter(ORG, 'api', id), lastSeq: seq };
  await log.journal.append(decidedDraft(trigger, body), expect);
  return runId(id, 0);
}

let failures: Error[] = [];
const running: { stop(): unknown }[] = [];
beforeEach(() => {
  failures = [];
});
afterEach(async () => {
  await Promise.all(running.splice(0).map((each) => each.stop()));
  expect(failures).toEqual([]);
});

type Start = Partial<Omit<Journal, 'append'>> &
  Readonly<{
    append?: Journal['append'];
    clock?: Clock;
    from?: Position | undefined;
    isHeld?: () => boolean;
  }>;

async function start({
  append,
  clock,
  from,
  isHeld = () => true,
  ...change
}: Start = {}): Promise<TriggerLoop> {
  const onFailure = (error: Error): void => void failures.push(error);
  const journal = { ...log.journal, ...change };
  const book = await openConfigBook({ journal, log: log.host.log, onFailure });
  const write = append ?? log.journal.append;
  const loop = await openTriggerLoop({
    clock: clock ?? log.host.clock,
    log: createLogger({ name: 'test', level: 'silent' }),
    journal,
    tenure: {
      isHeld,
      append: (draft, expect) => (isHeld() ? write(draft, expect) : undefined),
    },
    partition: { index: 0, count: 1 },
    from,
    book,
    knowsRun: () => false,
    mayCreate: () => true,
    onFailure,
  });
  running.push(book.reader, loop);
  await loop.reader.caughtUp;
  loop.pump();
  return loop;
}

const created = (run: string) => log.until(run, 'run.created', (all) => all.length > 0);

describe('the trigger loop', () => {
  it('waits an outage of the log out and creates the run that a decision names', async () => {
    const run = await decided('d1');
    let asked = 0;
    const outage = new Outage('nats-unanswered', 'WB_TRIGGERS did not answer a read');
    await start({
      get: (...about) => (asked++ > 0 ? log.journal.get(...about) : Promise.reject(outage)),
    });
    expect(await created(run)).toHaveLength(1);
  });

  it('creates the run though a replica does not have its trigger yet when it is tried again', async () => {
    const run = await decided('d2');
    let tries = 0;
    await start({
      get: async (stream, seq, o) =>
        o?.leader === true ? log.journal.get(stream, seq, o) : undefined,
      append: async (draft, ...rest) => {
        if (draft.meta.runId !== run || tries++ > 0) return log.journal.append(draft, ...rest);
        return { outcome: 'unknown', cause: new Error('nobody answered') };
      },
    });
    await created(run);
    expect(tries).toBe(2);
  });

  it('keeps what it asks of the log at once within a bound, whatever was left to it', async () => {
    const left = await Promise.all(Array.from({ length: 100 }, (_, at) => received(`left${at}`)));
    const answers = Promise.withResolvers<void>();
    let asked = 0;
    let most = 0;
    await start({
      append: async (...about) => {
        asked += 1;
        most = Math.max(most, asked);
        await answers.promise;
        const answer = await log.journal.append(...about);
        asked -= 1;
        return answer;
      },
    });
    await eventually(() => asked === 64);
    const live = await Promise.all(Array.from({ length: 100 }, (_, at) => received(`live${at}`)));
    answers.resolve();
    for (const trigger of [...left, ...live]) await created(runId(trigger.triggerId, 0));
    expect(most).toBe(64);
  });

  it('gives up a run that fits no message', async () => {
    const run = await decided('d3');
    const clock = manualClock();
    let refused = 0;
    const append: Journal['append'] = async (draft, ...rest) => {
      if (draft.meta.runId !== run) return log.journal.append(draft, ...rest);
      refused += 1;
      return { outcome: 'refused', code: 'too-large', detail: 'over max_payload' };
    };
    await start({ append, clock });
    await eventually(() => refused === 1);
    await clock.advance(10_000);
    expect(refused).toBe(1);
  });

  it('tries nothing again once it is stopped, though the log is away', async () => {
    await received('d5');
    const clock = manualClock();
    let asked = 0;
    const append: Journal['append'] = () => {
      asked += 1;
      return Promise.resolve({ outcome: 'unknown', cause: new Error('nobody answered') });
    };
    const loop = await start({ append, clock });
    await eventually(() => clock.pending() > 0);
    loop.stop();
    const before = asked;
    await clock.advance(10_000);
    expect([asked, clock.pending()]).toEqual([before, 0]);
  });

  it('creates a run though something foreign lies where it begins', async () => {
    const trigger = await received('d6');
    const run = runId(trigger.triggerId, 0);
    const foreign = {
      stream: 'WB_RUNS',
      subject: subjects.run(ORG, run, 'run.created'),
      type: 'run.created',
      meta: { id: `${ORG}:${run}:run.created`, source: 'test' },
      body: 'not a run',
    } as const;
    await log.journal.append(foreign);
    await start();
    await log.until(run, 'run.created', (all) => all.some(({ type }) => type === 'run.created'));
    expect((await log.run(run)).state).toBe('pending');
  });

  it('decides a trigger though something foreign lies where it is decided', async () => {
    const { triggerId: id } = await received('d7');
    await log.journal.append({
      stream: 'WB_TRIGGERS',
      subject: subjects.trigger(ORG, 'api', id, 'decided'),
      type: 'trigger.decided',
      meta: { id: 'foreign', source: 'test' },
      body: 'not a decision',
    });
    await start();
    await created(runId(id, 0));
  });

  it('does nothing without the lease, and everything that has waited when it gets it', async () => {
    let isHeld = false;
    const loop = await start({ isHeld: () => isHeld });
    const waiting = await Promise.all(Array.from({ length: 100 }, (_, at) => received(`w${at}`)));
    const seq = Math.max(...waiting.map((each) => each.seq));
    await eventually(() => loop.reader.seq() >= seq);
    const one = waiting[0];
    if (one === undefined) throw new Error('some were received');
    expect(await log.events(runId(one.triggerId, 0))).toEqual([]);
    isHeld = true;
    loop.pump();
    for (const { triggerId: id } of waiting) await created(runId(id, 0));
  });

  it('begins again behind what is settled, and reads no trigger before', async () => {
    const loop = await start();
    const run = runId((await received('d8')).triggerId, 0);
    await created(run);
    const settled = await eventually(() => {
      const position = loop.settledUpTo();
      return position !== undefined && position.seq === loop.reader.seq() ? position : undefined;
    });
    const gets: number[] = [];
    let count = 0;
    await start({
      from: settled,
      get: (stream, seq, o) => {
        gets.push(seq);
        return log.journal.get(stream, seq, o);
      },
      append: (draft, ...rest) => {
        count += 1;
        return log.journal.append(draft, ...rest);
      },
    });
    expect([gets, count]).toEqual([[], 0]);
    await created(runId((await received('d9')).triggerId, 0));
  });

  it('is not settled behind a trigger whose run is not there', async () => {
    const before = await start();
    await eventually(() => before.settledUpTo()?.seq === before.reader.seq());
    const from = before.settledUpTo();
    before.stop();
    const run = await decided('d10');
    let isAway = true;
    const append: Journal['append'] = (draft, ...rest) =>
      isAway
        ? Promise.resolve({ outcome: 'unknown', cause: new Error('nobody answered') })
        : log.journal.append(draft, ...rest);
    const loop = await start({ append, from });
    const last = (await log.journal.info('WB_TRIGGERS')).lastSeq;
    await eventually(() => loop.reader.seq() === last);
    expect(loop.settledUpTo()).toEqual(from);
    isAway = false;
    await created(run);
    await eventually(() => loop.settledUpTo()?.seq === last);
  });
});
