/**
 * The account Postgres runs as. It refuses to run as root, so root lends it one; whether that account can
 * really enter a folder is tried with a process of its own, because modes alone do not tell (ACLs, mounts).
 */
import { execFile } from 'node:child_process';
import { chown, lstat, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { EmbeddedError } from './embedded-error.ts';
import { ensureFolder, readText } from './folder.ts';

export type Account = Readonly<{ uid: number; gid: number }>;

const run = promisify(execFile);

/** Undefined: we are not root, and Postgres runs as ourselves. */
export async function serviceAccount(): Promise<Account | undefined> {
  if (process.getuid?.() !== 0) return undefined;
  const users = ((await readText('/etc/passwd')) ?? '').split('\n').map((line) => line.split(':'));
  for (const wanted of ['postgres', 'nobody']) {
    const [, , uid, gid] = users.find(([name]) => name === wanted) ?? [];
    if (uid !== undefined && gid !== undefined) return { uid: Number(uid), gid: Number(gid) };
  }
  throw new EmbeddedError(
    'postgres-unsupported',
    'Postgres does not run as root, and this system has neither a user "postgres" nor "nobody" to run it as. ' +
      'Start Waybill as another user, or set DATABASE_URL.',
  );
}

/** Data that is there already stays with the account that made it. */
export async function ownerOf(folder: string): Promise<Account | undefined> {
  return lstat(folder).then(
    ({ uid, gid }) => (uid === 0 ? undefined : { uid, gid }),
    () => undefined,
  );
}

/** Runs a shell script as the account, with the values as $1, $2, …; true when it ends well. */
export async function canRun(
  account: Account | undefined,
  script: string,
  ...values: readonly string[]
): Promise<boolean> {
  try {
    await run('/bin/sh', ['-c', script, 'probe', ...values], { cwd: '/', env: {}, ...account });
    return true;
  } catch {
    return false;
  }
}

/** Whether a folder inside this one, owned by the account, can be used by it. */
export async function canKeepDataIn(
  account: Account | undefined,
  folder: string,
): Promise<boolean> {
  if (account === undefined) return true;
  const probe = await mkdtemp(join(folder, 'probe-'));
  try {
    await chown(probe, account.uid, account.gid);
    return await canRun(account, 'cd "$1" && : > file && rm file', probe);
  } finally {
    await rm(probe, { recursive: true, force: true });
  }
}

/** A folder of ours that every account can enter, for what the home cannot hold. */
export async function sharedPlace(account: Account | undefined): Promise<string> {
  const uid = process.getuid?.();
  for (const place of ['/var/lib/waybill', join(tmpdir(), `waybill-${uid ?? 'shared'}`)]) {
    try {
      const real = await ensureFolder(place, 0o755);
      const found = await lstat(real);
      // In a folder open to all, somebody else may have been there first.
      if (!found.isDirectory() || found.uid !== uid) continue;
      if (await canKeepDataIn(account, real)) return real;
    } catch {
      // Not writable: the next one.
    }
  }
  throw new EmbeddedError(
    'home-unusable',
    'The account Postgres runs as can enter neither the home, nor /var/lib/waybill, nor the temporary folder. ' +
      'Set WAYBILL_HOME to a folder whose parents others may enter (chmod o+x), or set DATABASE_URL.',
  );
}
