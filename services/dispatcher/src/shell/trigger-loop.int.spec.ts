import type { Journal } from '@waybill/journal';
import { createLogger, manualClock, Outage } from '@waybill/process';
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
import { openRuleBook } from './rule-book.ts';
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

async function start(change: Partial<Journal> = {}, clock = log.host.clock): Promise<TriggerLoop> {
  const onFailure = (error: Error): void => void failures.push(error);
  const journal = { ...log.journal, ...change };
  const rules = await openRuleBook(journal, log.host.log, onFailure);
  const knowsRun = (): boolean => false;
  const loop = await openTriggerLoop({
    clock,
    log: createLogger({ name: 'test', level: 'silent' }),
    journal,
    rules,
    knowsRun,
    onFailure,
  });
  running.push(rules.reader, loop);
  await loop.reader.caughtUp;
  loop.begin();
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
    await start({ append }, clock);
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
    const loop = await start({ append }, clock);
    await eventually(() => clock.pending() > 0);
    loop.stop();
    const before = asked;
    await clock.advance(10_000);
    expect([asked, clock.pending()]).toEqual([before, 0]);
  });
});
