/** The masking that all the rules on code stand on. */
import { describe, expect, it } from 'vitest';
import { importsOf } from './imports.ts';
import { maskSource } from './source-mask.ts';
import { treeOf } from './tree.ts';

const masked = (text: string): string => maskSource(text).replaceAll(/\s+/g, ' ').trim();

describe('masking a source', () => {
  it.each([
    ['comments', 'a; // b\nc; /* d\n */ e;', 'a; c; e;'],
    ['strings', `f('a // b', "it's");`, `f(' ', " ");`],
    ['escaped quotes', String.raw`f('it\'s', b);`, `f(' ', b);`],
    ['templates, but not the code in them', '`a ${b ? `c ${d}` : e} f`;', '` {b ? ` {d}` : e} `;'],
    ['regular expressions', 'x = /["\'/*]/.test(y) / z;', 'x = / /.test(y) / z;'],
    ['a regular expression after return', 'return /"/;', 'return / /;'],
    ['nothing of a division', 'a / b / "c"', 'a / b / " "'],
  ])('blanks %s', (_what, text, expected) => {
    expect(masked(text)).toBe(expected);
    expect(maskSource(text)).toHaveLength(text.length);
  });

  it('keeps every line in its place', () => {
    const text = '/*\n*/\n`\n${a}\n`\nb\u{1F600}\n"\u{1F600}"';
    expect(maskSource(text).split('\n')).toHaveLength(text.split('\n').length);
    expect(maskSource(text)).toHaveLength(text.length);
  });
});

describe('reading imports', () => {
  const specifiers = (text: string): readonly string[] =>
    treeOf({ 'a/b.ts': text }).files.flatMap((file) =>
      importsOf(file).map(
        ({ specifier, typeOnly, line }) => `${line} ${specifier}${typeOnly ? ' (type)' : ''}`,
      ),
    );

  it('finds every form with its line', () => {
    const text = [
      "import 'a';",
      "import b, { c } from 'b';",
      "import type { D } from './d.ts';",
      'export {',
      '  e,',
      "} from '../e.ts';",
      "export * as f from 'node:f';",
      "const g = await import('g/deep');",
    ].join('\n');
    expect(specifiers(text)).toEqual([
      '1 a',
      '2 b',
      '3 ./d.ts (type)',
      '6 ../e.ts',
      '7 node:f',
      '8 g/deep',
    ]);
  });

  it('takes nothing else for an import', () => {
    const text = `export const a = 'b';\nexport type C = 'd' | 'e';\n// import 'f';\nconst g = "import 'h'";\nexport const i = Array.from('j');`;
    expect(specifiers(text)).toEqual([]);
  });
});
