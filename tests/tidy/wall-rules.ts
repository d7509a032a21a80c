/**
 * Who may import whom: the walls between packages and between a service's pure and impure folders.
 * Specs may use more (servers, test tools), but no wall lets one service into another.
 */
import { type Import, importCycles, importsOf } from './imports.ts';
import type { Finding, Rule } from './rule.ts';
import { field, type Manifest, type SourceFile, type Tree } from './tree.ts';

type Named = Import & Readonly<{ file: SourceFile }>;

/** What the sources of a library may use of our own. */
const LIBRARY_USES: Readonly<Record<string, readonly string[]>> = {
  'libs/protocol': [],
  'libs/process': ['@waybill/protocol'],
  'libs/journal': ['@waybill/protocol', '@waybill/process'],
  'libs/fold': ['@waybill/protocol', '@waybill/process', '@waybill/journal'],
  'libs/objects': ['@waybill/protocol', '@waybill/process', '@waybill/journal'],
  'libs/readmodel': ['@waybill/protocol', '@waybill/process'],
  'libs/embedded': ['@waybill/process'],
  'libs/agent': ['@waybill/protocol', '@waybill/process'],
  'libs/conformance': ['@waybill/protocol', '@waybill/process'],
};
const RUNNER_USES = ['@waybill/agent', '@waybill/process', '@waybill/protocol'];
const TEST_TOOLS = ['vitest', 'fast-check'];

const isSource = (file: SourceFile): boolean =>
  file.isCode && !file.isSpec && file.path.startsWith(`${file.folder}/src/`) && file.folder !== '';

function allImports(tree: Tree, where: (file: SourceFile) => boolean): readonly Named[] {
  return tree.files
    .filter((file) => file.isCode && where(file))
    .flatMap((file) => importsOf(file).map((found) => ({ ...found, file })));
}

const finding = ({ file, line, specifier }: Named): Finding => ({
  path: file.path,
  line,
  what: `imports '${specifier}'`,
});

const folderOf = (tree: Tree, packageName: string): string =>
  tree.manifests.find(({ name }) => name === packageName)?.folder ??
  `${LIBRARY_USES[packageName.replace('@waybill/', 'libs/')] ? 'libs' : 'services'}/${packageName.replace('@waybill/', '')}`;

const isOurs = (name: string | null): name is string => name?.startsWith('@waybill/') === true;

