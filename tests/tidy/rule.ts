/**
 * A rule of the house as data: what it finds, how to repair it, and a tree that breaks it and one
 * that keeps it, so that a rule which has gone blind fails its own test.
 */
import { describe, expect, it } from 'vitest';
import { lineAt, projectTree, type SourceFile, type Tree, treeOf } from './tree.ts';

export type Finding = Readonly<{ path: string; line: number; what: string }>;

type Texts = Readonly<Record<string, string>>;

export type Rule = Readonly<{
  /** A claim in the present tense. */
  name: string;
  fix: string;
  find: (tree: Tree) => readonly Finding[];
  /** Each must be caught. */
  bad: readonly Texts[];
  /** Each must pass. */
  good: readonly Texts[];
}>;

type PatternRule = Readonly<{
  name: string;
  fix: string;
  pattern: RegExp;
  /** Where the pattern is looked for: in the code alone, or in the whole text. */
  in: 'code' | 'text';
  where: (file: SourceFile) => boolean;
  bad: readonly Texts[];
  good: readonly Texts[];
}>;

/** A rule that forbids a pattern in the files that it is about. */
export function forbid({ pattern, in: place, where, ...rule }: PatternRule): Rule {
  const everywhere = new RegExp(pattern.source, `g${pattern.flags.replaceAll('g', '')}`);
  const find = (tree: Tree): readonly Finding[] =>
    tree.files.filter(where).flatMap((file) =>
      [...(place === 'code' ? file.code : file.text).matchAll(everywhere)].map((match) => ({
        path: file.path,
        line: lineAt(file.text, match.index + match[0].search(/\S|$/)),
        what: `\`${match[0].trim()}\``,
      })),
    );
  return { ...rule, find };
}

export function describeRules(group: string, rules: readonly Rule[]): void {
  const tree = projectTree();
  describe(group, () => {
    it.each(rules)('$name', (rule) => {
      const lines = rule.find(tree).map(({ path, line, what }) => `  ${path}:${line}  ${what}`);
      if (lines.length === 0) return;
      expect.fail([`Broken: ${rule.name}.`, `To repair: ${rule.fix}`, ...lines].join('\n'));
    });
    describe('notices what breaks it and lets pass what does not', () => {
      it.each(rules)('$name', ({ find, bad, good }) => {
        for (const texts of bad) {
          expect(find(treeOf(texts)), JSON.stringify(texts)).not.toEqual([]);
        }
        for (const texts of good) {
          expect(find(treeOf(texts)), JSON.stringify(texts)).toEqual([]);
        }
      });
    });
  });
}
