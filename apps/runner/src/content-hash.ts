/**
 * The hash of a tree of files, whatever tool or clock made it: SHA-256 over one line `<path>\0<hash>` for each file, sorted by
 * the bytes of the path. A link counts as where it points; times, owners, empty folders and `.git` do not count.
 */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { glob, readdir, readlink } from 'node:fs/promises';
import path from 'node:path';
import { pipeline } from 'node:stream/promises';

export async function contentHash(folder: string): Promise<string> {
  return hashOf(folder, await filesIn(folder, ''));
}

/** Of the files that any of the patterns names, relative to the folder; empty where there is none. */
export async function hashFiles(folder: string, patterns: readonly string[]): Promise<string> {
  const found = new Set<string>();
  for (const pattern of patterns) {
    const exclude = (name: string): boolean => name === '.git' || name === 'node_modules';
    for await (const entry of glob(pattern, {
      cwd: folder,
      withFileTypes: true,
      exclude: ({ name }) => exclude(name),
    })) {
      const relative = path.relative(folder, path.join(entry.parentPath, entry.name));
      if (entry.isFile() && !relative.startsWith('..')) found.add(relative);
    }
  }
  if (found.size === 0) return '';
  return hashOf(
    folder,
    [...found].map((file) => ({ file, isLink: false })),
  );
}

type Entry = Readonly<{ file: string; isLink: boolean }>;

async function filesIn(folder: string, below: string): Promise<readonly Entry[]> {
  const found: Entry[] = [];
  for (const entry of await readdir(path.join(folder, below), { withFileTypes: true })) {
    const file = below === '' ? entry.name : `${below}/${entry.name}`;
    if (file === '.git') continue;
    if (entry.isDirectory()) found.push(...(await filesIn(folder, file)));
    else found.push({ file, isLink: entry.isSymbolicLink() });
  }
  return found;
}

async function hashOf(folder: string, entries: readonly Entry[]): Promise<string> {
  const whole = createHash('sha256');
  const sorted = [...entries].sort((a, b) =>
    Buffer.compare(Buffer.from(a.file), Buffer.from(b.file)),
  );
  for (const { file, isLink } of sorted) {
    const own = createHash('sha256');
    if (isLink) own.update(`link:${await readlink(path.join(folder, file))}`);
    else await pipeline(createReadStream(path.join(folder, file)), own);
    whole.update(`${file}\0${own.digest('hex')}\n`);
  }
  return whole.digest('hex');
}
