import { describe, expect, it } from 'vitest';
import { ruleDocuments } from './rule-document.ts';

const namesIn = (text: string): readonly (string | undefined)[] =>
  ruleDocuments(text).map(({ name }) => name);

describe('a rule file', () => {
  it('is cut at its markers, and every document keeps its lines', () => {
    const file =
      '# rules\nmetadata: { name: a }\n---\nkind: Rule\nmetadata:\n  # of b\n  name: b\n...\n';
    const documents = ruleDocuments(file);
    expect(documents.map(({ name }) => name)).toEqual(['a', 'b']);
    const lines = documents[1]?.text.split('\n') ?? [];
    expect(lines[3]).toBe('kind: Rule');
    expect(lines.indexOf('  name: b')).toBe(6);
  });

  it('has no documents where there are only comments and markers', () => {
    expect(ruleDocuments('')).toEqual([]);
    expect(ruleDocuments('---\n# nothing\n---\n')).toEqual([]);
  });

  it('is not cut inside of a line or of indented text', () => {
    expect(ruleDocuments('run: |\n  ---\n  a --- b\n')).toHaveLength(1);
  });

  it.each([
    ['metadata:\n  name: plain', 'plain'],
    ["metadata:\n    labels: x\n    name: 'quoted'", 'quoted'],
    ['"metadata": {"name": "json"}', 'json'],
    ['metadata: { labels: {}, name: flow }', undefined],
    ['metadata:\nspec:\n  name: of-a-job', undefined],
    ['spec: {}', undefined],
  ])('%j has the name %s', (text, name) => expect(namesIn(text)).toEqual([name]));
});
