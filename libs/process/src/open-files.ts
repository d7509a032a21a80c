/** How many files and sockets this process may have open at once, and whether it has them all. */
import { readFileSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { devNull } from 'node:os';

/** The soft limit, which Node raises to the hard one as it starts. Undefined where the system does not say, or has none. */
export function openFileLimit(): number | undefined {
  let text: string;
  try {
    text = readFileSync('/proc/self/limits', 'utf8');
  } catch {
    return undefined;
  }
  const soft = /^Max open files\s+(\d+)/m.exec(text)?.[1];
  return soft === undefined ? undefined : Number(soft);
}

/** Asked by opening one more: of connections that it cannot accept, a server is told nothing. */
export async function outOfOpenFiles(): Promise<boolean> {
  try {
    const file = await open(devNull);
    await file.close();
    return false;
  } catch (error) {
    return isFull(error);
  }
}

const isFull = (error: unknown): boolean =>
  error instanceof Error && 'code' in error && (error.code === 'EMFILE' || error.code === 'ENFILE');
