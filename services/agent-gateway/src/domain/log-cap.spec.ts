import { describe, expect, it } from 'vitest';
import { keptLines, LOG_BYTES_MAX, linesBytes, noStepLog } from './log-cap.ts';

it('a step has 10 MiB where its rule does not say', () => {
  expect(LOG_BYTES_MAX).toBe(10_485_760);
});

describe('the log of a step', () => {
  it('is kept as it came up to its limit, to the byte', () => {
    const lines = ['äb', 'c'];
    expect(linesBytes(lines)).toBe(6);
    const kept = keptLines(lines, noStepLog, 6);
    expect(kept).toEqual({ lines, isCut: false, step: { bytes: 6, isCut: false } });
  });

  it('is cut with one line that says so, and nothing more is kept', () => {
    const kept = keptLines(['a', 'bb', 'c'], { bytes: 3, isCut: false }, 5);
    expect(kept.lines).toEqual(['a', expect.stringContaining('has reached 5 bytes')]);
    expect(kept.step).toEqual({ bytes: 5, isCut: true });
    expect(keptLines(['x'], kept.step, 5)).toEqual({
      lines: undefined,
      isCut: true,
      step: kept.step,
    });
  });
});
