import { describe, expect, it } from 'vitest';
import {
  type ConditionContext,
  ConditionError,
  readCondition,
  type Standing,
} from './condition.ts';

const on = (standing: Standing): ConditionContext => ({
  standing,
  env: { BRANCH: 'main', EMPTY: '', QUOTE: "it's" },
  matrix: { node: 24, os: 'linux' },
});
const inEach = (text?: string): readonly boolean[] =>
  (['success', 'failure', 'cancelled'] as const).map((standing) =>
    readCondition(text).holds(on(standing)),
  );

describe('a condition', () => {
  it.each<readonly [string | undefined, readonly [boolean, boolean, boolean]]>([
    [undefined, [true, false, false]],
    ['success()', [true, false, false]],
    ['failure()', [false, true, false]],
    ['cancelled()', [false, false, true]],
    ['always()', [true, true, true]],
    ['!cancelled()', [true, true, false]],
    ['failure() || cancelled()', [false, true, true]],
    ["env.BRANCH == 'main'", [true, false, false]],
    ["env.BRANCH != 'main'", [false, false, false]],
    ["always() && env.BRANCH == 'main'", [true, true, true]],
    ["${{ always() && matrix.node == '24' }}", [true, true, true]],
    ["always() && !(env.BRANCH == 'x' || matrix.os == 'linux')", [false, false, false]],
    ['env.EMPTY', [false, false, false]],
    ['env.MISSING', [false, false, false]],
    ["env.QUOTE == 'it''s'", [true, false, false]],
    ['true', [true, false, false]],
  ])('%s holds for a job that goes well, has failed, is cancelled: %j', (text, expected) => {
    expect(inEach(text)).toEqual(expected);
  });

  it.each([
    '',
    'success(',
    'process.exit()',
    "require('fs')",
    'env',
    'env.A ==',
    'env.A = "x"',
    '$(touch x)',
    'a b',
    ')',
    '&& true',
    '!'.repeat(200) + 'true',
  ])('%j is refused when it is read', (text) => {
    expect(() => readCondition(text)).toThrow(ConditionError);
  });

  it('may be long without being deep', () => {
    const long = Array.from({ length: 200 }, () => 'success()').join(' && ');
    expect(inEach(long)).toEqual([true, false, false]);
  });
});
