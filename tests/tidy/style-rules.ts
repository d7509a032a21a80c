/**
 * What the code itself must not contain, beyond what the compiler and the linter already refuse.
 */
import { forbid, type Rule } from './rule.ts';
import type { SourceFile } from './tree.ts';

const isTypeScript = (file: SourceFile): boolean => /\.m?ts$/.test(file.path);
const isTest = (file: SourceFile): boolean =>
  file.isCode && (file.isSpec || file.path.startsWith('tests/'));
/** Doubled letters keep the words themselves out of this file. */
const LEFTOVER = /\b(?:TO{1}DO|FIX{1}ME|X{3}|HA{1}CK)\b/;
const leftover = ['TO', 'DO'].join('');

export const styleRules: readonly Rule[] = [
  forbid({
    name: 'no value is any',
    fix: 'use unknown and parse it, or name the type.',
    pattern: /\bas\s+any\b|[:<,|&]\s*any\b(?!\s*[(:.?])|\bany\[\]/,
    in: 'code',
    where: isTypeScript,
    bad: [
      { 'a.ts': 'const x = y as any;' },
      { 'a.ts': 'function f(x: any) {}' },
      { 'a.ts': 'const x: Map<string, any> = y;' },
    ],
    good: [{ 'a.ts': 'AbortSignal.any([a]); // as any\nconst x = "x: any";' }],
  }),
  forbid({
    name: 'no value is asserted to be there',
    fix: 'handle undefined: an early return, a default, or a thrown defect that says what is wrong.',
    pattern: /[\w$)\]]!(?=\s*(?:[.,;)\]}[:]|$))/m,
    in: 'code',
    where: isTypeScript,
    bad: [{ 'a.ts': 'const x = list[0]!.name;' }, { 'a.ts': 'f(x!);' }],
    good: [{ 'a.ts': "if (a !== b && !c) d('no!');" }],
  }),
  forbid({
    name: 'there are no enums and no namespaces',
    fix: 'use a union of literals, or an object `as const`.',
    pattern: /^\s*(?:export\s+)?(?:declare\s+)?(?:const\s+)?(?:enum|namespace)\s+\w+\s*\{/m,
    in: 'code',
    where: isTypeScript,
    bad: [{ 'a.ts': 'export enum State { a }' }, { 'a.ts': 'const enum State { a }' }],
    good: [{ 'a.ts': "const enumerated = z.enum(['a']);" }],
  }),
  forbid({
    name: 'every export has a name',
    fix: 'export it by name; only *.config.ts files, whose tools ask for it, have a default.',
    pattern: /\bexport\s+default\b|\bas\s+default\b/,
    in: 'code',
    where: (file) => file.isCode && !file.path.endsWith('.config.ts'),
    bad: [{ 'a.ts': 'export default 1;' }, { 'a.ts': 'export { a as default };' }],
    good: [{ 'vitest.config.ts': 'export default 1;' }],
  }),
  forbid({
    name: 'nothing is left for later in the code',
    fix: 'do it, or open an issue and leave the words out.',
    pattern: LEFTOVER,
    in: 'text',
    where: (file) => file.isCode || /\.(?:sql|sh|ya?ml)$/.test(file.path),
    bad: [{ 'a.ts': `// ${leftover}: later` }],
    good: [{ 'a.ts': 'it.todo; mkdtemp("XXXXXX")' }],
  }),
  forbid({
    name: 'no test is switched off',
    fix: "repair or delete it; where a machine cannot run it, call context.skip('the reason').",
    pattern:
      /\b(?:it|test|describe|suite)(?:\.\w+)*\.(?:skip|only|todo|skipIf|runIf|fails)\b|\bx(?:it|describe)\s*\(|\.skip\(\s*\)/,
    in: 'code',
    where: isTest,
    bad: [
      { 'a.spec.ts': "it.skip('x', f);" },
      { 'a.spec.ts': "describe.concurrent.only('x', f);" },
      { 'a.spec.ts': "it.todo('x');" },
      { 'a.spec.ts': 'context.skip();' },
    ],
    good: [{ 'a.spec.ts': "if (!hasGit) context.skip('no git here');" }],
  }),
  {
    name: 'every file but a spec opens with a comment',
    fix: 'say in one to five lines what the file is and what it guarantees.',
    find: (tree) =>
      tree.files
        .filter((file) => file.isCode && !file.path.endsWith('.spec.ts'))
        .filter((file) => !/^(?:#![^\n]*\n)?\s*(?:\/\*|\/\/)/.test(file.text))
        .map(({ path }) => ({ path, line: 1, what: 'begins without a comment' })),
    bad: [{ 'a.ts': 'export const a = 1;' }, { 'a.mjs': '#!/usr/bin/env node\nimport "a";' }],
    good: [
      { 'a.ts': '/** What it is. */' },
      { 'a.mjs': '#!/usr/bin/env node\n// What it is.' },
      { 'a.spec.ts': 'x;' },
    ],
  },
];
