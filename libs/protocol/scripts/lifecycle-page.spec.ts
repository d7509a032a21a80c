import { describe, expect, it } from 'vitest';
import { isDecision, isRunEventType, runEventBodies } from '../src/run-event.ts';
import { isTerminalJob, JobState } from '../src/states.ts';
import { voidReasons } from '../src/void.ts';
import { generated } from './generate.ts';
import { eventTypes, happenings } from './lifecycle-table.ts';

const page = generated().get('docs/run-lifecycle.md') ?? '';

describe('docs/run-lifecycle.md', () => {
  it('has asked the fold of every pair of a state and an event', () => {
    const aboutRuns = ['run.created', 'run.completed'];
    const types = Object.keys(runEventBodies).filter(isRunEventType);
    expect([...eventTypes, ...aboutRuns].toSorted()).toEqual(types.toSorted());
    for (const state of JobState.options)
      for (const type of eventTypes)
        expect(
          happenings.filter((each) => each.from === state && each.type === type).length,
          `${type} in ${state}`,
        ).toBeGreaterThan(0);
  });

  it('shows that nothing moves a job that has ended', () => {
    for (const { from, why, to } of happenings)
      if (isTerminalJob(from)) expect([why, to]).toEqual(['after-end', undefined]);
  });

  it('shows every way into every state that is reached', () => {
    const reached = new Set(happenings.map(({ to }) => to));
    expect(JobState.options.filter((state) => !reached.has(state))).toEqual([
      'pending',
      'held',
      'waiting',
    ]);
  });

  it('shows every reason to be void that the place of an event can be', () => {
    // The rest is about what is no event of the run at all.
    const elsewhere = ['unreadable', 'foreign-run', 'unknown-job'];
    for (const reason of voidReasons)
      if (!elsewhere.includes(reason)) expect(page).toContain(`\`${reason}\``);
  });

  it('draws only what the tables say', () => {
    const edges = [...page.matchAll(/^ {2}(\w+) --> (\w+): (.+)$/gm)];
    expect(edges.length).toBeGreaterThan(10);
    for (const [, from, to, label = ''] of edges)
      for (const type of label.split(', ').filter(isDecision))
        expect(happenings).toContainEqual(expect.objectContaining({ from, to, type }));
  });
});
