import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { wire } from '@waybill/protocol';
import { describe, expect, it, onTestFinished } from 'vitest';
import { allExtensions, jobInHand } from './trial.fixture.ts';

const working = { ...allExtensions, granted: false, agentWork: true };

type Put = Readonly<{ path: string; body: string; length: string | undefined }>;

async function storage(): Promise<Readonly<{ url: string; puts: readonly Put[] }>> {
  const puts: Put[] = [];
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const length = request.headers['content-length'];
      puts.push({ path: request.url ?? '', body: Buffer.concat(chunks).toString(), length });
      response.writeHead(request.url?.includes('denied') === true ? 403 : 200).end();
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => void server.close());
  const { port } = server.address() as AddressInfo; // of a TCP server, which has just been listening
  return { url: `http://localhost:${port}`, puts };
}

function fileOf(text: string): string {
  const folder = mkdtempSync(path.join(tmpdir(), 'waybill-agent-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const file = path.join(folder, 'file');
  writeFileSync(file, text);
  return file;
}

const sha256OfHello = '2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824';

describe('a cache', () => {
  const replies = (store: string) => (message: wire.AgentMessage) => {
    switch (message.type) {
      case 'cache.user.restore.request': {
        const { messageId: requestId, key } = message;
        const hit = { hit: true, matchedKey: 'k-1', downloadUrl: `${store}/k-1`, tarHash: 'ab' };
        return [
          {
            type: 'cache.user.restore.response' as const,
            requestId,
            ...(key === 'k' ? hit : { hit: false }),
          },
        ];
      }
      case 'cache.user.save.request': {
        const { messageId: requestId, key } = message;
        const slot = key === 'k' ? { skip: true } : { skip: false, uploadUrl: `${store}/${key}` };
        return [{ type: 'cache.user.save.response' as const, requestId, ...slot }];
      }
      default:
        return [];
    }
  };

  it('is found by its key, or it is not there', async () => {
    const { handle, server } = await jobInHand({ reply: replies('http://x') });
    expect(await handle.cache.restore('k', ['p-', 'q-'])).toEqual({
      matchedKey: 'k-1',
      downloadUrl: 'http://x/k-1',
      tarHash: 'ab',
    });
    expect(server.of('cache.user.restore.request')[0]).toMatchObject({ restoreKeys: ['p-', 'q-'] });
    expect(await handle.cache.restore('other')).toBeUndefined();
  });

  it('is uploaded once, and said to be there with its hash and size', async () => {
    const store = await storage();
    const { handle, server } = await jobInHand({ reply: replies(store.url) });
    expect(await handle.cache.save('k')).toBeUndefined();
    const slot = await handle.cache.save('new');
    await slot?.put(fileOf('hello'));
    expect(store.puts).toEqual([{ path: '/new', body: 'hello', length: '5' }]);
    expect(await server.next('cache.user.save.complete')).toMatchObject({
      key: 'new',
      tarHash: sha256OfHello,
      sizeBytes: 5,
    });
  });

  it('that its storage refuses is not said to be there', async () => {
    const store = await storage();
    const { handle, server } = await jobInHand({ reply: replies(store.url) });
    const slot = await handle.cache.save('denied');
    await expect(slot?.put(fileOf('x'))).rejects.toMatchObject({
      code: 'refused',
      message: 'the storage answered 403',
    });
    expect(server.of('cache.user.save.complete')).toEqual([]);
  });
});

describe('a build cache and an attestation', () => {
  const replies = (uploadUrl: string) => (message: wire.AgentMessage) => {
    if (message.type === 'cache.upload.request')
      return [{ type: 'cache.upload.response' as const, requestId: message.messageId, uploadUrl }];
    if (message.type === 'provenance.upload.request')
      return [
        { type: 'provenance.upload.response' as const, requestId: message.messageId, uploadUrl },
      ];
    return [];
  };

  it('go to their addresses, and are confirmed', async () => {
    const store = await storage();
    const { handle, server } = await jobInHand({ reply: replies(`${store.url}/x`) });
    await handle.buildCache({ cacheType: 'deps', lockfileHash: 'l1' }, { file: fileOf('hello') });
    expect(await server.next('cache.upload.complete')).toMatchObject({
      cacheType: 'deps',
      lockfileHash: 'l1',
      platform: process.platform,
      arch: process.arch,
      depsHash: sha256OfHello,
    });
    const provenance = { subjectName: 'app', subjectDigest: 'abcd', mediaType: 'application/json' };
    await handle.provenance(provenance, { bytes: Buffer.from('{}') });
    expect(await server.next('provenance.upload.complete')).toMatchObject(provenance);
    expect(store.puts.map(({ body }) => body)).toEqual(['hello', '{}']);
  });

  it('fail where there is no storage', async () => {
    const { handle } = await jobInHand({ reply: replies('') });
    await expect(
      handle.buildCache({ cacheType: 'source', contentHash: 'c' }, { bytes: Buffer.from('x') }),
    ).rejects.toMatchObject({ code: 'unsupported' });
  });
});

describe('an artifact', () => {
  const replies = (uploadUrl: string, uri?: string) => (message: wire.AgentMessage) => {
    if (message.type === 'artifact.upload.request')
      return [
        { type: 'artifact.upload.response' as const, requestId: message.messageId, uploadUrl },
      ];
    if (message.type === 'artifact.upload.complete') {
      const outcome = uri === undefined ? { error: 'wrong hash' } : { uri };
      const { messageId: requestId } = message;
      return [{ type: 'artifact.upload.result' as const, requestId, ...outcome }];
    }
    return [];
  };

  it('is uploaded, verified and has an address then', async () => {
    const store = await storage();
    const uri = 'artifact://exec/run-1/report.txt';
    const { handle, server } = await jobInHand({
      extensions: working,
      reply: replies(`${store.url}/a`, uri),
    });
    const body = { file: fileOf('hello') };
    const more = { mediaType: 'text/plain', stepIndex: 0 };
    expect(await handle.artifact('report.txt', body, more)).toEqual({ uri });
    expect(server.of('artifact.upload.complete')[0]).toMatchObject({
      name: 'report.txt',
      sha256: sha256OfHello,
      sizeBytes: 5,
      mediaType: 'text/plain',
      stepIndex: 0,
      fence: 7,
    });
  });

  it('that the server does not keep fails with its reason', async () => {
    const store = await storage();
    const { handle } = await jobInHand({ extensions: working, reply: replies(`${store.url}/a`) });
    await expect(handle.artifact('a', { bytes: Buffer.from('x') })).rejects.toMatchObject({
      message: 'wrong hash',
    });
    await expect(handle.artifact('../a', { bytes: Buffer.from('x') })).rejects.toMatchObject({
      code: 'invalid',
    });
  });

  it('is not for a server that does not know artifacts', async () => {
    const { handle } = await jobInHand();
    await expect(handle.artifact('a', { bytes: Buffer.from('x') })).rejects.toMatchObject({
      code: 'unsupported',
    });
  });
});
