/**
 * Where Postgres' data lies, and how it comes to be: in the given folder or, where the account Postgres
 * runs as cannot enter that, in a place that it can, which a pointer in the folder remembers. A cluster is
 * made beside its place and moved there when complete, so that a half-made one is never used.
 */
import { execFile } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { chmod, chown, mkdir, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { EmbeddedError } from './embedded-error.ts';
import { ensureFolder, exists, readText, writePrivate } from './folder.ts';
import { isAlive } from './process-table.ts';
import type { Say } from './server-process.ts';
import { type Account, canKeepDataIn, sharedPlace } from './service-account.ts';

export const superuser = 'waybill';

const run = promisify(execFile);

/** The folder that holds `data`: ours, or the one that the pointer names. */
export async function dataFolder(
  dir: string,
  account: Account | undefined,
  say: Say,
): Promise<string> {
  const pointer = join(dir, 'location');
  const remembered = await readText(pointer);
  if (remembered !== undefined) {
    if (await exists(remembered)) return remembered;
    say(`The Postgres data in ${remembered} is gone; a new database is made.`);
  }
  if (await canKeepDataIn(account, dir)) return dir;
  if (await exists(join(dir, 'data', 'PG_VERSION'))) {
    throw new EmbeddedError(
      'home-unusable',
      `The account Postgres runs as can no longer enter ${join(dir, 'data')}. ` +
        'Let others enter every folder above it (chmod o+x).',
    );
  }
  const hash = createHash('sha256').update(dir).digest('hex').slice(0, 16);
  const elsewhere = await ensureFolder(join(await sharedPlace(account), hash), 0o711);
  await writePrivate(pointer, elsewhere);
  say(`Postgres' data is in ${elsewhere}: the account it runs as cannot enter ${dir}.`);
  return elsewhere;
}

export type NewCluster = Readonly<{
  initdb: string;
  account: Account | undefined;
  folder: string;
  dataDir: string;
  password: string;
}>;

export async function createCluster(cluster: NewCluster): Promise<void> {
  const { account, folder, dataDir } = cluster;
  for (const name of await readdir(folder)) {
    if (name.startsWith('data.new-')) await removeLeftover(join(folder, name));
  }
  const fresh = join(folder, `data.new-${randomBytes(6).toString('hex')}`);
  const passwordFile = join(fresh, 'password');
  const data = join(fresh, 'data');
  await mkdir(fresh, { mode: 0o700 });
  await mkdir(data, { mode: 0o700 });
  await writeFile(passwordFile, cluster.password, { mode: 0o600 });
  if (account !== undefined) {
    for (const path of [fresh, data, passwordFile]) await chown(path, account.uid, account.gid);
  }
  try {
    await initdb(cluster, data, passwordFile);
    await rename(data, dataDir);
    await chmod(dataDir, 0o700);
  } finally {
    await rm(fresh, { recursive: true, force: true });
  }
}

/** An initdb that outlived its Waybill may still be writing into it; then it stays until the next time. */
async function removeLeftover(folder: string): Promise<void> {
  await rm(folder, { recursive: true, force: true, maxRetries: 3 }).catch(() => undefined);
}

async function initdb(cluster: NewCluster, data: string, passwordFile: string): Promise<void> {
  const args = ['-D', data, '-U', superuser, '--auth=scram-sha-256', `--pwfile=${passwordFile}`];
  args.push('--encoding=UTF8', '--data-checksums');
  const options = {
    cwd: process.platform === 'win32' ? undefined : '/',
    env: process.platform === 'win32' ? undefined : { PATH: '/usr/bin:/bin', LC_ALL: 'C' },
    ...cluster.account,
  };
  try {
    await run(cluster.initdb, [...args, '--locale=C.UTF-8'], options).catch(() =>
      run(cluster.initdb, [...args, '--locale=C'], options),
    );
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new EmbeddedError('start-failed', `Postgres' initdb failed: ${why}`, { cause });
  }
}

/** After a reboot its pid may belong to anybody, and Postgres then refuses to start. */
export async function removeStalePid(dataDir: string): Promise<void> {
  const file = join(dataDir, 'postmaster.pid');
  const pid = Number((await readText(file))?.split('\n')[0]);
  // The process table has just shown that no server runs on this folder.
  if (Number.isInteger(pid) && isAlive(pid)) await rm(file, { force: true });
}
