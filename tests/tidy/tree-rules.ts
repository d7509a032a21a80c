/**
 * What holds for the tree as a whole: names of files, pinned versions, documents, and that nothing
 * of the machine it was written on has stayed in it.
 */
import path from 'node:path';
import { forbid, type Rule } from './rule.ts';
import { field, lineAt, type SourceFile } from './tree.ts';

const VAGUE = /^(?:utils?|helpers?|common|misc|types|shared|managers?)$/;
const KEBAB = /^(?:[a-z0-9]+(?:-[a-z0-9]+)*|\d{4}_[a-z0-9]+(?:[-_][a-z0-9]+)*)$/;
const EXACT = /^\d+\.\d+\.\d+(?:-[0-9A-Za-z.-]+)?$/;
const DEPENDENCIES = [
  'dependencies',
  'devDependencies',
  'optionalDependencies',
  'peerDependencies',
];

/** Written apart, so that this file keeps the rules it states. */
const slash = '/';
const sibling = ['..', 'shared'].join(slash);
const quoted = '"resolved":';
const host = ['registry', 'acme', 'org'].join('.');

/** The parts of a path that have to be names: folders, and the file up to its first dot. */
function nameParts(file: string): readonly string[] {
  const parts = file.split('/').filter((part) => !part.startsWith('.'));
  const base = parts.pop() ?? '';
  return [...parts, base.split('.')[0] ?? ''];
}

const everywhere = (): boolean => true;
const ownText = (file: SourceFile): boolean => !file.path.startsWith('LICENSE');

export const treeRules: readonly Rule[] = [
  {
    name: 'files and folders of code are named in kebab-case, for the one noun in them',
    fix: 'rename it for what is in it; vague names collect what nobody wants to name.',
    find: (tree) =>
      tree.files
        .filter(({ isCode }) => isCode)
        .flatMap(({ path: file }) =>
          nameParts(file)
            .filter((part) => !KEBAB.test(part) || VAGUE.test(part))
            .map((part) => ({ path: file, line: 1, what: `the name '${part}'` })),
        ),
    bad: [
      { 'libs/x/src/jobState.ts': '' },
      { 'libs/x/src/utils.ts': '' },
      { 'libs/x/src/common/a.ts': '' },
      { 'libs/x/src/types.ts': '' },
    ],
    good: [
      { 'libs/x/src/job-state.int.spec.ts': '' },
      { 'libs/x/src/migrations/0001_runs.ts': '' },
      { 'README.md': '' },
    ],
  },
  {
    name: 'every dependency is pinned to one version',
    fix: 'write the exact version, without a range.',
    find: (tree) =>
      tree.manifests.flatMap(({ path: file, json }) =>
        DEPENDENCIES.flatMap((kind) => Object.entries(record(field(json, kind))))
          .filter(([, version]) => !EXACT.test(String(version)))
          .map(([name, version]) => {
            const text = tree.byPath.get(file)?.text ?? '';
            const line = lineAt(text, Math.max(0, text.indexOf(`"${name}"`)));
            return { path: file, line, what: `${name}: ${String(version)}` };
          }),
      ),
    bad: [
      { 'package.json': '{"name":"x","dependencies":{"zod":"^4.0.0"}}' },
      { 'libs/x/package.json': '{"name":"x","devDependencies":{"zod":"latest"}}' },
    ],
    good: [{ 'package.json': '{"name":"x","dependencies":{"zod":"4.6.7-beta.1"}}' }],
  },
  {
    name: 'every document has exactly one title',
    fix: 'one `# Title` as the first heading; the others begin at `##`.',
    find: (tree) =>
      tree.files
        .filter(({ path: file }) => path.posix.extname(file) === '.md')
        .flatMap(({ path: file, text }) => {
          const titles = withoutFences(text).filter((line) => /^# \S/.test(line)).length;
          return titles === 1 ? [] : [{ path: file, line: 1, what: `${titles} titles` }];
        }),
    bad: [{ 'a.md': 'text' }, { 'a.md': '# One\n\n# Two\n' }],
    good: [{ 'a.md': '# One\n\n```sh\n# a comment\n```\n\n## Two\n' }],
  },
  forbid({
    name: 'no file names a package registry or a mirror',
    fix: 'leave the host out: package managers know the one they are set up with.',
    pattern:
      /\b(?:registry|npm|pypi|mirrors?|deb|proxy)\.(?!example\b)[a-z0-9-]+(?:\.[a-z0-9-]+)*\.?(?:org|com|net|io|dev|internal|local)\b|"resolved":\s*"http/,
    in: 'text',
    where: ownText,
    bad: [{ 'a.md': `see ${host}` }, { 'package-lock.json': [quoted, '"https:'].join(' ') }],
    good: [{ 'a.ts': 'npm.config.get; https://npm.example.net' }],
  }),
  forbid({
    name: 'no file has a path of the machine it was written on',
    fix: 'use a path relative to the file, or one that the environment gives.',
    pattern: /(?<![\w.~$})/-])\/(?:work|root|home\/[a-z][\w-]*|Users\/\w+)\//,
    in: 'text',
    where: everywhere,
    bad: [{ 'a.ts': `const home = '${slash}work/main';` }, { 'a.md': `(${slash}root/x)` }],
    good: [{ 'a.ts': "const x = 'usr/work/main';" }, { 'a.md': 'https://example.org/work/x' }],
  }),
  forbid({
    name: 'nothing reaches outside of the clone',
    fix: 'name the document and its section; the clone has to stand alone.',
    pattern: /\.\.\/shared\b/,
    in: 'text',
    where: everywhere,
    bad: [{ 'a.md': `see ${sibling}/x.md` }],
    good: [{ 'a.md': 'a shared inbox' }],
  }),
];

function record(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null ? { ...value } : {};
}

function withoutFences(text: string): readonly string[] {
  let inFence = false;
  return text.split('\n').filter((line) => {
    if (/^\s*(?:```|~~~)/.test(line)) inFence = !inFence;
    return !inFence;
  });
}
