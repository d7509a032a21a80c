import { eventually } from '@waybill/process/testing';
import {
  agentDraft,
  type RunEvent,
  readTriggerMessage,
  receivedDraft,
  runDraft,
  runId,
  subjects,
  triggerId,
} from '@waybill/protocol';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { ORG, startTestLog, type TestLog } from '../../../tests/support/log.ts';
import { dispatcherService } from './service.ts';

let log: TestLog;
const running: { stop(): Promise<void> }[] = [];
let count = 0;

beforeAll(async () => {
  log = await startTestLog();
  const rule = {
    apiVersion: 'waybill/v1',
    kind: 'Rule',
    metadata: { name: 'ci' },
    spec: {
      on: { source: 'github', event: 'push' },
      jobs: [
        { name: 'build', runsOn: ['linux'], steps: [{ run: 'true' }] },
        { name: 'test', needs: ['build'], steps: [{ run: 'true' }] },
      ],
    },
  };
  await log.journal.append({
    stream: 'WB_CONFIG',
    subject: subjects.config(ORG, 'rule', 'ci'),
    type: 'config.rule',
    meta: { id: 'rule-1', source: 'test' },
    body: JSON.stringify({ generation: 1, rule }),
  });
  const gateway = log.journal.lease({ name: 'gateway.g.1', holder: 'test', ttlMs: 5_000 });
  await eventually(() => gateway.epoch());
}, 60_000);
afterEach(async () => {
  await Promise.all(running.splice(0).map((each) => each.stop()));
});
afterAll(() => log.stop());

async function start(): Promise<void> {
  const service = dispatcherService({ ...log.env, WAYBILL_PARTITIONS: 1 }, log.host);
  await service.start(new AbortController().signal, (error) => {
    throw error;
  });
  running.push(service);
}

async function trigger(event = 'push'): Promise<string> {
  count += 1;
  const id = triggerId(ORG, 'github', `d${count}`);
  const answer = await log.journal.append(
    receivedDraft({
      org: ORG,
      source: 'github',
      triggerId: id,
      kind: 'webhook',
      event,
      deliveryId: `d${count}`,
      digest: 'x',
      requestId: `req-${count}`,
      body: JSON.stringify({ ref: 'refs/heads/main' }),
    }),
    { filter: subjects.triggerFilter(ORG, 'github', id), lastSeq: 0 },
  );
  expect(answer.outcome).toBe('stored');
  return id;
}

async function registers(agentId: string): Promise<number> {
  count += 1;
  const body = JSON.stringify({
    type: 'agent.register',
    messageId: 'm',
    agentId,
    labels: ['linux'],
    maxConcurrency: 4,
  });
  const answer = await log.journal.append(
    agentDraft({ org: ORG, agentId, type: 'registered', id: `r${count}`, gateway: 'g/1', body }),
  );
  if (answer.outcome !== 'stored') throw new Error('not registered');
  return answer.seq;
}

const find = <T extends RunEvent['type']>(events: readonly RunEvent[], type: T) =>
  events.filter((event): event is Extract<RunEvent, { type: T }> => event.type === type);

/** Says what an agent would, as its gateway stores it. */
async function says(
  type: 'job.ack' | 'job.status',
  offer: Extract<RunEvent, { type: 'job.offered' }>,
  state?: string,
): Promise<void> {
  count += 1;
  const { jobId, attempt, agentId, session, fence } = offer.body;
  const meta = { id: `f${count}`, source: 'test', jobId, attempt, agentId, session, fence };
  const body = JSON.stringify({
    type,
    runId: offer.runId,
    jobId,
    ...(state === undefined ? {} : { state }),
  });
  await log.journal.append(runDraft({ org: ORG, runId: offer.runId, type, meta, body }));
}

async function runToEnd(id: string): Promise<readonly RunEvent[]> {
  const run = runId(id, 0);
  for (const attempt of [0, 1]) {
    const events = await log.until(
      run,
      `offer ${attempt}`,
      (all) => find(all, 'job.offered').length > attempt,
    );
    const offer = find(events, 'job.offered')[attempt];
    if (offer === undefined) throw new Error('no offer');
    await says('job.ack', offer);
    await says('job.status', offer, 'success');
  }
  return log.until(run, 'the end of the run', (all) => find(all, 'run.completed').length > 0);
}

describe('the dispatcher', () => {
  it('turns a trigger into one decision, a run, offers as needs allow, and an end', async () => {
    await start();
    const session = await registers('agent-1');
    const id = await trigger();
    const events = await runToEnd(id);
    expect(events.map((event) => event.type)).toEqual([
      'run.created',
      'job.offered',
      'job.ack',
      'job.status',
      'job.queued',
      'job.offered',
      'job.ack',
      'job.status',
      'run.completed',
    ]);
    expect(find(events, 'job.offered')[0]?.body).toMatchObject({
      attempt: 1,
      session,
      agentId: 'agent-1',
      fence: events[0]?.seq,
    });
    expect(
      events.every(
        (event) => event.meta.source === 'test' || event.meta.requestId?.startsWith('req-'),
      ),
    ).toBe(true);
    expect((await log.run(runId(id, 0))).anomalies).toBe(0);
  });

  it('records no_rule for a trigger that no rule wants', async () => {
    await start();
    const id = await trigger('issues');
    const decided = await eventually(async () => {
      const message = await log.journal.last(
        'WB_TRIGGERS',
        subjects.trigger(ORG, 'github', id, 'decided'),
      );
      return message === undefined ? undefined : readTriggerMessage(message);
    });
    expect(decided).toMatchObject({
      type: 'trigger.decided',
      body: { decision: 'no_rule', runs: [] },
    });
  });

  it('beside a second one decides everything once', async () => {
    await Promise.all([start(), start(), start()]);
    await registers('agent-2');
    const ids = await Promise.all(Array.from({ length: 8 }, () => trigger()));
    for (const id of ids) {
      const events = await runToEnd(id);
      expect(events.map((event) => event.type)).toEqual([
        'run.created',
        'job.offered',
        'job.ack',
        'job.status',
        'job.queued',
        'job.offered',
        'job.ack',
        'job.status',
        'run.completed',
      ]);
      expect((await log.run(runId(id, 0))).anomalies).toBe(0);
    }
  });

  it('started late finds what was received, decided or half done, and goes on', async () => {
    const id = await trigger();
    await start();
    await log.until(runId(id, 0), 'run.created', (all) => all.length > 0);
    await Promise.all(running.splice(0).map((each) => each.stop()));
    await registers('agent-3');
    await start();
    const events = await runToEnd(id);
    expect(find(events, 'run.created')).toHaveLength(1);
    expect(find(events, 'run.completed')).toHaveLength(1);
  });

  it('offers nothing beyond the capacity that is known', async () => {
    await start();
    const id = await trigger();
    const events = await log.until(
      runId(id, 0),
      'an offer',
      (all) => find(all, 'job.offered').length > 0,
    );
    expect(find(events, 'job.offered')).toHaveLength(1);
  });

  it('ends a start that is no longer wanted', async () => {
    const wanted = new AbortController();
    const config = { ...log.env, WAYBILL_PARTITIONS: 1 };
    const starting = dispatcherService(config, log.host).start(wanted.signal, () => undefined);
    const reason = new Error('not wanted');
    wanted.abort(reason);
    await expect(starting).rejects.toBe(reason);
  });
});
