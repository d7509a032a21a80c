/**
 * The repository of the demonstration: real, small, with a test that passes. Every start adds one commit, which the push is
 * about; the test grows by a case with each.
 */
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { gitIn } from './git.ts';

export type Commit = Readonly<{
  id: string;
  tree: string;
  message: string;
  timestamp: string;
  added: readonly string[];
  modified: readonly string[];
}>;

export type Push = Readonly<{
  cloneUrl: string;
  branch: string;
  /** Forty zeros for the first push. */
  before: string;
  commit: Commit;
}>;

export const person = { name: 'Ada Lovelace', email: 'ada@example.com', login: 'ada' } as const;

const BRANCH = 'main';
const NO_COMMIT = '0'.repeat(40);

const files: Readonly<Record<string, string>> = {
  'package.json': `${JSON.stringify({ name: 'sum', version: '1.0.0', private: true, type: 'module', scripts: { test: 'node --test' } }, null, 2)}\n`,
  'README.md':
    '# sum\n\nA repository that `npm start` of Waybill makes, so that there is something to run.\n',
  'sum.mjs':
    'export const sum = (...numbers) => numbers.reduce((total, each) => total + each, 0);\n',
  'sum.test.mjs': `import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { test } from 'node:test';
import { sum } from './sum.mjs';

const cases = JSON.parse(await readFile(new URL('cases.json', import.meta.url), 'utf8'));

test('nothing adds up to zero', () => assert.equal(sum(), 0));
for (const { numbers, expected } of cases) {
  test(\`\${numbers.join(' + ')} = \${expected}\`, () => assert.equal(sum(...numbers), expected));
}
`,
};

type Case = Readonly<{ numbers: readonly number[]; expected: number }>;

/** The next commit of the repository in `folder`, which is made if it is not there. */
export async function nextPush(
  folder: string,
  env: Readonly<Record<string, string | undefined>>,
): Promise<Push> {
  await mkdir(folder, { recursive: true });
  const git = gitIn(folder, env);
  // Also finishes what an interrupted first start has left.
  await git('init', '--quiet', `--initial-branch=${BRANCH}`);
  await git('config', 'user.name', person.name);
  await git('config', 'user.email', person.email);
  // A run that waited for long still gets the commit that it is about.
  await git('config', 'uploadpack.allowAnySHA1InWant', 'true');
  const head = await git('rev-parse', '--quiet', '--verify', 'HEAD').catch(() => '');
  const isFirst = head === '';
  for (const [name, text] of Object.entries(files)) await writeFile(join(folder, name), text);
  const cases = isFirst ? [] : await readCases(folder);
  const next = { numbers: [cases.length + 1, cases.length + 2], expected: 2 * cases.length + 3 };
  await writeFile(join(folder, 'cases.json'), `${JSON.stringify([...cases, next], null, 2)}\n`);
  const message = isFirst ? 'Add sum and its test' : `Test ${next.numbers.join(' + ')}`;
  await git('add', '--all');
  await git('commit', '--quiet', '--message', message);
  const [id = '', tree = '', timestamp = ''] = (
    await git('log', '-1', '--format=%H%n%T%n%cI')
  ).split('\n');
  const names = isFirst ? [...Object.keys(files), 'cases.json'].toSorted() : [];
  const commit = {
    id,
    tree,
    message,
    timestamp,
    added: names,
    modified: isFirst ? [] : ['cases.json'],
  };
  return {
    cloneUrl: pathToFileURL(folder).href,
    branch: BRANCH,
    before: isFirst ? NO_COMMIT : head,
    commit,
  };
}

/** Somebody may have played with it: a list that cannot be read begins again. */
async function readCases(folder: string): Promise<readonly Case[]> {
  try {
    const read: unknown = JSON.parse(await readFile(join(folder, 'cases.json'), 'utf8'));
    return Array.isArray(read) ? (read as readonly Case[]) : []; // written by this file; the test fails on anything else
  } catch {
    return [];
  }
}
