import { createHash, randomBytes } from 'node:crypto';
import { newId } from '@waybill/process';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  type ContractWorld,
  crashing,
  natsWorld,
  s3DoubleWorld,
  s3World,
} from './contract-world.fixture.ts';
import { objectLimits } from './limits.ts';
import type { ObjectEntry, ObjectKind, ObjectName, Objects, Owner } from './object.ts';

const { S3_ENDPOINT, S3_BUCKET, S3_REGION, S3_ACCESS_KEY_ID, S3_SECRET_ACCESS_KEY } = process.env;
const real =
  S3_ENDPOINT === undefined
    ? undefined
    : {
        endpoint: S3_ENDPOINT,
        bucket: S3_BUCKET ?? '',
        region: S3_REGION ?? 'us-east-1',
        accessKeyId: S3_ACCESS_KEY_ID ?? '',
        secretAccessKey: S3_SECRET_ACCESS_KEY ?? '',
      };

const worlds: readonly Readonly<{ title: string; start: () => Promise<ContractWorld> }>[] = [
  { title: 'in NATS', start: natsWorld },
  { title: 'in our double of S3', start: s3DoubleWorld },
  ...(real === undefined
    ? []
    : [{ title: 'in the S3 of S3_ENDPOINT', start: () => s3World(real) }]),
];
it('asks the S3 of S3_ENDPOINT too', (context) => {
  if (real === undefined) context.skip('S3_ENDPOINT is not set, so there is no S3 to ask');
  expect(worlds).toHaveLength(3);
});

const minuteMs = 60_000;
const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');
async function* pieces(bytes: Uint8Array, size = 65_536): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) {
    await Promise.resolve();
    yield bytes.subarray(at, at + size);
  }
}
async function allOf(body: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const found: Uint8Array[] = [];
  for await (const chunk of body) found.push(chunk);
  return Buffer.concat(found);
}
const owner = (change: Partial<Owner> = {}): Owner => ({
  runId: 'run-0',
  jobId: 'run-0-1',
  attempt: 1,
  fence: 7,
  ...change,
});

