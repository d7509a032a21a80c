/**
 * Folders and small files as this library needs them: parents get the mode they are asked for whatever
 * the umask says, folders that were there before are never changed, and a file is replaced in one step.
 */
import { randomUUID } from 'node:crypto';
import { chmod, lstat, mkdir, readFile, realpath, rename, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';

/** Root's data is entered by the account Postgres runs as, hence the search bit for others. */
export const folderMode = process.getuid?.() === 0 ? 0o711 : 0o700;

/** Its real path: a folder must have one name only, because our servers are found by it. */
export async function ensureFolder(path: string, mode: number = folderMode): Promise<string> {
  await makeFolder(path, mode);
  return realpath(path);
}

async function makeFolder(path: string, mode: number): Promise<void> {
  if (await exists(path)) return;
  const parent = dirname(path);
  if (parent !== path) await makeFolder(parent, mode);
  try {
    await mkdir(path);
  } catch (error) {
    if (errorCode(error) === 'EEXIST') return;
    throw error;
  }
  await chmod(path, mode);
}

/** The file's trimmed text, or undefined when there is no such file or it is empty. */
export async function readText(file: string): Promise<string | undefined> {
  try {
    const text = (await readFile(file, 'utf8')).trim();
    return text === '' ? undefined : text;
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return undefined;
    throw error;
  }
}

export async function writePrivate(file: string, text: string): Promise<void> {
  const fresh = `${file}.${randomUUID()}`;
  await writeFile(fresh, text, { mode: 0o600, flag: 'wx', flush: true });
  await rename(fresh, file);
}

export async function exists(path: string): Promise<boolean> {
  try {
    await lstat(path);
    return true;
  } catch {
    return false;
  }
}

export function errorCode(error: unknown): string | undefined {
  if (!(error instanceof Error) || !('code' in error)) return undefined;
  return typeof error.code === 'string' ? error.code : undefined;
}
