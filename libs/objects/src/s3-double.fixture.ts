/**
 * As much of S3 as Waybill uses, in memory behind real HTTP: it checks every signature, and the hash of every body that is signed.
 * Objects, copies under a condition, and uploads in parts.
 */
import { createHash, randomUUID } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { systemClock } from '@waybill/process';
import type { S3Settings } from './settings.ts';
import { judge } from './sigv4.fixture.ts';

type Stored = Readonly<{ bytes: Buffer; etag: string }>;
type Answer = Readonly<{
  status: number;
  body?: Buffer | string;
  headers?: Record<string, string>;
}>;
type Asked = Readonly<{
  method: string;
  /** `/bucket/key` */
  path: string;
  query: URLSearchParams;
  header: (name: string) => string | undefined;
  body: Buffer;
}>;

export type S3Double = Readonly<{
  settings: S3Settings;
  /** By `/bucket/key`. */
  objects: ReadonlyMap<string, Stored>;
  /** Uploads in parts that are neither completed nor aborted. */
  openUploads(): number;
  /** Every request is refused so from now on; undefined to work again. */
  breakWith(status: number | undefined): void;
  /** Of every object only so many bytes are given, and then nothing more comes. */
  stallAfter(bytes: number): void;
  stop(): Promise<void>;
}>;

export async function startS3Double(now: () => number = systemClock.now): Promise<S3Double> {
  const objects = new Map<string, Stored>();
  const uploads = new Map<string, Map<number, Stored>>();
  const keys = {
    accessKeyId: 'AKIDEXAMPLE',
    secretAccessKey: 'wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY',
    region: 'eu-central-1',
  };
  let broken: number | undefined;
  let givenMax = Number.POSITIVE_INFINITY;

  const respond = async (request: IncomingMessage): Promise<Answer> => {
    const chunks: Buffer[] = [];
    for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk); // no encoding is set
    const body = Buffer.concat(chunks);
    if (broken !== undefined) return refusal(broken, 'InternalError');
    const headers = Object.fromEntries(
      Object.entries(request.headers).map(([name, value]) => [name, String(value)]),
    );
    const { method = '', url = '' } = request;
    const judged = judge({ method, target: url, headers, nowMs: now() }, keys);
    if ('refusal' in judged) return refusal(403, judged.refusal);
    if (judged.payload !== 'UNSIGNED-PAYLOAD' && judged.payload !== hashOf(body, 'sha256'))
      return refusal(400, 'XAmzContentSHA256Mismatch');
    if (method === 'PUT' && headers['content-length'] === undefined)
      return refusal(411, 'MissingContentLength');
    const { pathname, searchParams } = new URL(url, 'http://double');
    const header = (name: string): string | undefined => headers[name];
    return work({ method, path: pathname, query: searchParams, header, body });
  };
  const work = (asked: Asked): Answer => {
    const { method, path, query, body } = asked;
    if (!path.startsWith('/bucket/')) return refusal(404, 'NoSuchBucket');
    const uploadId = query.get('uploadId');
    if (query.has('uploads') && method === 'POST') {
      const id = randomUUID();
      uploads.set(id, new Map());
      return { status: 200, body: `<Result><UploadId>${id}</UploadId></Result>` };
    }
    if (uploadId !== null) return ofParts(asked, uploadId);
    const source = asked.header('x-amz-copy-source');
    if (method === 'PUT' && source !== undefined) return copied(asked, source);
    if (method === 'PUT') return { status: 200, headers: { etag: keep(path, body).etag } };
    if (method === 'DELETE') objects.delete(path);
    if (method === 'DELETE') return { status: 204 };
    const found = objects.get(path);
    if (found === undefined) return refusal(404, 'NoSuchKey');
    const wanted = asked.header('if-match');
    if (wanted !== undefined && wanted !== found.etag) return refusal(412, 'PreconditionFailed');
    return { status: 200, body: found.bytes, headers: { etag: found.etag, ...shownAs(query) } };
  };
  const ofParts = ({ method, path, query, body }: Asked, id: string): Answer => {
    const parts = uploads.get(id);
    if (parts === undefined) return refusal(404, 'NoSuchUpload');
    if (method === 'PUT') {
      const part = storedOf(body);
      parts.set(Number(query.get('partNumber')), part);
      return { status: 200, headers: { etag: part.etag } };
    }
    uploads.delete(id);
    if (method === 'DELETE') return { status: 204 };
    const named = [...body.toString().matchAll(/<PartNumber>(\d+)<\/PartNumber><ETag>([^<]+)</g)];
    const chosen = named.map(([, number, etag]) => {
      const part = parts.get(Number(number));
      return part?.etag === etag ? part?.bytes : undefined;
    });
    const whole = chosen.filter((bytes) => bytes !== undefined);
    if (whole.length === 0 || whole.length < chosen.length) return refusal(400, 'InvalidPart');
    if (whole.slice(0, -1).some((bytes) => bytes.length < 5 * 1024 * 1024))
      return refusal(400, 'EntityTooSmall');
    keep(path, Buffer.concat(whole));
    return { status: 200, body: '<CompleteMultipartUploadResult/>' };
  };
  const copied = ({ path, header }: Asked, source: string): Answer => {
    const found = objects.get(decodeURIComponent(source));
    if (found === undefined) return refusal(404, 'NoSuchKey');
    const wanted = header('x-amz-copy-source-if-match');
    if (wanted !== undefined && wanted !== found.etag) return refusal(412, 'PreconditionFailed');
    keep(path, found.bytes);
    return { status: 200, body: `<CopyObjectResult><ETag>${found.etag}</ETag></CopyObjectResult>` };
  };
  const keep = (path: string, bytes: Buffer): Stored => {
    const stored = storedOf(bytes);
    objects.set(path, stored);
    return stored;
  };

  const server = createServer((request, response) => {
    respond(request).then(
      (answer) => write(response, answer, request.method === 'HEAD' ? 0 : givenMax),
      () => response.destroy(),
    );
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  // A server that listens on a port has this kind of address.
  const { port } = server.address() as AddressInfo;
  return {
    settings: { endpoint: `http://127.0.0.1:${port}`, bucket: 'bucket', ...keys },
    objects,
    openUploads: () => uploads.size,
    breakWith: (status) => {
      broken = status;
    },
    stallAfter: (bytes) => {
      givenMax = bytes;
    },
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

const hashOf = (bytes: Buffer, algorithm: 'md5' | 'sha256'): string =>
  createHash(algorithm).update(bytes).digest('hex');
const storedOf = (bytes: Buffer): Stored => ({ bytes, etag: `"${hashOf(bytes, 'md5')}"` });

const refusal = (status: number, code: string): Answer => ({
  status,
  body: `<Error><Code>${code}</Code></Error>`,
});

function shownAs(query: URLSearchParams): Record<string, string> {
  const disposition = query.get('response-content-disposition');
  const type = query.get('response-content-type');
  return {
    ...(disposition === null ? {} : { 'content-disposition': disposition }),
    ...(type === null ? {} : { 'content-type': type }),
  };
}

function write(response: ServerResponse, answer: Answer, givenMax: number): void {
  const body = Buffer.from(answer.body ?? '');
  response.writeHead(answer.status, { ...answer.headers, 'content-length': body.length });
  if (body.length <= givenMax || givenMax === 0) response.end(givenMax === 0 ? undefined : body);
  else response.write(body.subarray(0, givenMax));
}
