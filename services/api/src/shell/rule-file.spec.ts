import { describe, expect, it } from 'vitest';
import { readRuleFile } from './rule-file.ts';

const places = (text: string) => {
  const file = readRuleFile(text);
  return file.kind === 'rule'
    ? []
    : file.mistakes.map(
        ({ line, column, path, message }) => `${line}:${column} ${path} ${message}`,
      );
};

const head = 'apiVersion: waybill/v1\nkind: Rule\nmetadata: { name: a }\n';

describe('a rule file', () => {
  it('is a rule, in YAML or in JSON', () => {
    expect(
      places(
        `${head}spec:\n  on: { source: github }\n  jobs: [ { name: j, steps: [ { run: x } ] } ]\n`,
      ),
    ).toEqual([]);
    expect(
      places(
        '{"apiVersion":"waybill/v1","kind":"Rule","metadata":{"name":"a"},"spec":{"on":{"source":"s"},"jobs":[{"name":"j","config":{}}]}}',
      ),
    ).toEqual([]);
  });

  it.each([
    ['nothing', '', /^1:1 /],
    ['a list', '- a\n', /^1:1 /],
    ['an open quote', `${head}spec: "abc\n`, /^\d+:\d+ {2}/],
    ['a key twice', `${head}kind: Rule\n`, /^4:1 .*unique/],
    ['a tab for an indent', `${head}spec:\n\ton: x\n`, /^5:1 /],
    ['two documents', `${head}---\n${head}`, /^4:1 .*multiple documents/],
    ['a tag that nobody knows', `${head}spec: !secret x\n`, /^4:7 /],
  ])('%s is a mistake with its place', (_what, text, expected) => {
    expect(places(text)[0]).toMatch(expected);
  });

  it('has every mistake of the schema with its line, what is missing where it is missing', () => {
    const text = `${head}spec:
  on:
    event: push
    branch: main
  jobs:
    - name: a
      needs: [b]
      steps:
        - run: x
    - name: b
      needs: [a, { job: nobody }]
    - name: b
      steps: []
extra: 1
`;
    expect(places(text)).toEqual([
      expect.stringMatching(/^6:5 spec\.on\.source is required: string$/),
      expect.stringMatching(/^7:5 spec\.on\.branch is not known here$/),
      expect.stringMatching(/^9:7 spec\.jobs\[0\] these jobs need each other: a -> b -> a$/),
      expect.stringMatching(/^13:7 spec\.jobs\[1\]\.steps a job has steps/),
      expect.stringMatching(/^13:7 spec\.jobs\[1\] .*"nobody"/),
      expect.stringMatching(/^15:7 spec\.jobs\[2\] two jobs are named "b"/),
      expect.stringMatching(/^16:14 spec\.jobs\[2\]\.steps /),
      '17:1 extra is not known here',
    ]);
  });

  it('that unfolds without end, or nests without end, is refused', () => {
    const bomb = [
      'a: &a [x,x,x,x,x,x,x,x,x]',
      ...'bcdefghi'
        .split('')
        .map((name, i) => `${name}: &${name} [${Array(9).fill(`*${'abcdefgh'[i]}`).join(',')}]`),
    ].join('\n');
    expect(places(bomb)).toHaveLength(1);
    expect(places(`a: ${'['.repeat(50_000)}`).length).toBeGreaterThan(0);
  });

  it('never becomes more than data', () => {
    expect(places(`${head}__proto__: { polluted: 1 }\n`).join()).toContain(
      '__proto__ is not known here',
    );
    expect(Reflect.get({}, 'polluted')).toBeUndefined();
  });
});
