/** A download as a file: written beside its name first, so that what has the name is whole. */
import { createWriteStream } from 'node:fs';
import { rename, rm } from 'node:fs/promises';
import path from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { CliError, exits, usageError } from './cli-error.ts';
import type { Terminal } from './terminal.ts';

/** Resolves with the size in bytes. */
export async function writeDownload(
  response: Response,
  name: string,
  { cwd }: Pick<Terminal, 'cwd'>,
): Promise<number> {
  const file = path.resolve(cwd, name);
  const fresh = `${file}.part`;
  let bytes = 0;
  const counted = async function* (body: AsyncIterable<Uint8Array>) {
    for await (const chunk of body) {
      bytes += chunk.length;
      yield chunk;
    }
  };
  try {
    const body = response.body === null ? Readable.from([]) : Readable.fromWeb(response.body);
    await pipeline(body, counted, createWriteStream(fresh));
    await rename(fresh, file);
    return bytes;
  } catch (error) {
    await rm(fresh, { force: true });
    const code = error instanceof Error && 'code' in error ? String(error.code) : '';
    if (/^E(?:ACCES|ISDIR|NOENT|NOTDIR|PERM|ROFS)$/.test(code))
      throw usageError(`${name} cannot be written (${code})`);
    throw new CliError(exits.failure, `${name} did not arrive as a whole`, { cause: error });
  }
}
