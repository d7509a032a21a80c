/**
 * Signed calls of an S3 service, path-style, and presigned URLs. What is away is an outage; no message repeats a URL, because a
 * presigned one is a secret.
 */
import { type Clock, isOutage, Outage, retry } from '@waybill/process';
import { iso } from '@waybill/protocol';
import { AwsClient } from 'aws4fetch';
import type { S3Settings } from './settings.ts';

export type S3Call = Readonly<{
  method: 'GET' | 'HEAD' | 'PUT' | 'POST' | 'DELETE';
  key: string;
  query?: Readonly<Record<string, string>>;
  headers?: Readonly<Record<string, string>>;
  body?: Uint8Array<ArrayBuffer> | string;
}>;

export type S3Client = Readonly<{
  bucket: string;
  /** Any answer below 500 but 429; its body is the caller's to read or to cancel. */
  send(call: S3Call): Promise<Response>;
  presign(
    method: 'GET' | 'PUT',
    key: string,
    o: Readonly<{ expiresAt: number; query?: Readonly<Record<string, string>> }>,
  ): Promise<string>;
}>;

const answerMs = 30_000;
const retryMs = 10_000;
/** Without a byte of an answer that has begun. */
const stallMs = 60_000;

export function s3Client(settings: S3Settings, clock: Clock): S3Client {
  const { bucket, region, accessKeyId, secretAccessKey } = settings;
  const aws = new AwsClient({ accessKeyId, secretAccessKey, region, service: 's3', retries: 0 });
  const base = `${settings.endpoint.replace(/\/+$/, '')}/${encodeURIComponent(bucket)}/`;
  const urlOf = (key: string, query: Readonly<Record<string, string>> = {}): URL => {
    const url = new URL(base + key);
    for (const [name, value] of Object.entries(query)) url.searchParams.set(name, value);
    return url;
  };
  const signing = () => ({ datetime: datetimeOf(clock.now()) });

  const sendOnce = async ({ method, key, query, headers, body }: S3Call): Promise<Response> => {
    const late = new AbortController();
    const timer = clock.after(answerMs, () => late.abort());
    try {
      const init = { method, ...(headers && { headers }), ...(body !== undefined && { body }) };
      const signed = await aws.sign(urlOf(key, query), { ...init, aws: signing() });
      // Once it has begun to answer, a great object may take its time.
      const answer = await fetch(signed, { signal: late.signal });
      if (answer.status < 500 && answer.status !== 429) return flowing(answer, clock, late);
      await answer.body?.cancel();
      throw new Outage('s3-unavailable', `S3 answers ${method} with ${answer.status}`);
    } catch (error) {
      if (isOutage(error)) throw error;
      throw new Outage('s3-unavailable', `S3 does not answer ${method}: ${reasonOf(error)}`);
    } finally {
      timer.cancel();
    }
  };
  return {
    bucket,
    send: (call) =>
      retry(() => sendOnce(call), { clock, deadlineMs: retryMs, retryable: isOutage }),
    presign: async (method, key, { expiresAt, query }) => {
      const now = clock.now();
      const url = urlOf(key, query);
      const seconds = Math.max(1, Math.floor((expiresAt - now) / 1_000));
      url.searchParams.set('X-Amz-Expires', String(seconds));
      const options = { signQuery: true, datetime: datetimeOf(now) };
      return (await aws.sign(url, { method, aws: options })).url;
    },
  };
}

/** The answer, whose bytes either come or are an outage. Whoever does not ask for them may take its time. */
function flowing(answer: Response, clock: Clock, call: AbortController): Response {
  if (answer.body === null) return answer;
  const body: ReadableStream<Uint8Array> = answer.body;
  const reader = body.getReader();
  const pull = async (controller: ReadableStreamDefaultController): Promise<void> => {
    const timer = clock.after(stallMs, () => call.abort());
    try {
      const next = await reader.read();
      if (next.done) controller.close();
      else controller.enqueue(next.value);
    } catch (error) {
      throw new Outage('s3-unavailable', `S3 does not answer to the end: ${reasonOf(error)}`);
    } finally {
      timer.cancel();
    }
  };
  const cancel = (reason: unknown): Promise<void> => reader.cancel(reason);
  return new Response(new ReadableStream({ pull, cancel }, { highWaterMark: 0 }), answer);
}

/** `20130524T000000Z` */
const datetimeOf = (ms: number): string => (iso(ms) ?? '').replace(/[:-]|\.\d{3}/g, '');

/** The code of the system alone: messages of a client may quote the URL. */
function reasonOf(error: unknown): string {
  const cause = error instanceof Error ? (error.cause ?? error) : error;
  if (cause instanceof Error && 'code' in cause) return String(cause.code);
  return cause instanceof Error ? cause.name : 'no answer';
}

/** What S3 has refused, with its own code; an outage, because only operations can mend it. */
export async function refusalOf(answer: Response, doing: string): Promise<Outage> {
  const text = await answer.text().catch(() => '');
  const code = /<Code>([A-Za-z0-9]{1,64})<\/Code>/.exec(text)?.[1] ?? 'no code';
  return new Outage('s3-refused', `S3 refuses to ${doing}: ${answer.status} ${code}`);
}
