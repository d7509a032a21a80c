/** Bytes on their way to a presigned URL: streamed from a file, hashed, bounded in time, and never to another address. */
import { createHash } from 'node:crypto';
import { createReadStream, openAsBlob } from 'node:fs';
import { stat } from 'node:fs/promises';
import { pipeline } from 'node:stream/promises';
import type { Clock } from '@waybill/process';
import { RequestFailed } from './request-desk.ts';

/** What is uploaded: a file, or bytes that are in memory already. */
export type Body = Readonly<{ file: string }> | Readonly<{ bytes: Uint8Array }>;
export type Measured = Readonly<{ sha256: string; sizeBytes: number }>;

export type Uploader = Readonly<{
  /** Fails with `RequestFailed` `unsupported` where the URL is empty: there is no storage. */
  put(url: string, body: Body): Promise<void>;
}>;

const loopback = /^(?:localhost|127(?:\.\d+){3}|\[::1\]|0\.0\.0\.0)$/;

/** Storage that calls itself this machine is on the server's: its port is kept. */
export function reachableUrl(url: string, serverUrl: string): string {
  if (!URL.canParse(url) || !URL.canParse(serverUrl)) return url;
  const parsed = new URL(url);
  if (!loopback.test(parsed.hostname)) return url;
  parsed.hostname = new URL(serverUrl).hostname;
  return parsed.href;
}

export async function measure(body: Body): Promise<Measured> {
  const hash = createHash('sha256');
  if ('bytes' in body)
    return { sha256: hash.update(body.bytes).digest('hex'), sizeBytes: body.bytes.byteLength };
  const { size } = await stat(body.file);
  await pipeline(createReadStream(body.file), hash);
  return { sha256: hash.digest('hex'), sizeBytes: size };
}

export function createUploader(
  o: Readonly<{ clock: Clock; serverUrl: string; withinMs: number; signal: AbortSignal }>,
): Uploader {
  return {
    put: async (url, body) => {
      if (url === '') throw new RequestFailed('unsupported', 'the server has no storage for this');
      const late = new AbortController();
      const timer = o.clock.after(o.withinMs, () =>
        late.abort(new RequestFailed('no-answer', `an upload took longer than ${o.withinMs} ms`)),
      );
      const signals = o.signal.aborted ? [late.signal] : [late.signal, o.signal];
      try {
        // Of a known length: storage takes no other body at a presigned address.
        const content =
          'file' in body ? await openAsBlob(body.file) : new Blob([copyOf(body.bytes)]);
        const response = await fetch(reachableUrl(url, o.serverUrl), {
          method: 'PUT',
          body: content,
          redirect: 'error',
          signal: AbortSignal.any(signals),
        });
        await response.body?.cancel();
        if (response.ok) return;
        throw new RequestFailed('refused', `the storage answered ${response.status}`);
      } catch (error) {
        if (error instanceof RequestFailed) throw error;
        if (late.signal.aborted) throw late.signal.reason;
        if (o.signal.aborted) throw o.signal.reason;
        // Its cause may name the address, which is a secret.
        throw new RequestFailed('refused', 'the storage could not be reached, or broke off');
      } finally {
        timer.cancel();
      }
    },
  };
}

const copyOf = (bytes: Uint8Array): Uint8Array<ArrayBuffer> => new Uint8Array(bytes);
