import { manualClock } from '@waybill/process';
import { describe, expect, it } from 'vitest';
import { createLogBatch } from './log-batch.ts';

function setup(stepBytesMax = 1_000_000) {
  const clock = manualClock();
  const chunks: [number, readonly string[]][] = [];
  const batch = createLogBatch({
    clock,
    linesMax: 3,
    delayMs: 100,
    stepBytesMax,
    emit: (step, lines) => chunks.push([step, lines]),
  });
  return { clock, chunks, batch };
}

describe('lines on their way into chunks', () => {
  it('leave when there are enough of them', () => {
    const { batch, chunks } = setup();
    batch.add(0, ['a', 'b', 'c', 'd']);
    expect(chunks).toEqual([[0, ['a', 'b', 'c']]]);
  });

  it('leave after the delay, and no timer is left', async () => {
    const { batch, chunks, clock } = setup();
    batch.add(0, ['a']);
    await clock.advance(99);
    expect(chunks).toEqual([]);
    await clock.advance(1);
    expect(chunks).toEqual([[0, ['a']]]);
    expect(clock.pending()).toBe(0);
  });

  it('of two steps never share a chunk', () => {
    const { batch, chunks } = setup();
    batch.add(-1, ['a']);
    batch.add(0, ['b']);
    batch.flush();
    expect(chunks).toEqual([
      [-1, ['a']],
      [0, ['b']],
    ]);
  });

  it('are cut at the limit of the step with one line that says so', () => {
    const { batch, chunks } = setup(10);
    batch.add(0, ['1234', '5678', '9', '10']);
    batch.add(1, ['other']);
    batch.flush();
    expect(chunks).toEqual([
      [0, ['1234', '5678', '... the log of this step is cut here: it is over 10 bytes']],
      [1, ['other']],
    ]);
    expect(batch.bytesOf(0)).toBe(15);
  });

  it('are split when they are very long, without cutting a character', () => {
    const { batch, chunks } = setup();
    const line = `x${'😀'.repeat(50_000)}`;
    batch.add(0, [line]);
    batch.flush();
    const pieces = chunks.flatMap(([, lines]) => lines);
    expect(pieces.join('')).toBe(line);
    expect(pieces.every((piece) => piece.isWellFormed())).toBe(true);
    expect(pieces.length).toBeGreaterThan(1);
  });
});
