import { spawnSync } from 'node:child_process';
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { isAbandoned, lockHome } from './home-lock.ts';

let home: string;

beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), 'waybill-lock-'));
});

afterEach(async () => {
  await rm(home, { recursive: true });
});

test('a second holder is refused and told the process of the first', async () => {
  const lock = await lockHome(home);
  const refused = lockHome(home);
  await expect(refused).rejects.toMatchObject({
    code: 'home-in-use',
    exitCode: 1,
  });
  await expect(refused).rejects.toThrow(`process ${process.pid}`);
  await lock.release();
});

test('a released lock leaves nothing behind and can be taken again', async () => {
  await (await lockHome(home)).release();
  expect(await readdir(home)).toEqual([]);
  await (await lockHome(home)).release();
});

test('the lock of a dead process is taken over', async () => {
  const { pid } = spawnSync('true');
  await writeFile(join(home, 'waybill.lock'), `${pid} some-boot:1 id`);
  expect(await isAbandoned(home)).toBe(true);
  const lock = await lockHome(home);
  expect(await isAbandoned(home)).toBe(false);
  await lock.release();
});

test('a process that got the pid of a dead holder does not hold its lock', async (context) => {
  if (process.platform !== 'linux') context.skip('the birth of a process is known on Linux only');
  await writeFile(join(home, 'waybill.lock'), `${process.pid} another-boot:1 id`);
  await (await lockHome(home)).release();
});

test.each(['', 'what?'])('a lock that holds %j is taken over', async (text) => {
  await writeFile(join(home, 'waybill.lock'), text);
  await (await lockHome(home)).release();
});

test('of many at once one gets a stale lock', async () => {
  await writeFile(join(home, 'waybill.lock'), '999999999 some-boot:1 id');
  const tries = await Promise.allSettled(Array.from({ length: 20 }, () => lockHome(home)));
  expect(tries.filter((one) => one.status === 'fulfilled')).toHaveLength(1);
  expect(await readdir(home)).toEqual(['waybill.lock']);
});
