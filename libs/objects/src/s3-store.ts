/**
 * Bytes in S3 or a compatible, by presigned URLs that agents use without Waybill in between. Such a URL can write again until it
 * expires, so what was verified is copied, by its version, to a key that no URL names.
 */
import { createHash } from 'node:crypto';
import type { ByteStore, DownloadFor, Stat } from './byte-store.ts';
import { refusalOf, type S3Client } from './s3-client.ts';
import { writeToS3 } from './s3-write.ts';

const isGone = ({ status }: Response): boolean => status === 404 || status === 412;

export function s3Store(s3: S3Client): ByteStore {
  const get = async (key: string, version?: string): Promise<Response | undefined> => {
    const headers = version === undefined ? {} : { 'if-match': version };
    const answer = await s3.send({ method: 'GET', key, headers });
    if (answer.ok) return answer;
    if (!isGone(answer)) throw await refusalOf(answer, 'give an object');
    await answer.body?.cancel();
    return undefined;
  };
  return {
    uploadUrl: (key, { expiresAt }) => s3.presign('PUT', key, { expiresAt }),
    downloadUrl: (key, o) =>
      s3.presign('GET', key, { expiresAt: o.expiresAt, query: dispositionOf(o) }),
    stat: async (key) => {
      const answer = await s3.send({ method: 'HEAD', key });
      if (answer.status === 404) return undefined;
      const size = answer.headers.get('content-length');
      const version = answer.headers.get('etag');
      if (!answer.ok || size === null || version === null)
        throw await refusalOf(answer, 'describe an object');
      return { sizeBytes: Number(size), version };
    },
    sha256: async (key, { version }) => {
      const answer = await get(key, version);
      if (answer === undefined) return undefined;
      const hash = createHash('sha256');
      for await (const chunk of bytesOf(answer)) hash.update(chunk);
      return hash.digest('hex');
    },
    settle: (key, finalKey, stat) => copy(s3, key, finalKey, stat),
    write: (key, body) => writeToS3(s3, key, body),
    read: async (key) => {
      const answer = await get(key);
      return answer === undefined ? undefined : bytesOf(answer);
    },
    delete: async (key) => {
      const answer = await s3.send({ method: 'DELETE', key });
      if (!answer.ok && answer.status !== 404) throw await refusalOf(answer, 'delete an object');
      await answer.body?.cancel();
    },
    // Uploads in parts that a crash has left are for a lifecycle rule of the bucket.
    tidy: () => Promise.resolve(),
  };
}

async function copy(
  s3: S3Client,
  key: string,
  finalKey: string,
  { version }: Stat,
): Promise<string | undefined> {
  const headers = {
    'x-amz-copy-source': `/${s3.bucket}/${key}`,
    ...(version === undefined ? {} : { 'x-amz-copy-source-if-match': version }),
  };
  const answer = await s3.send({ method: 'PUT', key: finalKey, headers });
  if (isGone(answer)) {
    await answer.body?.cancel();
    return undefined;
  }
  // It may say 200 and then, in the body, that it has failed.
  const said = answer.ok ? await answer.clone().text() : '';
  if (!said.includes('<CopyObjectResult')) throw await refusalOf(answer, 'copy an object');
  return finalKey;
}

/** As the api's own URLs have it: shown to nobody as a page. Without blanks, which services read differently in a query. */
const dispositionOf = ({ filename, mediaType }: DownloadFor): Readonly<Record<string, string>> => ({
  'response-content-disposition': contentDisposition(filename),
  'response-content-type': (mediaType ?? 'application/octet-stream').replace(/\s/g, ''),
});

/** A download, with its name where it has one. */
export const contentDisposition = (filename: string | undefined): string =>
  filename === undefined
    ? 'attachment'
    : `attachment;filename*=UTF-8''${encodeURIComponent(filename.toWellFormed()).replace(/['()*]/g, (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`)}`;

/** An answer without a body has none. */
async function* bytesOf({ body }: Response): AsyncGenerator<Uint8Array> {
  const chunks: AsyncIterable<Uint8Array> | null = body;
  if (chunks !== null) yield* chunks;
}
