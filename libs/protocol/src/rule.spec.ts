import { describe, expect, it } from 'vitest';
import { Rule, RuleGeneration } from './rule.ts';

const jobs = [{ name: 'test', steps: [{ run: 'make test' }] }];
const rule = {
  apiVersion: 'waybill/v1',
  kind: 'Rule',
  metadata: { name: 'ci' },
  spec: { on: { source: 'github' }, jobs },
};
const withSpec = (change: object) => ({ ...rule, spec: { ...rule.spec, ...change } });
const placesOf = (value: unknown): readonly string[] => {
  const parsed = Rule.safeParse(value);
  return parsed.success ? [] : parsed.error.issues.map((issue) => issue.path.join('.')).toSorted();
};

describe('a good rule', () => {
  it.each([
    ['says only where from and what to do', rule],
    [
      'says all that it may',
      withSpec({
        on: {
          source: 'github',
          event: 'push',
          branches: ['main', 'release/*', '!release/old'],
          paths: ['src/**'],
        },
        workflow: 'ci',
        repo: 'https://git.example.net/acme/shop.git',
        attemptsMax: 3,
      }),
    ],
    ['needs no checkout', withSpec({ repo: '' })],
    [
      'may use the event in any text',
      withSpec({
        jobs: [{ name: 'on ${{ event.ref }}', steps: [{ run: 'echo ${{ event.sha }}' }] }],
      }),
    ],
    ['may be tried up to a hundred times', withSpec({ attemptsMax: 100 })],
  ])('%s', (_, value) => {
    expect(placesOf(value)).toEqual([]);
    expect(RuleGeneration.parse({ generation: 1, rule: value }).rule).toEqual(value);
  });
});

describe('a bad rule', () => {
  it.each<readonly [string, unknown, readonly string[]]>([
    ['of another version', { ...rule, apiVersion: 'waybill/v2' }, ['apiVersion']],
    ['of another kind', { ...rule, kind: 'Policy' }, ['kind']],
    ['without a name', { ...rule, metadata: {} }, ['metadata.name']],
    ['with a name that is no token', { ...rule, metadata: { name: 'CI main' } }, ['metadata.name']],
    [
      'with a name that is too long',
      { ...rule, metadata: { name: 'x'.repeat(64) } },
      ['metadata.name'],
    ],
    ['without a source', withSpec({ on: { event: 'push' } }), ['spec.on.source']],
    ['with a misspelt key', withSpec({ on: { source: 'github', branch: ['main'] } }), ['spec.on']],
    [
      'with an empty list of branches, which would match nothing',
      withSpec({ on: { source: 'github', branches: [] } }),
      ['spec.on.branches'],
    ],
    ['without jobs', withSpec({ jobs: [] }), ['spec.jobs']],
    [
      'with jobs in a circle',
      withSpec({ jobs: [{ ...jobs[0], needs: ['test'] }] }),
      ['spec.jobs.0'],
    ],
    ['without any attempt', withSpec({ attemptsMax: 0 }), ['spec.attemptsMax']],
    ['with too many attempts', withSpec({ attemptsMax: 101 }), ['spec.attemptsMax']],
    ['that is a list', [rule], ['']],
    ['that is nothing', null, ['']],
  ])('%s is told where', (_, value, places) => {
    expect(placesOf(value)).toEqual(places);
  });

  it('is told every mistake at once', () => {
    const value = {
      ...withSpec({ on: {}, attemptsMax: 'many', jobs: [{ name: 'a', needs: ['b'] }] }),
      kind: 'rule',
    };
    expect(placesOf(value)).toEqual([
      'kind',
      'spec.attemptsMax',
      'spec.jobs.0',
      'spec.jobs.0.steps',
      'spec.on.source',
    ]);
  });

  it('is no generation, and neither is a rule without a number', () => {
    expect(RuleGeneration.safeParse({ generation: 1, rule: {} }).success).toBe(false);
    expect(
      [0, 1.5, undefined].map(
        (generation) => RuleGeneration.safeParse({ generation, rule }).success,
      ),
    ).toEqual([false, false, false]);
  });
});
