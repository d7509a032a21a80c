/** Log lines into a file of the home, where standard output belongs to a person. It is set aside once it has grown. */
import { mkdirSync, openSync, renameSync, statSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { Writable } from 'node:stream';

export type LogFile = Readonly<{ path: string; stream: Writable; write: (text: string) => void }>;

const SIZE_MAX = 20 * 1024 * 1024;

export function openLogFile(home: string): LogFile {
  const folder = join(home, 'logs');
  const path = join(folder, 'waybill.log');
  mkdirSync(folder, { recursive: true });
  if ((statSync(path, { throwIfNoEntry: false })?.size ?? 0) > SIZE_MAX)
    renameSync(path, `${path}.1`);
  const file = openSync(path, 'a', 0o600);
  const write = (text: string): void => void writeSync(file, text);
  // Written at once: the last lines before a crash are the ones that matter.
  const stream = new Writable({
    decodeStrings: false,
    write: (chunk: unknown, _encoding, done) => {
      write(String(chunk));
      done();
    },
  });
  return { path, stream, write };
}
