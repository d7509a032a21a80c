/**
 * Parts of any size packed into chunks of one size, and unpacked again exactly as they were: before each part stands its
 * length in four bytes. Neither direction holds more than one chunk, or one part where that is greater.
 */
const prefixBytes = 4;
/** What a length in four bytes can say; no part comes near it. */
const partBytesMax = 0xff_ff_ff_ff;

export async function* packed(
  parts: Iterable<Uint8Array> | AsyncIterable<Uint8Array>,
  chunkBytes: number,
): AsyncGenerator<Uint8Array> {
  let chunk = Buffer.allocUnsafeSlow(chunkBytes);
  let filled = 0;
  for await (const part of parts) {
    for (const piece of [lengthOf(part), part]) {
      for (let taken = 0; taken < piece.length; ) {
        const end = Math.min(piece.length, taken + chunkBytes - filled);
        chunk.set(piece.subarray(taken, end), filled);
        filled += end - taken;
        taken = end;
        if (filled < chunkBytes) continue;
        yield chunk;
        // Whoever took the last one may still hold it.
        chunk = Buffer.allocUnsafeSlow(chunkBytes);
        filled = 0;
      }
    }
  }
  if (filled > 0) yield chunk.subarray(0, filled);
}

function lengthOf(part: Uint8Array): Uint8Array {
  if (part.length > partBytesMax) throw new RangeError('a part of a snapshot is over 4 GiB');
  const bytes = Buffer.alloc(prefixBytes);
  bytes.writeUInt32BE(part.length);
  return bytes;
}

/** `chunks` is emptied on the way; `rest` is awaited after each. Throws for what `packed` has not made. */
export async function* unpacked(
  chunks: Uint8Array[],
  rest: () => Promise<void>,
): AsyncGenerator<Uint8Array> {
  let left: Uint8Array = Buffer.alloc(0);
  const first = (bytes: number): Uint8Array => {
    const taken = left.subarray(0, bytes);
    left = left.subarray(bytes);
    return taken;
  };
  const next = (): boolean => {
    const chunk = chunks.shift();
    left = chunk ?? left;
    return chunk !== undefined;
  };
  const read = (bytes: number): Uint8Array => {
    if (left.length >= bytes) return first(bytes);
    const whole = Buffer.allocUnsafe(bytes);
    for (let filled = 0; filled < bytes; ) {
      if (left.length === 0 && !next()) throw new RangeError('a snapshot ends within a part');
      const piece = first(bytes - filled);
      whole.set(piece, filled);
      filled += piece.length;
    }
    return whole;
  };
  for (;;) {
    if (left.length === 0) {
      if (!next()) return;
      await rest();
    }
    const prefix = read(prefixBytes);
    yield read(Buffer.from(prefix.buffer, prefix.byteOffset, prefixBytes).readUInt32BE());
  }
}
