import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { runsOf } from './arbitrary.fixture.ts';
import { newJob } from './job.ts';
import { checkNeeds, needsOf } from './needs.ts';
import { createdBody } from './run.fixture.ts';
import type { Need } from './run-created.ts';
import { isTerminalJob, JobState, outcomeOf } from './states.ts';

type Shape = Readonly<{ name: string; needs: readonly Readonly<{ job: string }>[] }>;
const job = (name: string, ...needs: readonly string[]): Shape => ({
  name,
  needs: needs.map((each) => ({ job: each })),
});
const messages = (jobs: readonly Shape[]): readonly string[] =>
  checkNeeds(jobs).map(({ message }) => message);

describe('a list of jobs', () => {
  it('with a diamond, a chain and islands has no mistake, in any order', () => {
    const jobs = [job('d', 'b', 'c'), job('b', 'a'), job('a'), job('c', 'a'), job('island')];
    expect(checkNeeds(jobs)).toEqual([]);
    expect(checkNeeds(jobs.toReversed())).toEqual([]);
    expect(checkNeeds([])).toEqual([]);
  });

  it('with a cycle is told its path', () => {
    expect(messages([job('a', 'c'), job('b', 'a'), job('c', 'b')])).toEqual([
      'these jobs need each other: a -> c -> b -> a',
    ]);
    expect(messages([job('a', 'a')])).toEqual(['these jobs need each other: a -> a']);
  });

  it('with a cycle behind other jobs is told the cycle alone', () => {
    const jobs = [
      job('start', 'a'),
      job('a', 'b'),
      job('b', 'c', 'end'),
      job('c', 'a'),
      job('end'),
    ];
    expect(messages(jobs)).toEqual(['these jobs need each other: a -> b -> c -> a']);
  });

  it('with two cycles is told both, each once', () => {
    const jobs = [job('a', 'b', 'b'), job('b', 'a'), job('c', 'c', 'c', 'a')];
    expect(messages(jobs)).toEqual([
      'these jobs need each other: a -> b -> a',
      'these jobs need each other: c -> c',
    ]);
  });

  it('is told every mistake at once, each at the job that has it', () => {
    const jobs = [job('a', 'ghost', 'b'), job('b', 'a'), job('a'), job('c', 'phantom')];
    expect(checkNeeds(jobs)).toEqual([
      { code: 'duplicate-name', index: 2, message: 'two jobs are named "a"; names must differ' },
      {
        code: 'unknown-job',
        index: 0,
        message: 'job "a" needs "ghost", which is not a job of this run',
      },
      {
        code: 'unknown-job',
        index: 3,
        message: 'job "c" needs "phantom", which is not a job of this run',
      },
      { code: 'cycle', index: 0, message: 'these jobs need each other: a -> b -> a' },
    ]);
  });

  it('may name its jobs like anything that objects have', () => {
    expect(
      checkNeeds([job('constructor', 'toString'), job('toString', '__proto__'), job('__proto__')]),
    ).toEqual([]);
    expect(messages([job('a', 'constructor')])).toEqual([
      'job "a" needs "constructor", which is not a job of this run',
    ]);
  });

  it('of the longest chain that is allowed is checked', () => {
    const chain = Array.from({ length: 256 }, (_, index) =>
      index === 0 ? job('j0') : job(`j${index}`, `j${index - 1}`),
    );
    expect(checkNeeds(chain.toReversed())).toEqual([]);
    expect(checkNeeds([...chain.slice(1), job('j0', 'j255')])).toHaveLength(1);
  });

  it('has no mistake exactly if its jobs can be put into an order in which each comes after its needs', () => {
    const names = ['a', 'b', 'c', 'd', 'e'];
    const shapes = fc.array(
      fc.record({
        name: fc.constantFrom(...names),
        needs: fc.array(
          fc.constantFrom(...names, 'ghost').map((name) => ({ job: name })),
          { maxLength: 3 },
        ),
      }),
      { maxLength: 6 },
    );
    fc.assert(
      fc.property(shapes, (jobs) => {
        const distinct = new Set(jobs.map(({ name }) => name)).size === jobs.length;
        expect(checkNeeds(jobs).length === 0).toBe(distinct && hasOrder(jobs));
      }),
      runsOf(3_000),
    );
  });
});

/** Takes out what needs nothing any more, as often as there is something to take. */
function hasOrder(jobs: readonly Shape[]): boolean {
  const left = new Map(jobs.map((each) => [each.name, each.needs]));
  const done = new Set<string>();
  for (let before = -1; before !== left.size; ) {
    before = left.size;
    for (const [name, needs] of left)
      if (needs.every((need) => done.has(need.job))) {
        done.add(name);
        left.delete(name);
      }
  }
  return left.size === 0;
}

describe('needs of a job', () => {
  const [spec] = createdBody([{ name: 'up' }]).jobs;
  if (spec === undefined) throw new Error('the fixture has a job');
  const upstream = (state: JobState, name = 'up') => ({ ...newJob({ ...spec, name }, 0), state });
  const need = (...on: Need['on']): readonly Need[] => [{ job: 'up', on }];

  it.each(JobState.options)(
    'whose upstream is %s are open, met or unmet by its outcome',
    (state) => {
      const outcome = outcomeOf(state);
      expect(outcome === undefined).toBe(!isTerminalJob(state));
      if (outcome === undefined) {
        expect(needsOf(need('success'), [upstream(state)])).toEqual({
          kind: 'open',
          waitingFor: ['up'],
        });
        return;
      }
      expect(needsOf(need(outcome), [upstream(state)])).toEqual({ kind: 'met' });
      const other = outcome === 'success' ? 'failed' : 'success';
      expect(needsOf(need(other), [upstream(state)])).toEqual({
        kind: 'unmet',
        because: [`up ${state}`],
      });
    },
  );

  it('none are met', () => {
    expect(needsOf([], [])).toEqual({ kind: 'met' });
  });

  it('wait for all, even if one already ended otherwise', () => {
    const needs: readonly Need[] = [...need('success'), { job: 'other', on: ['success'] }];
    expect(needsOf(needs, [upstream('failed'), upstream('running', 'other')])).toEqual({
      kind: 'open',
      waitingFor: ['other'],
    });
    expect(needsOf(needs, [upstream('failed'), upstream('cancelled', 'other')])).toEqual({
      kind: 'unmet',
      because: ['up failed', 'other cancelled'],
    });
  });

  it('of a job that does not exist stay open', () => {
    expect(needsOf(need('success'), [])).toEqual({ kind: 'open', waitingFor: ['up'] });
  });

  it('of a matrix mean all that it made, and none of another name', () => {
    const made = (state: JobState, name: string) => {
      const variant = upstream(state, name);
      return { ...variant, spec: { ...variant.spec, group: 'up' } };
    };
    const other = upstream('running', 'upper');
    expect(needsOf(need('success'), [made('success', 'up (a)'), made('queued', 'up (b)')])).toEqual(
      {
        kind: 'open',
        waitingFor: ['up'],
      },
    );
    expect(
      needsOf(need('success'), [made('success', 'up (a)'), made('failed', 'up (b)'), other]),
    ).toEqual({ kind: 'unmet', because: ['up (b) failed'] });
    expect(
      needsOf(need('success'), [made('success', 'up (a)'), made('success', 'up (b)'), other]),
    ).toEqual({ kind: 'met' });
  });
});
