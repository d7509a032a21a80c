import { describe, expect, it } from 'vitest';
import type { Job } from '../src/job.ts';
import { aboutOf, everyMove, pairs } from '../src/moves.fixture.ts';
import { isDecision, isRunEventType, runEventBodies } from '../src/run-event.ts';
import { isTerminalJob, JobState } from '../src/states.ts';
import { voidReasons } from '../src/void.ts';
import { generated } from './generate.ts';
import { eventTypes, happenings } from './lifecycle-table.ts';

const isTold = (type: string): boolean => eventTypes.some((each) => each === type);
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

  /** What holds for all events is said once: those of another attempt, of another session, and repeats. */
  const general: readonly string[] = ['stale-attempt', 'foreign-session', 'repeated'];

  it('has a case for whatever random histories make of an event in a state', () => {
    const line = (from: string, type: string, to: string): string => `${type} in ${from}: ${to}`;
    const told = new Set(
      happenings.map(({ from, type, to, why }) => line(from, type, to ?? `void, ${why}`)),
    );
    everyMove((move) => {
      const { event, after, isVoid } = move;
      if (event.type === 'unreadable' || !isTold(event.type)) return;
      // What was used counts in every state, and moves a job only as any other word does.
      const isOnlySpent = (was: Job, is: Job): boolean =>
        event.type === 'usage.reported' && was.state === is.state;
      if (!isVoid)
        for (const [was, is] of pairs(move))
          if (was !== is && !isOnlySpent(was, is))
            expect(told).toContain(line(was.state, event.type, is.state));
      // A wish is void for all jobs that it names, and not for each.
      const was = event.type === 'cancel.requested' ? undefined : aboutOf(move)?.was;
      const why = after.lastVoid?.why ?? '';
      if (isVoid && was !== undefined && !general.includes(why))
        expect(told).toContain(line(was.state, event.type, `void, ${why}`));
    }, 300);
  });

  it('shows that work which somebody asked to cancel is never done again', () => {
    const asked = happenings.filter(({ when }) => when.includes('somebody cancelled'));
    expect(asked.length).toBeGreaterThan(10);
    for (const { to } of asked) expect(to).not.toBe('queued');
  });

  it('shows that nothing moves a job that has ended', () => {
    for (const { from, type, why, to } of happenings)
      if (isTerminalJob(from) && type === 'usage.reported') expect([from, undefined]).toContain(to);
      else if (isTerminalJob(from)) expect([why, to]).toEqual(['after-end', undefined]);
  });

  it('shows every way into every state that is reached', () => {
    const reached = new Set(happenings.map(({ to }) => to));
    expect(JobState.options.filter((state) => !reached.has(state))).toEqual(['pending', 'waiting']);
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