export const wallRules: readonly Rule[] = [
  {
    name: 'libs/protocol uses zod and nothing else, but for the hash',
    fix: 'take what is impure as an argument; only hash.ts may use node:crypto.',
    find: (tree) =>
      allImports(tree, (file) => file.folder === 'libs/protocol' && isSource(file))
        .filter(({ packageName, file }) => {
          if (packageName === null || packageName === 'zod') return false;
          return !(packageName === 'node:crypto' && file.path.endsWith('/hash.ts'));
        })
        .map(finding),
    bad: [
      { 'libs/protocol/src/run.ts': "import { randomUUID } from 'node:crypto';" },
      { 'libs/protocol/src/run.ts': "export { x } from '@waybill/process';" },
      { 'libs/protocol/src/run.ts': "const pg = await import('pg');" },
    ],
    good: [
      { 'libs/protocol/src/hash.ts': "import { createHash } from 'node:crypto';" },
      { 'libs/protocol/src/run.spec.ts': "import fc from 'fast-check';" },
      { 'libs/protocol/scripts/generate.ts': "import { writeFileSync } from 'node:fs';" },
    ],
  },
  {
    name: 'domain folders use only @waybill/protocol and themselves',
    fix: 'move what does I/O into src/shell and pass its result in as a value.',
    find: (tree) =>
      allImports(tree, (file) => file.path.includes('/src/domain/'))
        .filter(({ packageName, target, file }) => {
          if (target !== null) return !target.startsWith(`${file.folder}/src/domain/`);
          if (packageName === '@waybill/protocol') return false;
          return !(file.isSpec && TEST_TOOLS.includes(packageName ?? ''));
        })
        .map(finding),
    bad: [
      { 'services/api/src/domain/hook.ts': "import { z } from 'zod';" },
      { 'services/api/src/domain/hook.ts': "import { query } from '../shell/queries.ts';" },
      { 'services/api/src/domain/hook.spec.ts': "import { x } from '@waybill/journal';" },
    ],
    good: [
      { 'services/api/src/domain/hook.ts': "import { Run } from '@waybill/protocol';" },
      { 'services/api/src/domain/hook.ts': "import { match } from './match.ts';" },
      { 'services/api/src/domain/hook.spec.ts': "import { it } from 'vitest';" },
    ],
  },
  {
    name: 'libraries use only the libraries below them',
    fix: 'protocol is below process, both are below journal, readmodel and agent; journal is below fold; embedded uses process.',
    find: (tree) =>
      allImports(tree, (file) => file.folder.startsWith('libs/') && isSource(file))
        .filter(({ packageName, file }) => {
          if (!isOurs(packageName)) return false;
          return LIBRARY_USES[file.folder]?.includes(packageName) !== true;
        })
        .map(finding),
    bad: [
      { 'libs/process/src/clock.ts': "import { append } from '@waybill/journal';" },
      { 'libs/embedded/src/nats.ts': "import { Run } from '@waybill/protocol';" },
      { 'libs/agent/src/agent.ts': "import type { X } from '@waybill/api';" },
    ],
    good: [
      { 'libs/journal/src/append.ts': "import type { Clock } from '@waybill/process';" },
      { 'libs/journal/src/append.int.spec.ts': "import { start } from '@waybill/embedded';" },
    ],
  },
  {
    name: 'services never import each other, an application or embedded servers',
    fix: 'services share events: append one, or move what both need into a library.',
    find: (tree) =>
      allImports(tree, (file) => /^(?:services|libs)\//.test(file.path))
        .filter(({ packageName, file }) => {
          if (!isOurs(packageName)) return false;
          const folder = folderOf(tree, packageName);
          if (packageName === '@waybill/embedded')
            return file.folder.startsWith('services/') && !file.isSpec;
          return !folder.startsWith('libs/');
        })
        .map(finding),
    bad: [
      { 'services/api/src/service.ts': "import { service } from '@waybill/dispatcher';" },
      { 'services/api/src/service.spec.ts': "import { service } from '@waybill/projector';" },
      { 'services/api/src/service.ts': "import { start } from '@waybill/embedded';" },
    ],
    good: [
      { 'services/api/src/service.int.spec.ts': "import { start } from '@waybill/embedded';" },
    ],
  },
  {
    name: 'the reference runner uses the agent SDK and nothing of the services',
    fix: 'what an agent needs is in @waybill/agent, @waybill/process and @waybill/protocol.',
    find: (tree) =>
      allImports(tree, (file) => file.folder === 'apps/runner' && isSource(file))
        .filter(({ packageName }) => isOurs(packageName) && !RUNNER_USES.includes(packageName))
        .map(finding),
    bad: [{ 'apps/runner/src/runner.ts': "import { append } from '@waybill/journal';" }],
    good: [{ 'apps/runner/src/runner.ts': "import { connect } from '@waybill/agent';" }],
  },
  {
    name: 'packages are entered by their doors only',
    fix: "import '@waybill/x' (or an entry of its package.json's exports), never a path inside it.",
    find: (tree) =>
      allImports(tree, () => true)
        .filter((found) => crossesPackage(tree, found))
        .map(finding),
    bad: [
      { 'services/api/src/x.ts': "import { x } from '@waybill/journal/src/append.ts';" },
      { 'services/api/src/x.ts': "import { x } from '../../../libs/journal/src/append.ts';" },
      { 'tests/x.spec.ts': "import { x } from '../libs/journal/src/append.ts';" },
      { 'libs/journal/src/x.ts': "import { x } from '../../../tests/support/server.ts';" },
    ],
    good: [
      { 'libs/journal/src/x.int.spec.ts': "import { x } from '../../../tests/support/server.ts';" },
      {
        'apps/cli/src/up.ts': "import { config } from '@waybill/api/config';",
        'services/api/package.json': JSON.stringify({
          name: '@waybill/api',
          exports: { '.': './src/service.ts', './config': './src/config.ts' },
        }),
      },
    ],
  },
  {
    name: 'nobody imports a main.ts',
    fix: 'a main.ts is a list that starts a process: import the service, or run the file.',
    find: (tree) =>
      allImports(tree, (file) => !file.path.startsWith('apps/cli/bin/'))
        .filter(({ specifier }) => /(?:^|\/)main(?:\.ts|\.mjs)?$/.test(specifier))
        .map(finding),
    bad: [{ 'services/api/src/x.ts': "import './main.ts';" }],
    good: [{ 'services/api/src/x.ts': "import './domain.ts';" }],
  },
  {
    name: 'files import each other without a cycle',
    fix: 'move what both need into a third file, or merge the two: they are one noun.',
    find: (tree) =>
      importCycles(tree).map((ring) => ({ path: ring[0] ?? '', line: 1, what: ring.join(' → ') })),
    bad: [
      {
        'libs/x/src/a.ts': "import { b } from './b.ts';",
        'libs/x/src/b.ts': "export { c } from './c.ts';",
        'libs/x/src/c.ts': "import { a } from './a.ts';",
      },
    ],
    good: [
      {
        'libs/x/src/a.ts': "import { b } from './b.ts';",
        'libs/x/src/b.ts': "import type { a } from './a.ts';",
      },
    ],
  },
];

function crossesPackage(tree: Tree, { file, packageName, subpath, target }: Named): boolean {
  if (target !== null) {
    const there = /^(?:libs|services|apps)\/[^/]+/.exec(target)?.[0] ?? '';
    if (there === file.folder) return false;
    return !(there === '' && file.isSpec && target.startsWith('tests/support/'));
  }
  if (!isOurs(packageName) || subpath === '') return false;
  const manifest = tree.manifests.find(({ name }) => name === packageName);
  return manifest === undefined || !hasDoor(manifest, `./${subpath}`);
}

function hasDoor(manifest: Manifest, door: string): boolean {
  return field(field(manifest.json, 'exports'), door) !== undefined;
}
