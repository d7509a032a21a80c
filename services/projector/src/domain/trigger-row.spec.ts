import type { TriggerEvent } from '@waybill/protocol';
import { expect, it } from 'vitest';
import { evolveTriggerRow, type TriggerRow } from './trigger-row.ts';

const triggerId = 'a'.repeat(26);
const place = (seq: number) => ({
  org: 'main',
  source: 'github',
  triggerId,
  seq,
  at: seq * 10,
  id: `e${seq}`,
  meta: { id: `e${seq}`, source: '/test' },
});
const received = (seq: number): TriggerEvent => ({
  ...place(seq),
  type: 'trigger.received',
  kind: 'webhook',
  event: 'push',
  deliveryId: 'd1',
  digest: 'x',
  chainDepth: 0,
  trust: 'trusted',
  data: { secret: 'stays in the log' },
});
const decided = (
  seq: number,
  receivedSeq: number,
  decision: 'run' | 'no_rule' = 'run',
): TriggerEvent => ({
  ...place(seq),
  type: 'trigger.decided',
  body: { triggerId, decision, receivedSeq, runs: [] },
});
const fold = (events: readonly TriggerEvent[]): TriggerRow | undefined => {
  let row: TriggerRow | undefined;
  for (const event of events) row = evolveTriggerRow(row, event);
  return row;
};

it('a trigger is decided once', () => {
  expect(fold([received(3)])).toMatchObject({ decision: null, seq: 3 });
  expect(fold([received(3), decided(5, 3), decided(6, 3, 'no_rule')])).toMatchObject({
    decision: 'run',
    decided_at: 50,
    seq: 5,
  });
});

it('a decision about something else, or about nothing, changes nothing', () => {
  expect(fold([received(3), decided(5, 4)])).toMatchObject({ decision: null });
  expect(fold([decided(5, 3)])).toBeUndefined();
});

it('a second reception changes nothing, and what the producer sent is no column', () => {
  expect(fold([received(3), received(4)])).toMatchObject({ received_seq: 3, seq: 3 });
  expect(JSON.stringify(fold([received(3)]))).not.toContain('stays in the log');
});
