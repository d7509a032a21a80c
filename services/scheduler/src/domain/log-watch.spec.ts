import { describe, expect, it } from 'vitest';
import { createLogWatch } from './log-watch.ts';

describe('the watch of the log', () => {
  it('puts up with two seconds without an answer', () => {
    const watch = createLogWatch(0);
    watch.answered(2_000);
    expect(watch.wasAway(2_000)).toBeUndefined();
  });

  it('says once how long nobody answered, or nobody asked', () => {
    const watch = createLogWatch(0);
    watch.answered(1_000);
    watch.answered(8_000);
    expect(watch.wasAway(8_000)).toBe(7_000);
    watch.answered(9_000);
    expect(watch.wasAway(9_000)).toBeUndefined();
  });

  it('takes an append without an answer for an absence, though questions are answered', () => {
    const watch = createLogWatch(0);
    watch.answered(1_000);
    watch.unanswered(500);
    watch.answered(2_000);
    watch.answered(3_000);
    expect(watch.wasAway(3_000)).toBe(2_500);
  });
});
