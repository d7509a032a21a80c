/** What a person hands to a command: the value itself, a file behind `@`, or standard input. */
import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { usageError } from './cli-error.ts';
import type { Terminal } from './terminal.ts';

/** `-` is standard input. */
export async function readInput(name: string, terminal: Terminal): Promise<string> {
  if (name === '-') {
    const pieces: Buffer[] = [];
    for await (const piece of terminal.stdin()) pieces.push(Buffer.from(piece));
    return Buffer.concat(pieces).toString('utf8');
  }
  try {
    return await readFile(resolve(terminal.cwd, name), 'utf8');
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : 'unknown error';
    throw usageError(`${name} cannot be read (${code})`);
  }
}

/** JSON text, checked here so that a mistake costs no request; what is sent is the text as it came. */
export function checkedJson(text: string, what: string): string {
  try {
    JSON.parse(text);
    return text;
  } catch (error) {
    const place =
      error instanceof Error
        ? /at position \d+(?: \(line \d+ column \d+\))?/.exec(error.message)?.[0]
        : undefined;
    throw usageError(`${what} is not JSON${place === undefined ? '' : ` ${place}`}`);
  }
}
