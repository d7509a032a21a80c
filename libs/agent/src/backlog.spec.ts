import { describe, expect, it } from 'vitest';
import { createBacklog, type Report } from './backlog.ts';

const subject = { messageId: 'm', runId: 'r', jobId: 'j', timestamp: 1 };
const chunk = (...lines: string[]): Report => ({
  type: 'log.chunk',
  ...subject,
  stepIndex: 0,
  lines,
});
const step = (state: 'running' | 'success'): Report => ({
  type: 'step.status',
  ...subject,
  stepIndex: 0,
  stepName: 's',
  state,
});

describe('the backlog', () => {
  it('gives back everything in order, once', () => {
    const backlog = createBacklog(10);
    const reports = [step('running'), chunk('a'), chunk('b'), step('success')];
    for (const report of reports) backlog.push(report);
    expect(backlog.take()).toEqual(reports);
    expect(backlog.take()).toEqual([]);
    expect(backlog.size).toBe(0);
  });

  it('drops the oldest lines when it is full, and says how many in their place', () => {
    const backlog = createBacklog(4);
    for (const report of [step('running'), chunk('a', 'b'), chunk('c'), chunk('d'), chunk('e')]) {
      backlog.push(report);
    }
    backlog.push(step('success'));
    expect(backlog.size).toBe(4);
    expect(backlog.take()).toEqual([
      step('running'),
      chunk('... 3 lines are missing: the agent was away and its buffer was full'),
      chunk('d'),
      chunk('e'),
      step('success'),
    ]);
  });

  it('stays bounded over many more events than it holds', () => {
    const backlog = createBacklog(5_000);
    for (let n = 0; n < 20_000; n++) backlog.push(chunk(`line ${n}`));
    const taken = backlog.take();
    expect(taken).toHaveLength(5_001);
    expect(taken[0]).toMatchObject({ lines: [expect.stringContaining('15000 lines')] });
    expect(taken.at(-1)).toEqual(chunk('line 19999'));
  });

  it('keeps states while there is anything else to drop', () => {
    const backlog = createBacklog(2);
    backlog.push(step('running'));
    for (let n = 0; n < 5; n++) backlog.push(chunk('x'));
    backlog.push(step('success'));
    expect(backlog.take().filter(({ type }) => type === 'step.status')).toHaveLength(2);
  });
});
