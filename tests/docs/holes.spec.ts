/** `docs/holes.md` against the tests: every test that it names exists, under that very name. */
import { describe, expect, it } from 'vitest';
import { projectTree, type Tree, treeOf } from '../tidy/tree.ts';
import { codeIn, sectionsOf } from './markdown-page.ts';

const page = 'docs/holes.md';

type Named = Readonly<{ hole: string; file: string; name: string }>;

/** The last cell of each row: a file and a name, once or several times. */
function namedIn(tree: Tree): readonly Named[] {
  const text = tree.byPath.get(page)?.text ?? '';
  return sectionsOf(text).flatMap(({ rows }) =>
    rows.flatMap(([hole = '', ...cells]) => {
      const words = codeIn(cells.at(-1) ?? '');
      return Array.from({ length: Math.ceil(words.length / 2) }, (_, pair) => ({
        hole,
        file: words[pair * 2] ?? '',
        name: words[pair * 2 + 1] ?? '',
      }));
    }),
  );
}

function missing(tree: Tree): readonly string[] {
  return namedIn(tree)
    .filter(({ file, name }) => {
      const text = tree.byPath.get(file)?.text ?? '';
      return name === '' || !isNamedIn(text, name);
    })
    .map(({ hole, file, name }) => `${hole}: ${file} has no test "${name}"`);
}

const isNamedIn = (text: string, name: string): boolean =>
  ["'", '"', '`'].some((quote) =>
    text.replaceAll(/\(\s+/g, '(').includes(`(${quote}${name}${quote}`),
  );

describe('docs/holes.md', () => {
  const tree = projectTree();

  it('names tests that exist', () => {
    expect(missing(tree)).toEqual([]);
  });

  it('has at least one test for every hole, and its holes in order', () => {
    const holes = sectionsOf(tree.byPath.get(page)?.text ?? '').flatMap(({ rows }) => rows);
    expect(holes.length).toBeGreaterThan(20);
    expect(holes.map(([hole]) => Number(hole))).toEqual(holes.map((_, index) => index + 1));
    const tested = new Set(namedIn(tree).map(({ hole }) => hole));
    expect(holes.filter(([hole = '']) => !tested.has(hole))).toEqual([]);
  });

  it('is held against the tests: one that was renamed is noticed', () => {
    const row =
      '| no. | a | b | test |\n| --- | --- | --- | --- |\n| 1 | a | b | `x.spec.ts` `holds` |';
    const of = (test: string): readonly string[] =>
      missing(treeOf({ [page]: `# H\n\n${row}`, 'x.spec.ts': test }));
    expect(of("it('holds', () => {});")).toEqual([]);
    expect(of("it('held', () => {});")).toEqual(['1: x.spec.ts has no test "holds"']);
  });
});
