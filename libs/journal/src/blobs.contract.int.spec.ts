import { createHash, randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Blobs } from './blobs.ts';
import { startServer, type TestServer } from './journal.fixture.ts';

async function* pieces(bytes: Uint8Array, size = 65_536): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) {
    await Promise.resolve();
    yield bytes.subarray(at, at + size);
  }
}
const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

async function allOf(body: AsyncIterable<Uint8Array> | undefined): Promise<Buffer> {
  const found: Uint8Array[] = [];
  for await (const chunk of body ?? []) found.push(chunk);
  return Buffer.concat(found);
}

describe('a blob', () => {
  let server: TestServer;
  let blobs: Blobs;
  beforeAll(async () => {
    server = await startServer();
    ({ blobs } = server.journal);
  });
  afterAll(() => server?.stop());

  let count = 0;
  const freshKey = (): string => `acme/spec/${++count}`;
  const chunkSubjects = async (): Promise<readonly string[]> => {
    const options = { subjects_filter: '$O.WB_BLOBS.C.>' };
    const info = await server.jsm.streams.info('OBJ_WB_BLOBS', options);
    return Object.keys(info.state.subjects ?? {});
  };

  it.each([0, 1, 524_287, 524_288, 524_289, 9_000_001])(
    'of %i bytes comes back as it was, in any process',
    async (size) => {
      const key = freshKey();
      const bytes = randomBytes(size);
      const described = { sizeBytes: size, sha256: sha256(bytes) };
      expect(await blobs.put(key, pieces(bytes))).toEqual(described);
      const other = (await server.another()).blobs;
      expect(await other.stat(key)).toEqual(described);
      const found = await other.get(key);
      expect((await allOf(found?.body)).equals(bytes)).toBe(true);
    },
  );

  it('whose source breaks off is not there, and leaves no chunk', async () => {
    const key = freshKey();
    const before = (await chunkSubjects()).length;
    async function* broken(): AsyncGenerator<Uint8Array> {
      yield randomBytes(3_000_000);
      await Promise.resolve();
      throw new Error('the line is cut');
    }
    await expect(blobs.put(key, broken())).rejects.toThrow('the line is cut');
    expect(await blobs.stat(key)).toBeUndefined();
    expect(await blobs.get(key)).toBeUndefined();
    expect(await chunkSubjects()).toHaveLength(before);
  });

  it('that is deleted leaves nothing', async () => {
    const key = freshKey();
    const before = (await chunkSubjects()).length;
    await blobs.put(key, pieces(randomBytes(2_000_000)));
    expect(await blobs.delete(key)).toBe(true);
    expect(await blobs.delete(key)).toBe(false);
    expect(await blobs.stat(key)).toBeUndefined();
    expect(await chunkSubjects()).toHaveLength(before);
  });

  it('that loses a chunk while it is read throws instead of ending early', async () => {
    const key = freshKey();
    const before = new Set(await chunkSubjects());
    await blobs.put(key, pieces(randomBytes(6_000_000)));
    const chunks = (await chunkSubjects()).find((subject) => !before.has(subject));
    const found = await blobs.get(key);
    await server.jsm.streams.purge('OBJ_WB_BLOBS', { filter: chunks ?? '', keep: 3 });
    await expect(allOf(found?.body)).rejects.toMatchObject({ code: 'blob-damaged' });
  });
});
