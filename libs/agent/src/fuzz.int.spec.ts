import { eventually } from '@waybill/process/testing';
import { wire } from '@waybill/protocol';
import { anyValidFrame, brokenFrame, parserOf, validFrame } from '@waybill/protocol/frames';
import { wireSamples } from '@waybill/protocol/samples';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { dispatchOf, heldRun, startTrial, type Trial } from './trial.fixture.ts';

const escaped: unknown[] = [];
const keep = (error: unknown): void => void escaped.push(error);
beforeAll(() => {
  process.on('unhandledRejection', keep);
  process.on('uncaughtException', keep);
});
afterAll(() => {
  process.off('unhandledRejection', keep);
  process.off('uncaughtException', keep);
});

const runs = Number(process.env['FC_RUNS'] ?? 25);
const timeout = 60_000 + 1_000 * runs;
/** These end the connection or the agent by their meaning; tests of their own say how. */
const ending = new Set(['auth.failure']);
const received = Object.values(wireSamples).filter(
  ({ type }) => parserOf.orchestrator(JSON.stringify({ ...wireSamples[type] })).ok,
);
let jobs = 0;

/** It still takes a job, runs it and says how it ended, on the first connection of all. */
async function works({ server }: Trial, held: ReturnType<typeof heldRun>): Promise<void> {
  jobs += 1;
  const jobId = `after-${jobs}`;
  const job = await eventually(
    () => {
      // What it was given before may still be at work: it is ended, and the job offered once more.
      for (const [name, { end }] of held.jobs) if (name !== jobId) end({ state: 'success' });
      server.send(dispatchOf(jobId));
      return held.jobs.get(jobId);
    },
    { what: `job ${jobId}`, everyMs: 50 },
  );
  job.end({ state: 'success' });
  await server.next('job.status', (status) => status.jobId === jobId && status.state === 'success');
  expect(server.connections).toBe(1);
  expect(server.invalid).toEqual([]);
  expect(escaped).toEqual([]);
}

async function trial(): Promise<Readonly<{ one: Trial; held: ReturnType<typeof heldRun> }>> {
  const held = heldRun();
  const one = await startTrial(held.run);
  return { one, held };
}

describe('an agent of the SDK', () => {
  it('takes every message with every field, and goes on', async () => {
    const { one, held } = await trial();
    /** Of these Waybill itself never sends the fields that are named. */
    const neverSent: Readonly<Record<string, readonly string[]>> = {
      'job.dispatch': ['token', 'orgId', 'repoId', 'cacheRefScope'],
      'job.concurrency.ack': ['reason'],
      'agent.api.response': ['result'],
      heartbeat: ['timestamp'],
      ack: ['messageId'],
      nack: ['messageId', 'reason'],
      error: ['code', 'message'],
    };
    for (const [type, fields] of Object.entries(neverSent))
      expect(Object.keys(received.find((sample) => sample.type === type) ?? {})).toEqual(
        expect.arrayContaining([...fields]),
      );
    one.server.send(dispatchOf('in-hand'));
    const job = await eventually(() => held.jobs.get('in-hand'));
    for (const sample of received)
      if (!ending.has(sample.type)) one.server.sendText(JSON.stringify(sample));
    expect(received.length).toBeGreaterThan(20);
    job.end({ state: 'success' });
    await one.server.next('job.status', ({ state }) => state === 'success');
    await works(one, held);
  });

  it('goes on whatever valid frames come, in whatever order', { timeout }, async () => {
    const { one, held } = await trial();
    // What a registration announces changes what a dispatch needs: it is drawn by itself.
    const frames = anyValidFrame('orchestrator').filter(
      ({ type }) => !ending.has(type) && type !== 'register.ack',
    );
    await fc.assert(
      fc.asyncProperty(fc.array(frames, { maxLength: 20 }), async (list) => {
        for (const { text } of list) one.server.sendText(text);
        await works(one, held);
      }),
      { numRuns: runs },
    );
  });

  it('goes on whatever a registration is answered with', { timeout }, async () => {
    const { one, held } = await trial();
    const ack = wire.wireMessages.orchestrator.find(
      (schema) => wire.typeOf(schema) === 'register.ack',
    );
    if (ack === undefined) throw new Error('there is no register.ack');
    await fc.assert(
      fc.asyncProperty(
        fc.array(validFrame('orchestrator', ack), { maxLength: 5 }),
        async (list) => {
          for (const { text } of list) one.server.sendText(text);
          one.server.send({ type: 'register.ack', agentId: 'agent-1', labels: [] });
          await works(one, held);
        },
      ),
      { numRuns: runs },
    );
  });

  it('goes on whatever broken frames come: they are passed over', { timeout }, async () => {
    const { one, held } = await trial();
    const broken = fc.oneof(
      ...received.map((sample) => brokenFrame('orchestrator', { ...sample })),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(broken, { maxLength: 20 }), async (list) => {
        const before = held.jobs.size;
        for (const { text } of list) one.server.sendText(text);
        await works(one, held);
        expect(held.jobs.size).toBe(before + 1);
      }),
      { numRuns: runs },
    );
  });
});
