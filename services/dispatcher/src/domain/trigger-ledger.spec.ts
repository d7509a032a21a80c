/** Which triggers are settled, and from where a reader has to begin again. */
import { runId, triggerId } from '@waybill/protocol';
import { describe, expect, it } from 'vitest';
import { createTriggerLedger, type Decided } from './trigger-ledger.ts';

const id = (name: string): string => triggerId('main', 'test', name);
const decided = (name: string, receivedSeq: number): Decided => ({
  type: 'trigger.decided',
  org: 'main',
  source: 'test',
  triggerId: id(name),
  seq: receivedSeq + 100,
  at: 1,
  id: `d${receivedSeq}`,
  meta: { id: `d${receivedSeq}`, source: 'test' },
  body: {
    triggerId: id(name),
    decision: 'run',
    receivedSeq,
    runs: [{ rule: null, runId: runId(id(name), 0) }],
  },
});

describe('the ledger of triggers', () => {
  it('stands before the oldest that is not settled, and where it has read if all are', () => {
    const ledger = createTriggerLedger<number>();
    expect(ledger.floor(0)).toBe(0);
    ledger.received(id('a'), 1, 0);
    ledger.received(id('b'), 2, 1);
    expect(ledger.floor(2)).toBe(0);
    ledger.decided(decided('b', 2), true, 2);
    expect(ledger.floor(3)).toBe(0);
    ledger.decided(decided('a', 1), false, 3);
    expect(ledger.floor(4)).toBe(0);
    ledger.settled(id('a'));
    expect(ledger.floor(4)).toBe(4);
  });

  it('gives out each once, the oldest first, and again where it is put back', () => {
    const ledger = createTriggerLedger<number>();
    ledger.received(id('a'), 1, 0);
    ledger.received(id('b'), 2, 1);
    const a = ledger.take();
    expect([a?.seq, ledger.take()?.seq, ledger.take()]).toEqual([1, 2, undefined]);
    if (a !== undefined) ledger.putBack(a);
    expect(ledger.waiting()).toBe(1);
    expect(ledger.take()).toBe(a);
  });

  it('gives out a decided one again until its runs are there', () => {
    const ledger = createTriggerLedger<number>();
    ledger.received(id('a'), 1, 0);
    const a = ledger.take();
    ledger.decided(decided('a', 1), false, 1);
    expect(ledger.take()?.decided?.seq).toBe(101);
    ledger.settled(id('a'));
    if (a !== undefined) ledger.putBack(a);
    expect(ledger.waiting()).toBe(0);
  });

  it('notices a decision whose trigger lies before where it began', () => {
    const ledger = createTriggerLedger<number>();
    ledger.decided(decided('a', 1), false, 50);
    expect(ledger.floor(60)).toBe(50);
    expect(ledger.take()?.decided?.seq).toBe(101);
  });
});
