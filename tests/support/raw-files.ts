/** What lies on disk under a folder, past every server that owns it: pages, write-ahead logs, message blocks, log files. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { disguises } from './secret-invariants.ts';

/** The files that have the text in them, plain or in a disguise. */
export function filesWith(folder: string, text: string): readonly string[] {
  const needles = disguises(text).map((disguise) => Buffer.from(disguise));
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .filter((file) => {
      const bytes = contentOf(file);
      return needles.some((needle) => bytes.includes(needle));
    });
}

/** A server that still runs may take one away. */
function contentOf(file: string): Buffer {
  try {
    return readFileSync(file);
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT')
      return Buffer.alloc(0);
    throw error;
  }
}
