/**
 * Archives: tar, gzipped or not. What is unpacked stays in its folder: no absolute path, no way up, no link that leads out, no
 * device, and no more than its bounds. An archive that holds any of it is refused as a whole.
 */
import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import { create, extract, type ReadEntry } from 'tar';

export class ArchiveRefused extends Error {
  override readonly name = 'ArchiveRefused';
}

export type ArchiveLimits = Readonly<{
  bytesMax: number;
  entriesMax: number;
  /** The only names that may stand at the top of it. */
  roots?: readonly string[];
}>;

export const archiveLimits: ArchiveLimits = { bytesMax: 8_589_934_592, entriesMax: 1_000_000 };

const plain: ReadonlySet<string> = new Set([
  'File',
  'OldFile',
  'ContiguousFile',
  'Directory',
  'GNUDumpDir',
]);

/** On refusal some of it may be there already: the folder is of no use then. */
export async function unpack(
  file: string,
  folder: string,
  given: Partial<ArchiveLimits> = {},
): Promise<void> {
  const limits = { ...archiveLimits, ...given };
  await mkdir(folder, { recursive: true });
  let refusal: string | undefined;
  let bytes = 0;
  let entries = 0;
  const judge = (entry: ReadEntry): string | undefined => {
    bytes += entry.size;
    entries += 1;
    if (bytes > limits.bytesMax) return `it holds more than ${limits.bytesMax} bytes`;
    if (entries > limits.entriesMax) return `it holds more than ${limits.entriesMax} entries`;
    if (
      limits.roots &&
      !limits.roots.includes(path.posix.normalize(entry.path).split('/')[0] ?? '')
    )
      return 'something in it does not belong there';
    return problemOf(entry);
  };
  try {
    await extract({
      file,
      cwd: folder,
      strict: true,
      preserveOwner: false,
      // Asked before anything of the entry is written; after the first refusal nothing more is.
      filter: (_path, entry) => {
        if ('type' in entry) refusal ??= judge(entry);
        return refusal === undefined;
      },
    });
  } catch (error) {
    throw new ArchiveRefused(refusal ?? 'it is no archive, or is damaged', { cause: error });
  }
  if (refusal !== undefined) throw new ArchiveRefused(refusal);
}

export async function pack(file: string, folder: string, names: readonly string[]): Promise<void> {
  await create({ file, cwd: folder, gzip: true, portable: true }, [...names]);
}

function problemOf(entry: ReadEntry): string | undefined {
  if (isOutside(entry.path)) return 'a path in it leads out of its folder';
  if (plain.has(entry.type)) return undefined;
  const { linkpath = '' } = entry;
  if (entry.type === 'SymbolicLink')
    return isStraight(linkpath) &&
      !isOutside(path.posix.join(path.posix.dirname(entry.path), linkpath))
      ? undefined
      : 'a link in it leads out of its folder';
  // The target of a hard link counts from the folder, not from the link.
  if (entry.type === 'Link')
    return isOutside(linkpath) ? 'a link in it leads out of its folder' : undefined;
  return 'something in it is no file, folder or link';
}

/** Goes up first and then only down: behind another link, a way up leads from where that link points. */
function isStraight(link: string): boolean {
  const parts = link.split('/');
  const down = parts.findIndex((part) => part !== '..' && part !== '.');
  return !path.posix.isAbsolute(link) && (down === -1 || !parts.slice(down).includes('..'));
}

function isOutside(name: string): boolean {
  const normal = path.posix.normalize(name);
  return name.includes('\0') || path.posix.isAbsolute(normal) || normal.split('/')[0] === '..';
}
