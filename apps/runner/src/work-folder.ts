/**
 * Where jobs work. Every runner process has a folder of its own that is named for the process, every attempt a fresh
 * one in it. What a dead runner left is removed by the next one that starts.
 */
import { chmod, lstat, mkdir, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { isAlive, type Logger, Outage, processKey } from '@waybill/process';

export type Workspace = Readonly<{
  /** Where steps begin; empty but for the checkout. */
  work: string;
  home: string;
  tmp: string;
  /** Files between the runner and its steps. */
  files: string;
  remove(): Promise<void>;
}>;

export type WorkFolder = Readonly<{
  path: string;
  create(): Promise<Workspace>;
  remove(): Promise<void>;
}>;

const owner = process.getuid?.() ?? 0;

/** The same for all runners of one user on one host, so that each may clean up after the others. */
export const defaultRoot = (): string => path.join(tmpdir(), `waybill-runner-${owner}`);

const keyPattern = /^\d+-\d+$/;

export async function openWorkFolder(root: string, log: Logger): Promise<WorkFolder> {
  await claim(root);
  for (const name of await readdir(root)) {
    if (!keyPattern.test(name) || isAlive(name)) continue;
    log.info({ folder: name }, 'removing what a dead runner left');
    await removeTree(path.join(root, name), log);
  }
  const own = path.join(root, processKey(process.pid));
  await mkdir(own, { recursive: true, mode: 0o700 });
  let count = 0;

  return {
    path: own,
    create: async () => {
      // Short, because sockets in the temporary folder of a step have little room for their path.
      const base = path.join(own, `${++count}`);
      const [work, home, tmp, files] = ['work', 'home', 'tmp', 'files'].map((name) =>
        path.join(base, name),
      ) as [string, string, string, string]; // four names make four paths
      for (const folder of [work, home, tmp, files]) {
        await mkdir(folder, { recursive: true, mode: 0o700 });
      }
      return { work, home, tmp, files, remove: () => removeTree(base, log) };
    },
    remove: () => removeTree(own, log),
  };
}

/** In a folder that everybody may write to, somebody else may have been there first. */
async function claim(root: string): Promise<void> {
  await mkdir(root, { recursive: true, mode: 0o700 });
  const stat = await lstat(root);
  if (stat.isDirectory() && (process.getuid === undefined || stat.uid === owner)) return;
  throw new Outage('runner-folder', `${root} belongs to somebody else: set WAYBILL_RUNNER_DIR`);
}

async function removeTree(folder: string, log: Logger): Promise<void> {
  const options = { recursive: true, force: true, maxRetries: 3 } as const;
  try {
    await rm(folder, options);
  } catch {
    try {
      // Caches of some tools take the right to write from their folders.
      await makeWritable(folder);
      await rm(folder, options);
    } catch (error) {
      log.warn({ err: error, folder }, 'could not be removed');
    }
  }
}

async function makeWritable(folder: string): Promise<void> {
  await chmod(folder, 0o700);
  for (const entry of await readdir(folder, { withFileTypes: true })) {
    if (entry.isDirectory()) await makeWritable(path.join(folder, entry.name));
  }
}
