import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { runsOf } from './arbitrary.fixture.ts';
import { isMatch, offeredLabels, requirementOf } from './matching.ts';

const fits = (runsOn: readonly string[], labels: readonly string[]): boolean =>
  requirementOf(runsOn)(offeredLabels(labels));

describe('a job fits an agent', () => {
  it.each<readonly [string, readonly string[], readonly string[], boolean]>([
    ['that has all its labels', ['linux', 'x64'], ['x64', 'linux', 'gpu'], true],
    ['not if it lacks one', ['linux', 'x64'], ['linux'], false],
    ['of any labels if it asks for none', [], ['anything'], true],
    ['by a pattern', ['node-*'], ['node-24'], true],
    ['by a pattern that nothing matches', ['node-*'], ['deno'], false],
    ['not if it has what is excluded', ['linux', '!spot'], ['linux', 'spot'], false],
    ['not if it has what a pattern excludes', ['!gpu-*'], ['gpu-a100'], false],
    ['that has nothing of what is excluded', ['!spot'], ['linux'], true],
    ['not if it is tainted', [], ['linux', 'taint:gpu'], false],
    ['that is tainted with what it asks for', ['gpu'], ['linux', 'taint:gpu'], true],
    ['that is tainted, if it names the taint', ['taint:gpu'], ['taint:gpu'], true],
    ['that is tainted, by a pattern', ['g*'], ['taint:gpu'], true],
    ['that has any label, by `*`', ['*'], ['linux'], true],
    ['not if it is tainted, however many `*` it asks for', ['*', '**'], ['taint:gpu'], false],
    ['that is tainted, beside a `*`', ['*', 'gpu'], ['taint:gpu'], true],
    ['not if it tolerates one taint of two', ['gpu'], ['taint:gpu', 'taint:secure'], false],
  ])('%s', (_, runsOn, labels, is) => {
    expect(fits(runsOn, labels)).toBe(is);
  });
});

describe('a pattern', () => {
  it.each([
    ['*', '', true],
    ['*', 'any', true],
    ['a*c', 'ac', true],
    ['a*c', 'abcbc', true],
    ['a*c', 'ab', false],
    ['*b*b*', 'abab', true],
    ['*b*b*', 'ab', false],
    ['ab*ba', 'aba', false],
    ['a.c', 'abc', false],
    ['(a+)+', 'aaa', false],
    ['**', 'x', true],
  ])('%s over %j: %s', (pattern, label, is) => {
    expect(isMatch(pattern, label)).toBe(is);
  });

  it('says the same as a regular expression would', () => {
    const text = fc.string({ unit: fc.constantFrom('a', 'b', '*'), maxLength: 12 });
    fc.assert(
      fc.property(text, text, (pattern, label) => {
        const like = new RegExp(`^${pattern.split('*').join('[^]*')}$`);
        expect(isMatch(pattern, label)).toBe(like.test(label));
      }),
      runsOf(2_000),
    );
  });

  it('of the worst kind is as fast as any', () => {
    const pattern = `${'*a'.repeat(2_000)}b`;
    expect(isMatch(pattern, 'a'.repeat(200_000))).toBe(false);
  });
});
