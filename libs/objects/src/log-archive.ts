/**
 * The log of a finished run as one object: its chunks in the order of the log, one JSON text a line, gzipped. Read again it gives
 * exactly what was put in, so that nobody has to notice where a log lies.
 */
import { type Duplex, pipeline, Readable } from 'node:stream';
import { createGunzip, createGzip } from 'node:zlib';
import type { LogView } from '@waybill/protocol';
import type { ObjectName } from './object.ts';

export const logArchiveType = 'application/x-ndjson+gzip';

export const logArchiveName = (org: string, runId: string): ObjectName => ({
  org,
  kind: 'log',
  scope: 'run',
  name: runId,
});

export function archived(chunks: AsyncIterable<LogView>): AsyncIterable<Uint8Array> {
  const lines = async function* (): AsyncGenerator<string> {
    for await (const chunk of chunks) yield `${JSON.stringify(chunk)}\n`;
  };
  return through(lines(), createGzip());
}

/** Throws for bytes that `archived` has not made. */
export async function* unarchived(bytes: AsyncIterable<Uint8Array>): AsyncGenerator<LogView> {
  const decoder = new TextDecoder();
  let rest = '';
  for await (const piece of through(bytes, createGunzip())) {
    const lines = (rest + decoder.decode(piece, { stream: true })).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) yield readLine(line);
  }
  if (rest !== '') throw new RangeError('an archived log ends within a line');
}

/** Whoever reads the end of it also meets what went wrong at its beginning. */
function through(
  source: AsyncIterable<string | Uint8Array>,
  by: Duplex,
): AsyncIterable<Uint8Array> {
  pipeline(Readable.from(source, { objectMode: false }), by, () => undefined);
  return by;
}

// Written by `archived`, and kept behind a digest.
const readLine = (line: string): LogView => JSON.parse(line) as LogView;
