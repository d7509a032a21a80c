import type { Positions } from '@waybill/journal';
import { createLogger, manualClock, Outage } from '@waybill/process';
import { beforeEach, describe, expect, it } from 'vitest';
import { openSaving, type Saving } from './saving.ts';

const log = createLogger({ name: 'test', level: 'silent' });
let clock: ReturnType<typeof manualClock>;
let saving: Saving;
let written = 0;
let seq = 1;
let maySave = true;
let outcome: (signal: AbortSignal) => Promise<void>;

beforeEach(() => {
  clock = manualClock();
  written = 0;
  seq = 1;
  maySave = true;
  outcome = () => Promise.resolve();
  saving = openSaving({
    clock,
    log,
    name: 'test.0of1',
    maySave: () => maySave,
    positions: (): Positions => ({ WB_RUNS: { identity: 'x', seq, id: 'e' } }),
    write: (signal) => {
      written += 1;
      return outcome(signal);
    },
  });
  saving.begin();
});

const pass = (events: number): void => {
  for (let each = 0; each < events; each++) {
    seq += 1;
    saving.passed();
  }
};

describe('a snapshot is saved', () => {
  it('every minute, unless nothing has changed since', async () => {
    await clock.advance(60_000);
    expect(written).toBe(1);
    await clock.advance(600_000);
    expect(written).toBe(1);
    pass(1);
    await clock.advance(60_000);
    expect(written).toBe(2);
  });

  it('after 50,000 events at once, and not within the event', async () => {
    pass(49_999);
    await clock.advance(0);
    expect(written).toBe(0);
    pass(1);
    expect(written).toBe(0);
    await clock.advance(0);
    expect(written).toBe(1);
    pass(50_000);
    await clock.advance(0);
    expect(written).toBe(2);
  });

  it('only by who may', async () => {
    maySave = false;
    pass(100_000);
    await clock.advance(120_000);
    expect(written).toBe(0);
    maySave = true;
    await clock.advance(60_000);
    expect(written).toBe(1);
  });

  it('one at a time', async () => {
    const first = Promise.withResolvers<void>();
    outcome = () => first.promise;
    const asked = saving.save();
    const again = saving.save();
    pass(1);
    await clock.advance(60_000);
    expect(written).toBe(1);
    first.resolve();
    await Promise.all([asked, again]);
    expect(written).toBe(2);
  });

  it('again after it failed, and whoever asked for it is told', async () => {
    outcome = () => Promise.reject(new Outage('snapshot-refused', 'not now'));
    await expect(saving.save()).rejects.toThrow('not now');
    await clock.advance(60_000);
    outcome = () => Promise.resolve();
    await clock.advance(60_000);
    expect(written).toBe(3);
    await clock.advance(60_000);
    expect(written).toBe(3);
  });

  it('no more once it is stopped, and what is under way is cut', async () => {
    const cut = Promise.withResolvers<void>();
    outcome = (signal) => {
      signal.addEventListener('abort', () => cut.reject(signal.reason));
      return cut.promise;
    };
    const asked = saving.save();
    await clock.advance(0);
    saving.stop();
    await expect(asked).rejects.toThrow('stopped');
    pass(50_000);
    await clock.advance(600_000);
    expect(written).toBe(1);
    expect(clock.pending()).toBe(0);
  });
});