describe.each(worlds)('objects $title', ({ start }) => {
  let world: ContractWorld;
  let objects: Objects;
  beforeAll(async () => {
    world = await start();
    objects = await world.open();
  });
  afterAll(() => world?.stop());

  /** An organisation of its own for every claim, so that none meets another's objects. */
  const freshOrg = (): string => `o${newId().toLowerCase().replaceAll('_', '-').slice(-12)}`;
  const named = (change: Partial<ObjectName> = {}): ObjectName => ({
    org: freshOrg(),
    kind: 'cache',
    scope: '{"repository":"acme/app"}',
    name: 'npm-1',
    ...change,
  });
  const put = (url: string, bytes: Uint8Array<ArrayBuffer>): Promise<Response> =>
    fetch(url, { method: 'PUT', body: bytes });
  const begun = async (name: ObjectName, by: Owner | null, in_ = objects): Promise<string> => {
    const upload = await in_.beginUpload(name, by);
    if ('refusal' in upload) throw new Error(`refused: ${upload.refusal}`);
    return upload.url;
  };
  const uploaded = async (
    name: ObjectName,
    bytes: Uint8Array<ArrayBuffer>,
    by: Owner | null = owner(),
    in_ = objects,
  ): Promise<void> => {
    expect((await put(await begun(name, by, in_), bytes)).status).toBe(200);
  };
  const stored = async (
    name: ObjectName,
    bytes: Uint8Array<ArrayBuffer> = randomBytes(64),
    in_ = objects,
  ): Promise<ObjectEntry> => {
    await uploaded(name, bytes, owner(), in_);
    const entry = await in_.commit(name, owner(), { sha256: sha256(bytes) });
    if ('refusal' in entry) throw new Error(`refused: ${entry.refusal}`);
    return entry;
  };
  const downloaded = async (entry: ObjectEntry): Promise<Buffer> => {
    const answer = await fetch(await objects.downloadUrl(entry));
    expect(answer.status).toBe(200);
    return Buffer.from(await answer.arrayBuffer());
  };

  it.each([0, 1, 1_000_003])('of %i bytes are found and given as they were put', async (size) => {
    const name = named({ kind: 'artifact', name: `patch ü/${size}.tgz` });
    const bytes = randomBytes(size);
    await uploaded(name, bytes);
    expect(await objects.find(name)).toBeUndefined();
    const said = { mediaType: 'application/gzip', labels: { purpose: 'patch' } };
    const entry = await objects.commit(name, owner(), {
      sha256: sha256(bytes).toUpperCase(),
      sizeBytes: size,
      ...said,
    });
    expect(entry).toMatchObject({
      ...name,
      ...said,
      ...owner(),
      sha256: sha256(bytes),
      sizeBytes: size,
    });
    expect(await objects.find(name)).toEqual(entry);
    const other = await world.open();
    expect(await other.find(name)).toEqual(entry);
    expect(await other.list({ org: name.org, kind: 'artifact' })).toEqual([entry]);
    if ('refusal' in entry) throw new Error('refused');
    expect((await downloaded(entry)).equals(bytes)).toBe(true);
    expect((await allOf(await objects.read(entry))).equals(bytes)).toBe(true);
    expect(await world.stored(name.org)).toBe(1);
  });

  it('are not what their uploader says: another hash or size is refused and goes', async () => {
    const bytes = randomBytes(100);
    const cases = [
      { said: { sha256: sha256(randomBytes(9)) }, refusal: 'wrong-hash' },
      { said: { sizeBytes: 99 }, refusal: 'wrong-size' },
      { said: { sizeBytes: 101, sha256: sha256(bytes) }, refusal: 'wrong-size' },
    ];
    for (const { said, refusal } of cases) {
      const name = named();
      await uploaded(name, bytes);
      expect(await objects.commit(name, owner(), said)).toEqual({ refusal });
      expect(await objects.find(name)).toBeUndefined();
      expect(await world.stored(name.org)).toBe(0);
      expect(await objects.commit(name, owner(), {})).toEqual({ refusal: 'no-upload' });
      // It may begin again, and be right.
      await stored(name, bytes);
    }
  });

  it('have as many bytes as were asked for, and not one more', async () => {
    const name = named();
    const begin = async (): Promise<string> => {
      const upload = await objects.beginUpload(name, owner(), { bytesMax: 10 });
      return 'url' in upload ? upload.url : '';
    };
    await put(await begin(), randomBytes(11));
    const refusal = await objects.commit(name, owner(), {});
    expect(['no-upload', 'wrong-size']).toContain('refusal' in refusal ? refusal.refusal : '');
    expect(await world.stored(name.org)).toBe(0);
    await put(await begin(), randomBytes(10));
    expect(await objects.commit(name, owner(), {})).toMatchObject({ sizeBytes: 10 });
  });

  it('belong to the attempt that has uploaded them, in its organisation', async () => {
    const name = named();
    expect(await objects.commit(name, owner(), {})).toEqual({ refusal: 'no-upload' });
    await uploaded(name, randomBytes(10));
    const strangers: readonly (Owner | null)[] = [
      owner({ attempt: 2 }),
      owner({ fence: 8 }),
      owner({ fence: 6 }),
      owner({ jobId: 'run-0-2' }),
      owner({ runId: 'run-1' }),
      null,
    ];
    for (const by of strangers) {
      const refused = await objects.commit(name, by, {});
      const refusal = by?.fence === 6 ? 'stale-fence' : 'no-upload';
      expect({ by, refused }).toEqual({ by, refused: { refusal } });
    }
    for (const change of [{ org: freshOrg() }, { kind: 'deps' as const }, { scope: '{}' }])
      expect(await objects.commit({ ...name, ...change }, owner(), {})).toEqual({
        refusal: 'no-upload',
      });
    expect(await objects.commit(name, owner(), {})).toMatchObject({ sizeBytes: 10 });
    expect(await objects.find({ ...name, org: freshOrg() })).toBeUndefined();
  });

  it('of an attempt that was given up are not committed once its successor has begun', async () => {
    const name = named();
    await uploaded(name, randomBytes(10), owner());
    const successor = owner({ attempt: 2, fence: 9 });
    const bytes = randomBytes(20);
    await uploaded(name, bytes, successor);
    expect(await objects.commit(name, owner(), {})).toEqual({ refusal: 'stale-fence' });
    expect(await objects.beginUpload(name, owner())).toEqual({ refusal: 'unavailable' });
    expect(await objects.commit(name, successor, {})).toMatchObject({ sha256: sha256(bytes) });
  });

  it('never change: of all who commit under a name one wins, in any process', async () => {
    const name = named();
    const processes = [objects, await world.open()];
    const jobs = [1, 2, 3, 4, 5, 6].map((n) => ({
      by: owner({ jobId: `run-0-${n}` }),
      bytes: randomBytes(1_000 + n),
      in_: processes[n % 2] ?? objects,
    }));
    for (const { by, bytes, in_ } of jobs) await uploaded(name, bytes, by, in_);
    const outcomes = await Promise.all(jobs.map(({ by, in_ }) => in_.commit(name, by, {})));
    const winners = outcomes.flatMap((outcome, n) => ('refusal' in outcome ? [] : [n]));
    expect(winners).toHaveLength(1);
    const winner = jobs[winners[0] ?? 0];
    const losers = outcomes.filter((outcome) => 'refusal' in outcome);
    expect(new Set(losers.map((each) => JSON.stringify(each)))).toEqual(
      new Set(['{"refusal":"exists"}']),
    );
    const entry = await objects.find(name);
    if (entry === undefined || winner === undefined) throw new Error('nobody has won');
    expect((await downloaded(entry)).equals(winner.bytes)).toBe(true);
    expect(await objects.beginUpload(name, owner({ jobId: 'run-0-9' }))).toEqual({
      refusal: 'exists',
    });
  });

  it('are committed once by an attempt that asks again, at the same time or later', async () => {
    const name = named();
    const bytes = randomBytes(5_000);
    await uploaded(name, bytes);
    const other = await world.open();
    const commits = [objects, other, objects, other].map((each) =>
      each.commit(name, owner(), { sha256: sha256(bytes) }),
    );
    const outcomes = await Promise.all(commits);
    const entry = await objects.find(name);
    for (const outcome of outcomes) expect(outcome).toEqual(entry);
    expect(await objects.commit(name, owner(), {})).toEqual(entry);
    const lie = { sha256: sha256(randomBytes(1)) };
    expect(await objects.commit(name, owner(), lie)).toEqual({ refusal: 'exists' });
    if (entry !== undefined) expect((await downloaded(entry)).equals(bytes)).toBe(true);
  });

  it('cannot be changed any more by a URL they were uploaded with', async () => {
    const name = named();
    const bytes = randomBytes(100);
    const urls = [await begun(name, owner()), await begun(name, owner())];
    for (const url of urls) expect((await put(url, bytes)).status).toBe(200);
    const entry = await objects.commit(name, owner(), {});
    if ('refusal' in entry) throw new Error(entry.refusal);
    for (const url of urls) await put(url, randomBytes(100));
    expect((await downloaded(entry)).equals(bytes)).toBe(true);
  });

  it('with the newest name of a beginning are found in the order of their commits', async () => {
    const scope = { org: freshOrg(), kind: 'cache' as const, scope: '{"trust":"trusted"}' };
    const other = await world.open();
    for (const name of ['npm-b', 'npm-a', 'yarn-z', 'npm-c']) await stored({ ...scope, name });
    expect((await other.newest(scope, 'npm-'))?.name).toBe('npm-c');
    expect((await other.newest(scope, 'yarn-'))?.name).toBe('yarn-z');
    expect((await other.newest(scope, ''))?.name).toBe('npm-c');
    expect(await other.newest(scope, 'pnpm-')).toBeUndefined();
    expect(await other.newest({ ...scope, scope: '{"trust":"fork"}' }, 'npm-')).toBeUndefined();
    // Being used makes it no newer.
    const eager = await world.open({ touchMs: -1 });
    const first = await objects.find({ ...scope, name: 'npm-b' });
    if (first !== undefined) await eager.downloadUrl(first);
    expect((await other.newest(scope, 'npm-'))?.name).toBe('npm-c');
    // After a restart too.
    expect((await (await world.open()).newest(scope, 'npm-'))?.name).toBe('npm-c');
    const last = await objects.find({ ...scope, name: 'npm-c' });
    if (last !== undefined) await objects.remove(last);
    expect((await other.newest(scope, 'npm-'))?.name).toBe('npm-a');
  });

  it('that were never committed are swept once their URL and the grace are over', async () => {
    const name = named();
    const startMs = Date.now();
    await uploaded(name, randomBytes(10));
    const kept = await stored({ ...name, name: 'npm-2' });
    const dueMs = startMs + objectLimits.urlMs + objectLimits.graceMs;
    await objects.sweep({ nowMs: dueMs - minuteMs });
    expect(await world.stored(name.org)).toBe(2);
    expect((await objects.sweep({ nowMs: dueMs + minuteMs })).uploads).toBeGreaterThan(0);
    expect(await world.stored(name.org)).toBe(1);
    expect(await objects.commit(name, owner(), {})).toEqual({ refusal: 'no-upload' });
    expect(await objects.find(kept)).toEqual(kept);
    await downloaded(kept);
  });

  it('that are removed are gone, their bytes after every URL for them has expired', async () => {
    const name = named({ kind: 'artifact' });
    const entry = await stored(name);
    const url = await objects.downloadUrl(entry);
    await objects.remove(entry);
    await objects.remove(entry);
    expect(await objects.find(name)).toBeUndefined();
    expect((await fetch(url)).status).toBe(200);
    await objects.sweep({
      nowMs: Date.now() + objectLimits.urlMs + objectLimits.graceMs + minuteMs,
    });
    expect(await world.stored(name.org)).toBe(0);
    await stored(name);
  });

  it('of caches go when nobody has used them for their time, others never', async () => {
    const org = freshOrg();
    const kinds: readonly ObjectKind[] = ['source', 'deps', 'cache', 'bundle', 'artifact', 'log'];
    for (const kind of kinds) await stored(named({ org, kind }));
    const held = async (): Promise<readonly string[]> => {
      const lists = await Promise.all(kinds.map((kind) => objects.list({ org, kind })));
      return lists.flat().map(({ kind }) => kind);
    };
    await objects.sweep({ nowMs: Date.now() + objectLimits.cacheTtlMs - minuteMs });
    expect(await held()).toEqual(kinds);
    await objects.sweep({ nowMs: Date.now() + objectLimits.cacheTtlMs + minuteMs });
    expect(await held()).toEqual(['artifact', 'log']);
  });

  it('of caches are evicted from the quota on, those first that were not used for longest', async () => {
    const org = freshOrg();
    const small = await world.open({ cacheBytes: 300, touchMs: -1 });
    const keep = (name: string): Promise<ObjectEntry> =>
      stored(named({ org, name }), randomBytes(100), small);
    const first = await keep('a');
    await keep('b');
    await keep('c');
    const names = async (): Promise<readonly string[]> =>
      (await small.list({ org, kind: 'cache' })).map(({ name }) => name);
    expect(await names()).toEqual(['a', 'b', 'c']);
    await small.downloadUrl(first);
    await keep('d');
    expect(await names()).toEqual(['a', 'c', 'd']);
    const tooBig = named({ org, name: 'e' });
    await uploaded(tooBig, randomBytes(301), owner(), small);
    expect(await small.commit(tooBig, owner(), {})).toEqual({ refusal: 'quota' });
    expect(await names()).toEqual(['a', 'c', 'd']);
    await stored(named({ org, name: 'f' }), randomBytes(300), small);
    expect(await names()).toEqual(['f']);
  });

  it('of forks’ caches are evicted before any other, and among themselves beyond their share', async () => {
    const org = freshOrg();
    const small = await world.open({ cacheBytes: 500, forkCacheBytes: 200, touchMs: -1 });
    const forks = (head: string): string =>
      JSON.stringify({ repository: 'acme/app', trust: 'fork', head });
    const keep = (name: string, scope?: string): Promise<ObjectEntry> =>
      stored(named({ org, name, ...(scope && { scope }) }), randomBytes(100), small);
    const names = async (): Promise<readonly string[]> =>
      (await small.list({ org, kind: 'cache' })).map(({ name }) => name);
    for (const name of ['a', 'b', 'c']) await keep(name);
    const used = await keep('x', forks('one'));
    await keep('y', forks('two'));
    expect(await names()).toEqual(['a', 'b', 'c', 'x', 'y']);
    await small.downloadUrl(used);
    await keep('z', forks('two'));
    expect(await names()).toEqual(['a', 'b', 'c', 'x', 'z']);
    await keep('d');
    expect(await names()).toEqual(['a', 'b', 'c', 'z', 'd']);
    const tooBig = named({ org, name: 'w', scope: forks('one') });
    await uploaded(tooBig, randomBytes(201), owner(), small);
    expect(await small.commit(tooBig, owner(), {})).toEqual({ refusal: 'quota' });
    for (const name of ['e', 'f']) await keep(name);
    expect(await names()).toEqual(['b', 'c', 'd', 'e', 'f']);
  });

  it('that are kept are refused beyond the quota, and no other organisation feels it', async () => {
    const org = freshOrg();
    const small = await world.open({ keptBytes: 200 });
    const artifact = (name: string): ObjectName => named({ org, kind: 'artifact', name });
    await stored(artifact('a'), randomBytes(100), small);
    await uploaded(artifact('b'), randomBytes(101), owner(), small);
    expect(await small.commit(artifact('b'), owner(), {})).toEqual({ refusal: 'quota' });
    await stored(artifact('c'), randomBytes(100), small);
    expect(await small.beginUpload(artifact('d'), owner())).toEqual({ refusal: 'quota' });
    await stored(named({ kind: 'artifact' }), randomBytes(100), small);
    await stored(named({ org, kind: 'cache' }), randomBytes(100), small);
    expect(await small.list({ org, kind: 'artifact' })).toHaveLength(2);
  });

  it('are refused past each declared bound and taken at it', async () => {
    const bounded = await world.open({
      objectBytes: 50,
      uploadsOpen: 2,
      uploadsOpenOrg: 3,
      nameBytes: 4,
      scopeBytes: 4,
    });
    const name = named({ name: 'four', scope: '{}  ' });
    const begin = (change: Partial<ObjectName> = {}, bytesMax?: number, by = owner()) =>
      bounded.beginUpload({ ...name, ...change }, by, { bytesMax });
    expect(await begin({ name: 'fiveX' })).toEqual({ refusal: 'too-big' });
    expect(await begin({ scope: '{}   ' })).toEqual({ refusal: 'too-big' });
    expect(await begin({}, 51)).toEqual({ refusal: 'too-big' });
    expect(await begin({}, 50)).toHaveProperty('url');
    expect(await begin()).toHaveProperty('url');
    expect(await begin()).toEqual({ refusal: 'unavailable' });
    expect(await begin({ name: 'more' })).toHaveProperty('url');
    expect(await begin({ name: 'most' })).toEqual({ refusal: 'unavailable' });
  });

  it('of one attempt take no place from another, however many it begins', async () => {
    const bounded = await world.open({ uploadsOpenAttempt: 3, uploadsOpenOrg: 100 });
    const { org } = named();
    const begin = (name: string, by = owner()) => bounded.beginUpload(named({ org, name }), by);
    for (const name of ['a', 'b', 'c']) expect(await begin(name)).toHaveProperty('url');
    expect(await begin('d')).toEqual({ refusal: 'unavailable' });
    expect(await begin('d', owner({ attempt: 2, fence: 99 }))).toHaveProperty('url');
  });

  it('may together bring no more than there is room for, whether they ever do or not', async () => {
    const bounded = await world.open({ uploadsOpenBytes: 100 });
    const { org } = named();
    const begin = (name: string, bytesMax: number) =>
      bounded.beginUpload(named({ org, name }), owner(), { bytesMax });
    expect(await begin('a', 60)).toHaveProperty('url');
    expect(await begin('b', 41)).toEqual({ refusal: 'unavailable' });
    expect(await begin('b', 40)).toHaveProperty('url');
  });

  it('are written and read on the server side without a URL, the first of a name', async () => {
    for (const size of [0, 10, 20_000_000]) {
      const name = named({ kind: 'log', name: `${size}` });
      const bytes = randomBytes(size);
      const entry = await objects.write(name, pieces(bytes), { mediaType: 'application/zstd' });
      expect(entry).toMatchObject({ sizeBytes: size, sha256: sha256(bytes) });
      expect(await objects.write(name, pieces(randomBytes(5)))).toEqual(entry);
      expect((await allOf(await objects.read(entry))).equals(bytes)).toBe(true);
      expect(await world.stored(name.org)).toBe(1);
    }
  });

  it('that break off while they are written leave nothing', async () => {
    const name = named({ kind: 'log' });
    async function* broken(): AsyncGenerator<Uint8Array> {
      yield randomBytes(20_000_000);
      await Promise.resolve();
      throw new Error('the source has broken');
    }
    await expect(objects.write(name, broken())).rejects.toThrow('the source has broken');
    expect(await objects.find(name)).toBeUndefined();
    expect(await world.stored(name.org)).toBe(0);
    expect(await objects.write(name, pieces(randomBytes(5)))).toMatchObject({ sizeBytes: 5 });
  });

  it('that a crash has left half way are whole or swept, wherever it was', async () => {
    const org = freshOrg();
    const laterMs = (): number =>
      Date.now() + objectLimits.commitMs + objectLimits.urlMs + objectLimits.graceMs + minuteMs;
    const steps = ['upload', 'write', 'remove'] as const;
    for (const step of steps) {
      for (const at of [1, 2, 3, 4]) {
        for (const when of ['before', 'after'] as const) {
          const name = named({ org, kind: 'artifact', name: `${step} ${at} ${when}` });
          if (step === 'upload') await uploaded(name, randomBytes(10));
          const there = step === 'remove' ? await stored(name) : undefined;
          const dying = await world.open({}, (table) => crashing(table, { at, when }));
          const work = {
            upload: () => dying.commit(name, owner(), {}),
            write: () => dying.write(name, pieces(randomBytes(10))),
            remove: async () => there && dying.remove(there),
          }[step];
          await work().catch((error: unknown) => expect(String(error)).toContain('ended'));
          await dying.close();
        }
      }
    }
    const standing = await objects.list({ org, kind: 'artifact' });
    for (const entry of standing) await downloaded(entry);
    await objects.sweep({ nowMs: laterMs() });
    expect(await objects.list({ org, kind: 'artifact' })).toEqual(standing);
    expect(await world.stored(org)).toBe(standing.length);
    for (const entry of standing) await downloaded(entry);
    // Of each step some were done and some were not.
    for (const step of steps) {
      const count = standing.filter(({ name }) => name.startsWith(step)).length;
      expect(count).toBeGreaterThan(0);
      expect(count).toBeLessThan(8);
    }
  });

  it('are downloaded under their name and as their type', async () => {
    const name = named({ kind: 'artifact' });
    const bytes = randomBytes(10);
    await uploaded(name, bytes);
    const said = { mediaType: 'text/x-patch' };
    const entry = await objects.commit(name, owner(), said);
    if ('refusal' in entry) throw new Error(entry.refusal);
    const answer = await fetch(await objects.downloadUrl(entry, { filename: 'a b’s.patch' }));
    expect(answer.status).toBe(200);
    expect(answer.headers.get('content-type')).toBe('text/x-patch');
  });

  it('keep the labels that fit, and no others', async () => {
    const name = named();
    await uploaded(name, randomBytes(1));
    const labels = {
      fits: 'x'.repeat(objectLimits.labelBytes - 4),
      not: 'x'.repeat(objectLimits.labelBytes - 2),
      ...Object.fromEntries(Array.from({ length: 40 }, (_, n) => [`n${n}`, 'x'])),
    };
    const entry = await objects.commit(name, owner(), { labels });
    const kept = 'labels' in entry ? Object.keys(entry.labels ?? {}) : [];
    expect(kept).toHaveLength(objectLimits.labels);
    expect(kept).toContain('fits');
    expect(kept).not.toContain('not');
  });
});
