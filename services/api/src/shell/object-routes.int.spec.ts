import { createHash, randomBytes } from 'node:crypto';
import { connect } from 'node:net';
import {
  type ObjectEntry,
  type ObjectName,
  type Objects,
  type Owner,
  objectLimits,
  openObjects,
  urlSigner,
} from '@waybill/objects';
import { eventually } from '@waybill/process/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { limits } from '../domain/limits.ts';
import { answered, ORG, type RunningApi, startApi } from './running-api.fixture.ts';

const owner: Owner = { runId: 'run-0', jobId: 'run-0-1', attempt: 1, fence: 3 };
const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

describe('a signed URL of an object', () => {
  let api: RunningApi;
  let objects: Objects;
  beforeAll(async () => {
    api = await startApi({ limits: { uploadStallMs: 500, discardMs: 1_000 } });
    objects = await opened();
  });
  afterAll(async () => {
    await objects?.close();
    await api?.stop();
  });
  const opened = (): Promise<Objects> =>
    openObjects({
      journal: api.journal,
      ring: api.ring,
      publicUrl: api.url,
      settings: {},
      ...api.host,
    });

  let count = 0;
  const fresh = (): ObjectName => ({
    org: ORG,
    kind: 'artifact',
    scope: '{"run":"run-0"}',
    name: `report-${++count}`,
  });
  const begun = async (name: ObjectName, bytesMax?: number): Promise<string> => {
    const upload = await objects.beginUpload(name, owner, { bytesMax });
    if ('refusal' in upload) throw new Error(upload.refusal);
    return upload.url;
  };
  const put = (url: string, body: Uint8Array<ArrayBuffer>): Promise<Response> =>
    fetch(url, { method: 'PUT', body });
  const stored = async (bytes: Uint8Array<ArrayBuffer>): Promise<ObjectEntry> => {
    const name = fresh();
    expect((await put(await begun(name), bytes)).status).toBe(200);
    const said = { mediaType: 'text/html; charset=utf-8' };
    const entry = await objects.commit(name, owner, said);
    if ('refusal' in entry) throw new Error(entry.refusal);
    return entry;
  };
  /** Speaks HTTP by hand: what is sent, and then whatever comes until the line is closed. */
  const raw = (
    url: string,
    head: readonly string[],
    body: Uint8Array,
  ): ReturnType<typeof connect> => {
    const { hostname, port, pathname } = new URL(url);
    const socket = connect(Number(port), hostname);
    socket.on('error', () => undefined);
    socket.write(
      [`PUT ${pathname} HTTP/1.1`, `host: ${hostname}:${port}`, ...head, '', ''].join('\r\n'),
    );
    socket.write(body);
    return socket;
  };

  it('takes bytes without any key, and gives them once, as a download', async () => {
    const bytes = randomBytes(3_000_000);
    const entry = await stored(bytes);
    const url = await objects.downloadUrl(entry, { filename: 'report.html' });
    expect(url.startsWith(`${api.url}/v1/objects/`)).toBe(true);
    for (let looks = 0; looks < 2; looks++) {
      const head = await fetch(url, { method: 'HEAD' });
      expect(head.status).toBe(200);
      expect(head.headers.get('content-length')).toBe('3000000');
    }
    const answer = await fetch(url);
    expect(answer.status).toBe(200);
    expect(Object.fromEntries(answer.headers)).toMatchObject({
      'content-type': 'text/html; charset=utf-8',
      'content-disposition': "attachment;filename*=UTF-8''report.html",
      'x-content-type-options': 'nosniff',
      etag: `"${sha256(bytes)}"`,
    });
    expect(Buffer.from(await answer.arrayBuffer()).equals(bytes)).toBe(true);
    const again = await fetch(url);
    expect(again.status).toBe(409);
    expect(again.headers.get('content-type')).toContain('application/problem+json');
    expect((await answered(again)).code).toBe('object-url-used');
    expect((await fetch(url, { method: 'HEAD' })).status).toBe(409);
  });

  it('works for one of two who come at the same time', async () => {
    const name = fresh();
    const url = await begun(name);
    const bodies = [randomBytes(200_000), randomBytes(200_000)];
    const statuses = (await Promise.all(bodies.map((body) => put(url, body)))).map((a) => a.status);
    expect(statuses.toSorted((a, b) => a - b)).toEqual([200, 409]);
    const entry = await objects.commit(name, owner, {});
    const winner = bodies[statuses.indexOf(200)] ?? randomBytes(1);
    expect(entry).toMatchObject({ sha256: sha256(winner) });
    if ('refusal' in entry) throw new Error(entry.refusal);
    const download = await objects.downloadUrl(entry);
    const given = await Promise.all([fetch(download), fetch(download), fetch(download)]);
    expect(given.map((each) => each.status).toSorted((a, b) => a - b)).toEqual([200, 409, 409]);
    for (const each of given) await each.arrayBuffer();
  });

  it('permits its own method, time and organisation, and nothing when it is changed', async () => {
    const name = fresh();
    const url = await begun(name);
    const token = url.slice(url.lastIndexOf('/') + 1);
    const changed = `${url.slice(0, -1)}${url.endsWith('A') ? 'B' : 'A'}`;
    const claims = urlSigner(api.ring).verify(token);
    if (claims === undefined) throw new Error('not signed');
    const withClaims = (change: object): string =>
      `${api.url}/v1/objects/${urlSigner(api.ring).sign({ ...claims, ...change })}`;
    const tried = [
      { url: changed, method: 'PUT', status: 403, code: 'object-url-invalid' },
      { url: `${api.url}/v1/objects/x`, method: 'PUT', status: 403, code: 'object-url-invalid' },
      { url: `${url}/more`, method: 'PUT', status: 403, code: 'object-url-invalid' },
      { url, method: 'GET', status: 403, code: 'object-url-invalid' },
      { url: withClaims({ o: 'other' }), method: 'PUT', status: 403, code: 'object-url-invalid' },
      {
        url: withClaims({ x: Date.now() - 1 }),
        method: 'PUT',
        status: 410,
        code: 'object-url-expired',
      },
      { url: withClaims({ m: 'GET' }), method: 'GET', status: 410, code: 'object-gone' },
    ];
    for (const { url: tryUrl, method, status, code } of tried) {
      const body = method === 'PUT' ? randomBytes(10) : null;
      const answer = await fetch(tryUrl, { method, body });
      expect({ code: (await answered(answer)).code, status: answer.status }).toEqual({
        code,
        status,
      });
    }
    expect((await fetch(url, { method: 'DELETE' })).status).toBe(404);
    // None of it has used it up.
    expect((await put(url, randomBytes(10))).status).toBe(200);
  });

  it('takes as many bytes as it permits, and not one more, whatever is announced', async () => {
    const name = fresh();
    const url = await begun(name, 1_000);
    const tooBig = await put(url, randomBytes(1_001));
    expect(tooBig.status).toBe(413);
    expect((await answered(tooBig)).code).toBe('body-too-large');
    expect((await put(url, randomBytes(1_000))).status).toBe(200);
    const unannounced = await begun(fresh(), 1_000);
    const streamed = async (bytes: number, to: string): Promise<number> => {
      const body = new ReadableStream<Uint8Array>({
        start: (controller) => {
          controller.enqueue(randomBytes(bytes));
          controller.close();
        },
      });
      return (await fetch(to, { method: 'PUT', body, duplex: 'half' })).status;
    };
    expect(await streamed(1_001, unannounced)).toBe(413);
    expect(await streamed(1_000, await begun(fresh(), 1_000))).toBe(200);
  });

  it('leaves nothing of an upload that breaks off, and does not work again', async () => {
    const name = fresh();
    const url = await begun(name);
    const socket = raw(url, ['content-length: 2000000'], randomBytes(1_500_000));
    const nonce = urlSigner(api.ring).verify(url.slice(url.lastIndexOf('/') + 1))?.n ?? '';
    const tickets = api.journal.table('KV_WB_TICKETS');
    // Before the first byte is taken the URL is used up.
    await eventually(async () => (await tickets.get(nonce)) !== undefined);
    socket.destroy();
    expect(await objects.commit(name, owner, {})).toEqual({ refusal: 'no-upload' });
    expect(await objects.find(name)).toBeUndefined();
    expect((await put(url, randomBytes(5))).status).toBe(409);
    expect((await put(await begun(name), randomBytes(5))).status).toBe(200);
    expect(await objects.commit(name, owner, {})).toMatchObject({ sizeBytes: 5 });
  });

  it('does not wait for ever for an upload that stands still', async () => {
    const name = fresh();
    const socket = raw(await begun(name), ['content-length: 2000000'], randomBytes(1_000));
    let heard = '';
    socket.on('data', (chunk) => (heard += chunk.toString()));
    await eventually(() => socket.closed || heard.includes('upload-stalled'));
    expect(heard).toContain('408');
    socket.destroy();
    expect(await objects.commit(name, owner, {})).toEqual({ refusal: 'no-upload' });
  });

  it('is in no line of the log, nor is its token', async () => {
    const entry = await stored(randomBytes(10));
    const url = await objects.downloadUrl(entry);
    await fetch(url);
    await fetch(url);
    api.host.log.info({ url }, `a download by ${url}`);
    const tokens = [...api.logged().matchAll(/[A-Za-z0-9_-]{40,}\.[A-Za-z0-9_-]{43}/g)];
    expect(tokens).toEqual([]);
    expect(api.logged()).toContain('/v1/objects/');
    expect(api.logged()).not.toContain(url.slice(url.lastIndexOf('/') + 1));
  });

  it('is the authority for objects alone: everything else still needs the key', async () => {
    expect((await fetch(`${api.url}/v1/orgs/${ORG}/runs`)).status).toBe(401);
    expect((await fetch(`${api.url}/v1/objects/`)).status).toBe(403);
  });

  it('ends before what was uploaded with it is swept', () => {
    expect(limits.transferMs).toBeLessThan(objectLimits.graceMs);
  });
});
