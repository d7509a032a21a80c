import { describe, expect, it } from 'vitest';
import { clockText, durationText, untilText, whenText } from './time-text.ts';

describe('durations', () => {
  it.each([
    [-1, '0 ms'],
    [0, '0 ms'],
    [999, '999 ms'],
    [1_000, '1.00 s'],
    [12_345, '12.3 s'],
    [61_000, '1 min 1 s'],
    [3_660_000, '1 h 1 min'],
    [90_000_000, '1 d 1 h'],
  ])('%d ms read as %s', (ms, text) => expect(durationText(ms)).toBe(text));
});

describe('times', () => {
  const at = '2026-01-31T12:00:00.000Z';
  const nowMs = Date.parse(at);

  it.each([
    [0, 'now'],
    [5_000, '5 s ago'],
    [120_000, '2 min ago'],
    [7_200_000, '2 h ago'],
    [172_800_000, '2 d ago'],
  ])('%d ms later are told as %s to somebody who looks', (ageMs, text) =>
    expect(whenText(at, nowMs + ageMs, true)).toBe(text),
  );

  it('are instants for a file, and a dash where there is none', () => {
    expect(whenText(at, nowMs, false)).toBe(at);
    expect(whenText(null, nowMs, true)).toBe('-');
    expect(whenText('soon', nowMs, false)).toBe('-');
    expect(clockText(at)).toBe('12:00:00.000');
  });
});

describe('a time to come', () => {
  it('is told from now where somebody is looking, and as now once it is over', () => {
    const at = '2026-01-01T00:00:30.000Z';
    const now = Date.parse('2026-01-01T00:00:00.000Z');
    expect(untilText(at, now, true)).toBe('30.0 s from now');
    expect(untilText(at, now, false)).toBe(at);
    expect(untilText(at, now + 30_000, true)).toBe('now');
  });
});
