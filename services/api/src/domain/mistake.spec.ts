import { describe, expect, it } from 'vitest';
import { jobMistakes, mistakeOf, pathText, placedOf } from './mistake.ts';

const text = (issues: Parameters<typeof placedOf>[0]) => placedOf(issues).map(mistakeOf);

describe('a mistake', () => {
  it('has its path as people write it', () => {
    expect(pathText(['jobs', 0, 'steps', 1, 'run'])).toBe('jobs[0].steps[1].run');
    expect(pathText(['env', 'a b', '__proto__'])).toBe('env["a b"].__proto__');
    expect(pathText([0])).toBe('[0]');
    expect(pathText([])).toBe('');
  });

  it('is one for each unknown key', () => {
    expect(
      text([{ code: 'unrecognized_keys', path: ['a'], message: 'm', keys: ['x', 'y'] }]),
    ).toEqual([
      { path: 'a.x', message: 'is not known here' },
      { path: 'a.y', message: 'is not known here' },
    ]);
  });

  it('of a union is that of the branch that was meant', () => {
    const string = {
      code: 'invalid_type',
      path: [],
      message: 'Invalid input: expected string, received object',
    };
    const inner = { code: 'invalid_value', path: ['on', 0], message: 'Invalid option' };
    expect(
      text([
        { code: 'invalid_union', path: ['needs', 1], message: 'm', errors: [[string], [inner]] },
      ]),
    ).toEqual([{ path: 'needs[1].on[0]', message: 'Invalid option' }]);
    const object = {
      code: 'invalid_type',
      path: [],
      message: 'Invalid input: expected object, received number',
    };
    expect(
      text([
        { code: 'invalid_union', path: ['needs'], message: 'm', errors: [[string], [object]] },
      ]),
    ).toEqual([{ path: 'needs', message: 'expected string or object' }]);
  });
});

const stepless = 'a job has steps, or a config that is passed to its agent as it stands';

describe('mistakes among jobs', () => {
  it('are found beside mistakes of the schema', () => {
    const jobs = [
      { name: 'a', needs: ['b', 7, null] },
      { name: 'b', needs: [{ job: 'a' }], steps: [] },
      { steps: [] },
      { steps: [] },
      'no job',
    ];
    expect(jobMistakes(jobs, ['jobs'], []).map(mistakeOf)).toEqual([
      { path: 'jobs[0].steps', message: stepless },
      { path: 'jobs[4].steps', message: stepless },
      { path: 'jobs[0]', message: 'these jobs need each other: a -> b -> a' },
    ]);
  });

  it('are not said twice', () => {
    const jobs = [{ name: 'a', needs: ['x'], steps: [] }];
    const known = jobMistakes(jobs, ['jobs'], []);
    expect(known).toHaveLength(1);
    expect(jobMistakes(jobs, ['jobs'], known)).toEqual([]);
  });

  it('need a list', () => {
    for (const jobs of [undefined, null, {}, 'x']) expect(jobMistakes(jobs, [], [])).toEqual([]);
  });
});
