/**
 * Bytes of a stream as lines. A character that arrives in two pieces stays whole; a line without an end is cut at a
 * bound, and never inside a secret. Secrets are hidden before anything leaves.
 */
import type { SecretMask } from './secret-mask.ts';

export type LineSplitter = Readonly<{
  write(bytes: Uint8Array): void;
  /** Gives out what is left without a line end. */
  end(): void;
}>;

const openLineCharsMax = 1_048_576;

export function createLineSplitter(
  o: Readonly<{
    mask: SecretMask;
    onLines: (lines: readonly string[]) => void;
    lineCharsMax?: number;
  }>,
): LineSplitter {
  const decoder = new TextDecoder('utf-8');
  const limit = o.lineCharsMax ?? openLineCharsMax;
  let rest = '';

  const take = (text: string): void => {
    o.mask.refresh();
    const lines = (rest + text).split('\n');
    rest = lines.pop() ?? '';
    const done = lines.map((line) => o.mask.hide(line.endsWith('\r') ? line.slice(0, -1) : line));
    while (rest.length > limit + o.mask.charsMax) {
      // A secret that begins before the cut is here as a whole, because it is not longer than what is kept back.
      const at = o.mask.cut(rest, limit) || limit;
      done.push(o.mask.hide(rest.slice(0, at)));
      rest = rest.slice(at);
    }
    if (done.length > 0) o.onLines(done);
  };

  return {
    write: (bytes) => take(decoder.decode(bytes, { stream: true })),
    end: () => {
      take(decoder.decode());
      if (rest !== '') o.onLines([o.mask.hide(rest)]);
      rest = '';
    },
  };
}
