/** A file from a presigned URL: streamed to the disk, hashed on the way, bounded in size and time. The URL is never shown. */
import { createHash } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { rm } from 'node:fs/promises';
import { Readable, Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';

export class DownloadFailed extends Error {
  override readonly name = 'DownloadFailed';
}

export type Download = Readonly<{
  url: string;
  file: string;
  /** Lower-case hex or not; without one nothing is compared. */
  sha256?: string | undefined;
  bytesMax: number;
  signal: AbortSignal;
}>;

/** Leaves nothing behind when it fails. */
export async function download(o: Download): Promise<void> {
  try {
    const sha256 = await fetchTo(o);
    if (o.sha256 !== undefined && o.sha256.toLowerCase() !== sha256)
      throw new DownloadFailed(`its SHA-256 is ${sha256}, not ${o.sha256}`);
  } catch (error) {
    await rm(o.file, { force: true });
    if (o.signal.aborted) throw o.signal.reason;
    if (error instanceof DownloadFailed) throw error;
    // The message or cause of any other may name the address, which is a secret.
    throw new DownloadFailed('the storage could not be reached, or broke off');
  }
}

async function fetchTo({ url, file, bytesMax, signal }: Download): Promise<string> {
  const response = await fetch(url, { signal });
  if (!response.ok || response.body === null) {
    await response.body?.cancel();
    throw new DownloadFailed(`the storage answered ${response.status}`);
  }
  const hash = createHash('sha256');
  let bytes = 0;
  const watch = new Transform({
    transform: (chunk: Buffer, _encoding, done) => {
      bytes += chunk.byteLength;
      if (bytes > bytesMax) return done(new DownloadFailed(`it has more than ${bytesMax} bytes`));
      hash.update(chunk);
      done(null, chunk);
    },
  });
  const target = createWriteStream(file, { mode: 0o600 });
  await pipeline(Readable.fromWeb(response.body), watch, target, { signal });
  return hash.digest('hex');
}
