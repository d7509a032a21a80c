import { randomUUID } from 'node:crypto';
import { chmod, cp, mkdtemp, readdir, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type Package, packageForPlatform, postgresBinaries } from './postgres-binaries.ts';
import { canRun, serviceAccount } from './service-account.ts';

let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'waybill-programs-'));
});

afterEach(async () => {
  await chmod(join(folder, 'native', 'lib'), 0o700);
  await rm(folder, { recursive: true });
});

/** As npm unpacks it when install scripts are off: without a single link. */
async function bareInstall(): Promise<Package> {
  const native = join(folder, 'native');
  await cp(packageForPlatform().native, native, { recursive: true, verbatimSymlinks: true });
  const lib = join(native, 'lib');
  for (const entry of await readdir(lib, { withFileTypes: true })) {
    if (entry.isSymbolicLink()) await rm(join(lib, entry.name));
  }
  return { native, key: `test-${randomUUID()}` };
}

test('links that an install without scripts left out are made', async () => {
  const installed = await bareInstall();
  await chmod(folder, 0o755);
  const account = await serviceAccount();
  const said: string[] = [];
  const found = await postgresBinaries(account, folder, (line) => said.push(line), installed);
  expect(found.postgres).toBe(join(installed.native, 'bin', 'postgres'));
  expect(await canRun(account, '"$1" --version', found.postgres)).toBe(true);
  expect(said).toEqual([]);
});

test('an install that the account cannot read, or that is read-only, is copied once', async () => {
  const installed = await bareInstall();
  const account = await serviceAccount();
  // Root can write anywhere, but lends Postgres an account that cannot enter this folder.
  await chmod(join(installed.native, 'lib'), 0o555);
  const cache = join(folder, 'cache');
  const said: string[] = [];
  const find = (): ReturnType<typeof postgresBinaries> =>
    postgresBinaries(account, cache, (line) => said.push(line), installed);
  const [found, again] = await Promise.all([find(), find()]);
  expect(again).toEqual(found);
  expect(found.postgres).not.toContain(installed.native);
  expect(await canRun(account, '"$1" --version && "$2" --version', ...Object.values(found))).toBe(
    true,
  );
  const { mtimeMs } = await stat(found.postgres);
  expect(await find()).toEqual(found);
  expect((await stat(found.postgres)).mtimeMs).toBe(mtimeMs);
  expect(said[0]).toMatch(/^Postgres' programs are copied to /);
  const copy = join(found.postgres, '..', '..');
  expect((await readdir(join(copy, '..'))).filter((name) => name.includes(installed.key))).toEqual([
    installed.key,
  ]);
  await rm(copy, { recursive: true });
});
