/**
 * Gets one program from the newest Debian or Ubuntu release through an apt root of its own: the mirror is
 * the one this machine's apt is configured with, signatures are checked by apt as always, nothing is
 * installed and nothing outside the given folder is written. Needs no root.
 */
import { execFile } from 'node:child_process';
import { chmod, mkdir, mkdtemp, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { exists } from './folder.ts';
import type { Say } from './server-process.ts';

export type DebianProgram = Readonly<{
  package: string;
  /** Where the package has the program. */
  path: string;
  into: string;
  isGood(program: string): Promise<boolean>;
  say: Say;
}>;

type Archive = Readonly<{
  label: string;
  component: string;
  suites: readonly string[];
  keyring: string;
}>;
type Source = Readonly<{ uri: string; archive: Archive }>;

const archives: readonly Archive[] = [
  {
    label: 'Debian',
    component: 'main',
    suites: ['testing', 'unstable'],
    keyring: '/usr/share/keyrings/debian-archive-keyring.gpg',
  },
  {
    label: 'Ubuntu',
    component: 'universe',
    suites: ['devel'],
    keyring: '/usr/share/keyrings/ubuntu-archive-keyring.gpg',
  },
];

const run = promisify(execFile);
const withinMs = 300_000;
const unreachable = /could not (connect|resolve|handshake)|timed out|temporary failure/i;

/** The program's path. Throws with the reason when this machine's apt has no good one. */
export async function obtainFromDebian(wanted: DebianProgram): Promise<string> {
  const sources = await configuredSources();
  if (sources.length === 0) throw new Error("apt's sources name no Debian or Ubuntu archive");
  let reason: unknown;
  for (const { uri, archive } of sources) {
    for (const suite of archive.suites) {
      try {
        return await obtainFrom(wanted, { uri, archive }, suite);
      } catch (error) {
        reason = error;
        if (unreachable.test(String(error))) break; // another suite lies on the same mirror
      }
    }
  }
  throw reason;
}

async function obtainFrom(wanted: DebianProgram, source: Source, suite: string): Promise<string> {
  const { label, component, keyring } = source.archive;
  const root = await mkdtemp(join(wanted.into, '.apt-'));
  try {
    await mkdir(join(root, 'lists', 'partial'), { recursive: true });
    await mkdir(join(root, 'cache', 'archives', 'partial'), { recursive: true });
    const signed = (await exists(keyring)) ? `Signed-By: ${keyring}\n` : '';
    await writeFile(
      join(root, 'one.sources'),
      `Types: deb\nURIs: ${source.uri}\nSuites: ${suite}\nComponents: ${component}\n${signed}`,
    );
    const options = aptOptions(root);
    wanted.say(`Reading the package list of ${label} ${suite} (about 10 MB) …`);
    await apt(root, [...options, 'update']);
    wanted.say(`Downloading ${wanted.package} (about 5 MB) …`);
    await apt(root, [...options, 'download', wanted.package]);
    const deb = (await readdir(root)).find((name) => name.endsWith('.deb'));
    if (deb === undefined) throw new Error('apt-get download left no package behind');
    await run('dpkg-deb', ['-x', join(root, deb), join(root, 'tree')], { timeout: withinMs });
    const fresh = join(root, 'tree', wanted.path);
    if (!(await wanted.isGood(fresh))) {
      throw new Error(`${label} ${suite} has only ${deb.replace(/_[^_]*\.deb$/, '')}`);
    }
    const program = join(wanted.into, wanted.package);
    await chmod(fresh, 0o755);
    // In one step: another process may be doing the same, or be running what is there.
    await rename(fresh, program);
    return program;
  } finally {
    await rm(root, { recursive: true, force: true });
  }
}

/** The archives that apt is configured with, found by their label where apt has read it, else by trying. */
async function configuredSources(): Promise<readonly Source[]> {
  const format = '$(REPO_URI)|$(LABEL)|$(COMPONENT)';
  const targets = await apt('/', ['indextargets', '--format', format, 'Created-By: Packages']);
  const labelled = targets.split('\n').flatMap((line) => {
    const [uri, label, component] = line.split('|');
    return archives
      .filter((archive) => archive.label === label && archive.component === component)
      .flatMap((archive) => (uri === undefined ? [] : [{ uri, archive }]));
  });
  if (labelled.length > 0) return unique(labelled);
  // Without one earlier update apt knows no labels, but it still tells what it would read.
  const planned = await apt('/', ['update', '--print-uris']);
  const uris = [...planned.matchAll(/^'(.+?\/)dists\/[^']*InRelease'/gm)].map(([, uri]) => uri);
  const present: Archive[] = [];
  for (const archive of archives) if (await exists(archive.keyring)) present.push(archive);
  return unique(
    uris
      .filter((uri) => uri !== undefined)
      .filter((uri) => !uri.includes('security'))
      .flatMap((uri) => present.map((archive) => ({ uri, archive }))),
  );
}

function unique(sources: readonly Source[]): readonly Source[] {
  return [...new Map(sources.map((one) => [`${one.uri} ${one.archive.label}`, one])).values()];
}

function aptOptions(root: string): readonly string[] {
  return [
    `Dir::State::lists=${join(root, 'lists')}`,
    `Dir::Cache=${join(root, 'cache')}`,
    `Dir::Etc::sourcelist=${join(root, 'one.sources')}`,
    'Dir::Etc::sourceparts=-',
    'APT::Sandbox::User=root',
    'Acquire::Languages=none',
    'Acquire::Retries=1',
    'Acquire::http::Timeout=20',
  ].flatMap((option) => ['-o', option]);
}

async function apt(cwd: string, args: readonly string[]): Promise<string> {
  const { stdout, stderr } = await run('apt-get', ['-q', ...args], {
    cwd,
    timeout: withinMs,
    maxBuffer: 64 * 1024 * 1024,
  });
  // An update that could not reach its archive ends well, with a warning.
  const failure = /^(?:E|Err|W: Failed to fetch|W: Some index files).*$/m.exec(stderr)?.[0];
  if (failure !== undefined) throw new Error(failure);
  return stdout;
}
