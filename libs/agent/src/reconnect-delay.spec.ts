import { describe, expect, it } from 'vitest';
import { reconnectDelayMs } from './reconnect-delay.ts';

describe('the delay before the next connection', () => {
  it('starts at one second and grows by half each time', () => {
    expect([0, 1, 2, 3].map((failures) => reconnectDelayMs(failures, () => 0))).toEqual([
      1_000, 1_500, 2_250, 3_375,
    ]);
  });

  it('is up to half as long again by chance', () => {
    expect(reconnectDelayMs(0, () => 1)).toBe(1_500);
    expect(reconnectDelayMs(1, () => 0.5)).toBe(1_875);
  });

  it('never passes a minute, and keeps agents apart there too', () => {
    expect(reconnectDelayMs(1_000, () => 1)).toBe(60_000);
    expect(reconnectDelayMs(1_000, () => 0)).toBe(40_000);
  });
});
