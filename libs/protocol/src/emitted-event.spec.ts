import { describe, expect, it } from 'vitest';
import { type Emission, EmittedEvent, emittedDraft, isChainTooLong } from './emitted-event.ts';
import { triggerId } from './ids.ts';
import { createdBody, JOB, ORG, RUN } from './run.fixture.ts';
import { storedDraft } from './stored.fixture.ts';
import { readTriggerMessage, receivedDraft } from './trigger.ts';

const { trigger } = createdBody();
const emission: Emission = {
  run: createdBody(undefined, {
    repository: 'https://h/acme/shop',
    ref: 'main',
    trust: 'fork',
    trigger: { ...trigger, chainDepth: 2, from: { runId: RUN, jobId: JOB, originalRunId: RUN } },
  }),
  jobId: JOB,
  wireJobId: `${JOB}-a2`,
  requestId: 'e 1',
  name: 'released ✓',
  payload: { version: '1.2' },
  target: null,
  digest: 'k1:ab',
  trace: { requestId: 'req-1', traceparent: undefined },
};
const read = (of: Emission) =>
  readTriggerMessage(storedDraft(receivedDraft(emittedDraft(of)), 4, 9));

describe('an emitted event', () => {
  it('reads back as a trigger one deeper than its run, with its trust, from its gateway', () => {
    const event = read(emission);
    expect(event).toMatchObject({
      type: 'trigger.received',
      source: 'upstream',
      kind: 'upstream',
      triggerId: triggerId(ORG, 'upstream', `${JOB}-a2.e 1`),
      event: 'released ✓',
      deliveryId: `${JOB}-a2.e 1`,
      chainDepth: 3,
      trust: 'fork',
      meta: { source: '/waybill/agent-gateway', requestId: 'req-1' },
    });
    const data = EmittedEvent.parse(event?.type === 'trigger.received' ? event.data : undefined);
    expect(data).toMatchObject({
      name: 'released ✓',
      payload: { version: '1.2' },
      source: { runId: RUN, jobId: JOB, originalRunId: RUN, repository: 'https://h/acme/shop' },
      target: null,
    });
  });

  it('of a run that nobody started by one begins a chain', () => {
    const event = read({ ...emission, run: createdBody() });
    expect(event).toMatchObject({
      chainDepth: 1,
      trust: 'trusted',
      data: { source: { originalRunId: RUN, repository: '' } },
    });
    expect([10, 11].map(isChainTooLong)).toEqual([false, true]);
  });

  it('whose depth or trust cannot be read starts nothing', () => {
    const stored = storedDraft(receivedDraft(emittedDraft(emission)), 4, 9);
    for (const [name, value] of [
      ['wb-chain-depth', '-1'],
      ['wb-chain-depth', 'x'],
      ['wb-trust', 'much'],
    ])
      expect(
        readTriggerMessage({
          ...stored,
          header: (asked) => (asked === name ? value : stored.header(asked)),
        }),
      ).toMatchObject({ type: 'unreadable', problem: { code: 'bad-envelope' } });
  });
});
