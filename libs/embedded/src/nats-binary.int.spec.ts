import { chmod, mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { exists } from './folder.ts';
import { findNatsServer } from './nats-binary.ts';

let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'waybill-nats-'));
});

afterAll(async () => {
  await rm(folder, { recursive: true });
});

async function fakeServer(name: string, version: string): Promise<string> {
  await mkdir(join(folder, name), { recursive: true });
  const binary = join(folder, name, 'nats-server');
  await writeFile(binary, `#!/bin/sh\necho "nats-server: v${version}"\n`);
  await chmod(binary, 0o755);
  return binary;
}

const bare = { path: '', caches: [], obtain: false } as const;

test('without any server one message says what to do on every system', async () => {
  const search = findNatsServer(bare);
  await expect(search).rejects.toMatchObject({ code: 'nats-server-missing', exitCode: 69 });
  for (const system of ['Debian, Ubuntu', 'macOS', 'Windows', 'Container', 'NATS_URL']) {
    await expect(search).rejects.toThrow(system);
  }
});

test('a server that is too old is named with its version', async () => {
  const binary = await fakeServer('old', '2.9.10');
  const refused = findNatsServer({ ...bare, path: join(folder, 'old') });
  await expect(refused).rejects.toMatchObject({
    code: 'nats-server-too-old',
    exitCode: 78,
  });
  await expect(refused).rejects.toThrow(`needs nats-server 2.14 or newer, and ${binary} is 2.9.10`);
});

test.each([
  ['2.13.9', false],
  ['2.14.0', true],
  ['2.15.1', true],
  ['3.0.0', true],
  ['1.99.0', false],
])('version %s is new enough: %s', async (version, enough) => {
  const named = await fakeServer(`v${version}`, version);
  const search = findNatsServer({ ...bare, named });
  if (enough) expect(await search).toBe(named);
  else await expect(search).rejects.toMatchObject({ code: 'nats-server-too-old' });
});

test('a named server that is not there is not replaced by another', async () => {
  await fakeServer('good', '2.15.1');
  const named = join(folder, 'nowhere');
  const refused = findNatsServer({ ...bare, named, path: join(folder, 'good') });
  await expect(refused).rejects.toMatchObject({
    code: 'nats-server-missing',
  });
  await expect(refused).rejects.toThrow(`NATS_SERVER_BIN is ${named}`);
});

test('one on the PATH goes before one in a cache', async () => {
  const onPath = await fakeServer('path', '2.14.1');
  await fakeServer('cache', '2.15.1');
  const caches = [join(folder, 'cache')];
  const path = `${join(folder, 'nowhere')}:${join(folder, 'path')}`;
  expect(await findNatsServer({ ...bare, path, caches })).toBe(onPath);
});

test('one on the PATH that is too old is passed over for one in a cache', async () => {
  await fakeServer('old', '2.9.10');
  const cached = await fakeServer('cache', '2.15.1');
  const caches = [join(folder, 'nowhere'), join(folder, 'cache')];
  expect(await findNatsServer({ ...bare, path: join(folder, 'old'), caches })).toBe(cached);
});

test('two that get one at the same time both have a server, and leave nothing else', async (context) => {
  if (!(await exists('/usr/bin/apt-get'))) context.skip('needs a system with apt');
  const cache = join(folder, 'shared cache');
  const lookup = { path: '', caches: [cache] } as const;
  const said: string[] = [];
  const found = await Promise.all([
    findNatsServer({ ...lookup, say: (line) => said.push(line) }),
    findNatsServer(lookup),
  ]);
  expect(found).toEqual([join(cache, 'nats-server'), join(cache, 'nats-server')]);
  expect(await readdir(cache)).toEqual(['nats-server']);
  expect(said[0]).toMatch(/No nats-server 2\.14 or newer here/);
  expect(said.at(-1)).toMatch(/^nats-server 2\.\d+\.\d+ is in /);
  expect(await findNatsServer({ ...lookup, obtain: false })).toBe(found[0]);
}, 300_000);
