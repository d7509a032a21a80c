/** A file to which a step appends lines: each is handed on once, while the step still writes and at its end. */
import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs';
import { StringDecoder } from 'node:string_decoder';

export type GrowingFile = Readonly<{
  /** The lines that have been completed since. */
  read(): readonly string[];
  /** And what is left without a line end. */
  end(): readonly string[];
  /** A line that has begun and not ended. */
  readonly open: string;
}>;

/** A pipe in its place must not hold up the runner, and a link must not lead it elsewhere. */
const flags = constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOFOLLOW;
const pieceBytes = 65_536;
/** What a step may say in one file; the rest is not read. */
const fileBytesMax = 16_777_216;

/** Synchronous: what a step has written before it printed has to be known before the print is shown. */
export function growingFile(file: string): GrowingFile {
  const decoder = new StringDecoder('utf8');
  let at = 0;
  let rest = '';

  const lines = (text: string): readonly string[] => {
    const all = (rest + text).split('\n');
    rest = all.pop() ?? '';
    return all.map((line) => (line.endsWith('\r') ? line.slice(0, -1) : line));
  };
  const read = (): readonly string[] => {
    let descriptor: number;
    try {
      descriptor = openSync(file, flags);
    } catch {
      // A step may do with its file what it likes, also remove it.
      return [];
    }
    try {
      const stat = fstatSync(descriptor);
      const size = stat.isFile() ? Math.min(stat.size, fileBytesMax) : 0;
      const texts: string[] = [];
      const piece = Buffer.alloc(Math.min(pieceBytes, Math.max(size - at, 0)));
      while (at < size) {
        const count = readSync(descriptor, piece, 0, Math.min(piece.length, size - at), at);
        if (count === 0) break;
        at += count;
        texts.push(decoder.write(piece.subarray(0, count)));
      }
      return texts.length === 0 ? [] : lines(texts.join(''));
    } catch {
      return [];
    } finally {
      closeSync(descriptor);
    }
  };

  return {
    read,
    get open() {
      return rest;
    },
    end: () => {
      const last = read();
      const open = rest + decoder.end();
      rest = '';
      return open === '' ? last : [...last, open];
    },
  };
}
