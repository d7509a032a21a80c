import { eventually } from '@waybill/process/testing';
import { wire } from '@waybill/protocol';
import { anyValidFrame, validFrame } from '@waybill/protocol/frames';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openWorld, type World } from './field-world.fixture.ts';
import { withJob } from './held-job.ts';

const job = { runId: 'r', jobId: 'j', timestamp: 8.64e15 };
/** What has once stopped a service, or could: keys that only differ in what a column cannot hold, instants past the calendar. */
const stopping = [
  ...['\u0000', '\ufffd', '\ud800'].flatMap((text) => [
    { type: 'conversation.status', ...job, conversationId: `c${text}`, state: 'started' },
    {
      type: 'context.bundle',
      ...job,
      bundleId: 'b',
      digest: `sha256:${'0'.repeat(64)}`,
      sizeBytes: 1,
      sources: [{ uri: text, kind: text }],
      redactions: [],
      uri: text,
    },
    {
      type: 'step.status',
      ...job,
      stepIndex: 1,
      stepName: text,
      state: 'running',
      data: { step_type: text },
    },
  ]),
  { type: 'usage.report', ...job, entries: [{ kind: 'retrieval', startedAt: 8.64e15 }] },
  {
    type: 'step.approval-request',
    ...job,
    stepIndex: 0,
    stepName: '',
    clauses: [],
    reason: '',
    timeoutSeconds: 1e300,
  },
].map((frame, at) => ({
  type: frame.type,
  text: JSON.stringify({ messageId: `m${at}`, ...frame }),
}));

const runs = Number(process.env['FC_RUNS'] ?? 12);
const timeout = 60_000 + 1_000 * runs;

/** Through the whole of Waybill: what a gateway stores has to be folded, projected, sealed, shown and forwarded by the others. */
describe('valid frames of every message, with whatever else is in them', {
  timeout,
}, () => {
  let world: World;
  let agents = 0;

  beforeAll(async () => {
    world = await openWorld();
  }, 120_000);
  afterAll(() => world.close(), 60_000);

  const frames = anyValidFrame('agent').filter(
    ({ type }) => type !== 'auth.request' && type !== 'agent.register',
  );
  const schema = wire.wireMessages.agent.find((each) => wire.typeOf(each) === 'agent.register');
  if (schema === undefined) throw new Error('there is no agent.register');
  const register = validFrame('agent', schema);
  /** What goes wrong here is best told by what goes away. */
  const told = async (work: () => Promise<void>): Promise<void> => {
    try {
      await work();
    } catch (error) {
      throw new Error(world.logged().slice(-4_000), { cause: error });
    }
  };
  const over = new Set(['success', 'failed', 'cancelled']);

  it('stop no service: the run ends, has its record and its rows, and can be read in full', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(frames, { maxLength: 25 }), (list) =>
        told(async () => {
          agents += 1;
          const agentId = `odd-${agents}`;
          const { peer, taken } = await withJob(world, agentId);
          const { job } = taken;
          // One that gives the job back would have to take it again, and again.
          for (const { type, text } of list.filter((each) => each.type !== 'job.reject')) {
            const frame = JSON.parse(text) as Readonly<Record<string, unknown>>; // it is valid
            const own = {
              ...('runId' in frame ? { runId: job.runId } : {}),
              ...('jobId' in frame ? { jobId: job.jobId } : {}),
              ...('agentId' in frame ? { agentId } : {}),
            };
            peer.send({ ...frame, ...own, type });
          }
          peer.send({
            type: 'job.status',
            messageId: 'end',
            ...job,
            state: 'success',
            timestamp: 1,
          });
          await world.run(job.runId, (run) => over.has(run.state) && run['record'] !== null);
          const { items } = await world.api('GET', `/runs/${job.runId}/events`);
          expect(Array.isArray(items)).toBe(true);
          await world.api('GET', `/runs/${job.runId}/usage`);
          await world.api('GET', `/runs/${job.runId}/artifacts`);
          await eventually(() => world.api('GET', `/agents/${agentId}`), { what: 'its row' });
          await world.api('GET', '/approvals');
          expect(peer.frames.filter(({ type }) => type === 'error')).toEqual([]);
          peer.close();
        }),
      ),
      { numRuns: runs, endOnFailure: true, examples: [[stopping]] },
    );
    expect(world.logged()).not.toContain('a session failed');
  });

  it('and any registration is kept, and shown as a row', async () => {
    await fc.assert(
      fc.asyncProperty(register, ({ text }) =>
        told(async () => {
          const frame = JSON.parse(text) as Readonly<Record<string, unknown>>; // it is valid
          agents += 1;
          const agentId = `new-${agents}`;
          const peer = await world.agent({ ...frame, agentId });
          await eventually(() => world.api('GET', `/agents/${agentId}`), {
            what: 'its row',
            withinMs: 10_000,
          });
          peer.close();
        }),
      ),
      { numRuns: runs, endOnFailure: true },
    );
    const { items } = await world.api('GET', '/agents');
    expect(Array.isArray(items)).toBe(true);
  });
});
