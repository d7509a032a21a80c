/**
 * Bytes of unknown number into S3, in parts: no more than one part is held at a time. What breaks off leaves nothing that could
 * be read.
 */
import { createHash } from 'node:crypto';
import type { Written } from './byte-store.ts';
import { refusalOf, type S3Client } from './s3-client.ts';

/** S3 takes 10,000 parts, and none but the last below 5 MiB. */
const partBytes = 8 * 1024 * 1024;

type Parts = { id: string | undefined; readonly etags: string[] };

export async function writeToS3(
  s3: S3Client,
  key: string,
  body: AsyncIterable<Uint8Array>,
): Promise<Written> {
  const hash = createHash('sha256');
  const upload: Parts = { id: undefined, etags: [] };
  let sizeBytes = 0;
  try {
    for await (const part of inParts(body)) {
      hash.update(part.bytes);
      sizeBytes += part.bytes.length;
      if (part.isLast && upload.id === undefined) await putWhole(s3, key, part.bytes);
      else await putPart(s3, key, upload, part.bytes);
    }
    if (upload.id !== undefined) await complete(s3, key, upload);
  } catch (error) {
    await abort(s3, key, upload).catch(() => undefined);
    throw error;
  }
  return { sizeBytes, sha256: hash.digest('hex') };
}

type Part = Readonly<{ bytes: Buffer<ArrayBuffer>; isLast: boolean }>;

/** At least one, and exactly one that is the last. */
async function* inParts(body: AsyncIterable<Uint8Array>): AsyncGenerator<Part> {
  let waiting: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of body) {
    // What comes after a full part decides whether it is the last one.
    if (bytes >= partBytes) {
      yield { bytes: Buffer.concat(waiting), isLast: false };
      waiting = [];
      bytes = 0;
    }
    waiting.push(chunk);
    bytes += chunk.length;
  }
  yield { bytes: Buffer.concat(waiting), isLast: true };
}

const hashed = (bytes: Uint8Array): Readonly<Record<string, string>> => ({
  'x-amz-content-sha256': createHash('sha256').update(bytes).digest('hex'),
});

async function putWhole(s3: S3Client, key: string, body: Uint8Array<ArrayBuffer>): Promise<void> {
  const answer = await s3.send({ method: 'PUT', key, headers: hashed(body), body });
  if (!answer.ok) throw await refusalOf(answer, 'take an object');
  await answer.body?.cancel();
}

async function putPart(
  s3: S3Client,
  key: string,
  upload: Parts,
  body: Uint8Array<ArrayBuffer>,
): Promise<void> {
  upload.id ??= await begin(s3, key);
  const query = { partNumber: String(upload.etags.length + 1), uploadId: upload.id };
  const answer = await s3.send({ method: 'PUT', key, query, headers: hashed(body), body });
  const etag = answer.headers.get('etag');
  if (!answer.ok || etag === null) throw await refusalOf(answer, 'take a part');
  await answer.body?.cancel();
  upload.etags.push(etag);
}

async function begin(s3: S3Client, key: string): Promise<string> {
  const answer = await s3.send({ method: 'POST', key, query: { uploads: '' } });
  if (!answer.ok) throw await refusalOf(answer, 'begin an upload');
  const id = /<UploadId>([^<]{1,1024})<\/UploadId>/.exec(await answer.text())?.[1];
  if (id === undefined) throw await refusalOf(answer, 'begin an upload');
  return id;
}

async function complete(s3: S3Client, key: string, { id = '', etags }: Parts): Promise<void> {
  const parts = etags.map(
    (etag, n) => `<Part><PartNumber>${n + 1}</PartNumber><ETag>${etag}</ETag></Part>`,
  );
  const body = `<CompleteMultipartUpload>${parts.join('')}</CompleteMultipartUpload>`;
  const answer = await s3.send({ method: 'POST', key, query: { uploadId: id }, body });
  // It may say 200 and then, in the body, that it has failed.
  const said = answer.ok ? await answer.clone().text() : '';
  if (!said.includes('<CompleteMultipartUploadResult'))
    throw await refusalOf(answer, 'complete an upload');
}

async function abort(s3: S3Client, key: string, { id }: Parts): Promise<void> {
  if (id === undefined) return;
  const answer = await s3.send({ method: 'DELETE', key, query: { uploadId: id } });
  await answer.body?.cancel();
}
