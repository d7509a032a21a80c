import {
  chmod,
  chown,
  copyFile,
  mkdir,
  mkdtemp,
  readFile,
  realpath,
  rm,
  stat,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client } from 'pg';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { exists } from './folder.ts';
import { ephemeralRange } from './free-port.ts';
import { findNatsServer } from './nats-binary.ts';
import { isAlive, processesWith } from './process-table.ts';
import { type EmbeddedOptions, type Servers, startServers } from './servers.ts';
import { canRun, serviceAccount } from './service-account.ts';
import { createStream, request, storedMessages } from './support/jetstream.ts';
import { startOwner } from './support/owner.ts';

const root = process.getuid?.() === 0;
vi.setConfig({ testTimeout: 120_000, hookTimeout: 300_000 });
let folder: string;
let natsServerBin: string;

beforeAll(async () => {
  folder = await mkdtemp(join(await realpath(tmpdir()), 'waybill-servers-'));
  await chmod(folder, 0o755);
  // A copy that every account can run, wherever the one in use lies.
  natsServerBin = join(folder, 'nats-server');
  await copyFile(await findNatsServer({}), natsServerBin);
  await chmod(natsServerBin, 0o755);
});

afterAll(async () => {
  await rm(folder, { recursive: true, force: true });
});

function optionsFor(name: string): EmbeddedOptions {
  const cacheDir = join(folder, `${name}-cache`);
  return { home: join(folder, name), durability: 'fast', natsServerBin, cacheDir };
}

async function sql(servers: Servers, text: string): Promise<unknown> {
  const client = new Client({ connectionString: servers.postgres.url });
  await client.connect();
  try {
    const { rows } = await client.query<Readonly<Record<string, unknown>>>(text);
    return rows;
  } finally {
    await client.end();
  }
}

async function writeData(servers: Servers): Promise<void> {
  await sql(servers, 'CREATE TABLE kept (n int)');
  await sql(servers, 'INSERT INTO kept VALUES (7)');
  await createStream(servers.nats);
  expect(await request(servers.nats, 'kept.one', 'seven')).toContain('"seq":1');
}

async function expectData(servers: Servers): Promise<void> {
  expect(await sql(servers, 'SELECT n FROM kept')).toEqual([{ n: 7 }]);
  expect(await storedMessages(servers.nats)).toBe(1);
}

async function expectStopsInTime(servers: Servers): Promise<void> {
  const began = performance.now();
  await servers.stop();
  expect(performance.now() - began).toBeLessThan(2_000);
  for (const { pid } of [servers.nats, servers.postgres]) expect(isAlive(pid ?? 1)).toBe(false);
}

test('a restart finds its data at the same addresses, and stopping takes less than two seconds', async () => {
  const options = { ...optionsFor('plain'), durability: 'strict' } as const;
  const first = await startServers(options);
  const [low, high] = ephemeralRange();
  for (const url of [first.nats.url, first.nats.monitorUrl ?? '', first.postgres.url]) {
    const { port, hostname } = new URL(url);
    expect(hostname).toBe('127.0.0.1');
    expect(Number(port) < low || Number(port) > high).toBe(true);
  }
  await writeData(first);
  expect(await sql(first, 'SELECT current_database() AS db, uuidv7() IS NOT NULL AS pg18')).toEqual(
    [{ db: 'waybill', pg18: true }],
  );
  for (const file of ['nats/nats.conf', 'nats/password', 'postgres/password', 'waybill.lock']) {
    expect((await stat(join(options.home, file))).mode & 0o777).toBe(0o600);
  }
  expect(await readFile(join(options.home, 'nats/nats.conf'), 'utf8')).toContain(
    'sync_interval: always',
  );
  await expectStopsInTime(first);

  const second = await startServers(options);
  expect(second.nats.url).toBe(first.nats.url);
  expect(second.postgres.url).toBe(first.postgres.url);
  await expectData(second);
  await Promise.all([second.stop(), second.stop()]);
  await second.stop();
});

test('credentials are needed for both', async () => {
  const servers = await startServers(optionsFor('plain'));
  const { url } = servers.nats;
  await expect(request({ url }, 'kept.two', '')).rejects.toThrow('Authorization Violation');
  const open = new URL(servers.postgres.url);
  open.password = 'wrong';
  const client = new Client({ connectionString: open.href });
  await expect(client.connect()).rejects.toMatchObject({ code: '28P01' });
  await servers.stop();
});

test('a second Waybill on the same home is refused and told who has it', async () => {
  const owner = await startOwner({ start: 'startServers', options: optionsFor('shared') });
  const refused = startServers(optionsFor('shared'));
  await expect(refused).rejects.toMatchObject({
    code: 'home-in-use',
  });
  await expect(refused).rejects.toThrow(`process ${owner.child.pid}`);
  expect(await owner.finish()).toBe(0);
});

test('servers that a killed Waybill has left are taken over with their data', async () => {
  const owner = await startOwner({ start: 'startServers', options: optionsFor('killed') });
  await writeData(owner.servers);
  await owner.interrupt('SIGKILL');
  const said: string[] = [];
  const next = await startServers({ ...optionsFor('killed'), say: (line) => said.push(line) });
  expect(said.filter((line) => line.includes('taken over'))).toHaveLength(2);
  expect(next.nats.pid).toBe(owner.servers.nats.pid);
  expect(next.postgres.pid).toBe(owner.servers.postgres.pid);
  await expectData(next);
  await expectStopsInTime(next);
});

test('servers left with another configuration are ended and started anew with their data', async () => {
  const owner = await startOwner({ start: 'startServers', options: optionsFor('changed') });
  await writeData(owner.servers);
  await owner.interrupt('SIGKILL');
  const next = await startServers({ ...optionsFor('changed'), durability: 'strict' });
  expect(next.nats.pid).not.toBe(owner.servers.nats.pid);
  expect(isAlive(owner.servers.nats.pid ?? 1)).toBe(false);
  expect(next.nats.url).toBe(owner.servers.nats.url);
  await expectData(next);
  await next.stop();
});

test('data survives a kill of Waybill and both servers at once', async () => {
  const owner = await startOwner({ start: 'startServers', options: optionsFor('all-killed') });
  await writeData(owner.servers);
  const { nats, postgres } = owner.servers;
  for (const pid of [nats.pid, postgres.pid]) if (pid !== undefined) process.kill(pid, 'SIGKILL');
  await owner.interrupt('SIGKILL');
  const next = await startServers(optionsFor('all-killed'));
  expect(next.postgres.pid).not.toBe(postgres.pid);
  await expectData(next);
  await next.stop();
});

test('Ctrl-C in the terminal does not reach the servers', async () => {
  const owner = await startOwner({ start: 'startServers', options: optionsFor('interrupted') });
  await owner.interrupt('SIGINT');
  await expect(request(owner.servers.nats, '$JS.API.INFO', '')).resolves.toContain('"memory"');
  expect(await sql(owner.servers, 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
  await (await startServers(optionsFor('interrupted'))).stop();
});

test('root keeps Postgres data elsewhere when its account cannot enter the home', async (context) => {
  if (!root) context.skip('only root lends Postgres another account');
  const closed = join(folder, 'closed');
  await mkdir(closed, { mode: 0o700 });
  const said: string[] = [];
  const say = (line: string): number => said.push(line);
  const options = { ...optionsFor('closed/home'), say };
  const first = await startServers(options);
  const elsewhere = (await readFile(join(closed, 'home/postgres/location'), 'utf8')).trim();
  expect(first.postgres.dataDir).toBe(join(elsewhere, 'data'));
  expect(elsewhere.startsWith(closed)).toBe(false);
  expect(said.filter((line) => line.includes('cannot enter'))).toHaveLength(1);
  await writeData(first);
  await first.stop();
  const second = await startServers(options);
  expect(second.postgres.dataDir).toBe(first.postgres.dataDir);
  expect(said.filter((line) => line.includes('cannot enter'))).toHaveLength(1);
  await expectData(second);
  await second.stop();
  await rm(elsewhere, { recursive: true });
});

test('an ordinary user starts both in a private home', async (context) => {
  const account = await serviceAccount();
  if (account === undefined) context.skip('only root can become somebody else; others just ran it');
  const reachable = '"$1" -v && test -r "$2"';
  const here = new URL('./index.ts', import.meta.url).pathname;
  if (!(await canRun(account, reachable, process.execPath, here))) {
    context.skip('this checkout is closed to other users');
  }
  const options = optionsFor('private');
  await mkdir(options.home, { mode: 0o700 });
  await chown(options.home, account?.uid ?? 0, account?.gid ?? 0);
  const owner = await startOwner({ start: 'startServers', options, account });
  expect((await stat(owner.servers.nats.dataDir ?? '')).uid).toBe(account?.uid);
  expect(owner.servers.postgres.dataDir).toBe(join(options.home, 'postgres/data'));
  await writeData(owner.servers);
  await owner.interrupt('SIGKILL');
  const next = await startOwner({ start: 'startServers', options, account });
  await expectData(next.servers);
  expect(await next.finish()).toBe(0);
  expect(isAlive(next.servers.nats.pid ?? 1)).toBe(false);
});

test('a home that cannot be used is refused with its reason', async () => {
  const refused = startServers({ ...optionsFor('x'), home: 'here' });
  await expect(refused).rejects.toMatchObject({
    code: 'home-unusable',
    exitCode: 78,
  });
  await expect(refused).rejects.toThrow('not an absolute path');
  const home = join(natsServerBin, 'home');
  await expect(startServers({ ...optionsFor('x'), home })).rejects.toMatchObject({
    code: 'home-unusable',
  });
});

test('servers that were given are used as they are, and none is started', async () => {
  const options = optionsFor('external');
  const servers = await startServers({
    ...options,
    natsUrl: 'nats://there:4222',
    databaseUrl: 'postgres://there/db',
  });
  expect(servers.nats).toEqual({ url: 'nats://there:4222', version: 'unknown', embedded: false });
  expect(servers.postgres.embedded).toBe(false);
  await servers.stop();
  expect(await exists(join(options.home, 'nats'))).toBe(false);
});

test('when one cannot start, the other is ended and the home is free again', async () => {
  const options = optionsFor('half');
  await mkdir(join(options.home, 'nats'), { recursive: true });
  const bad = { ...options, natsServerBin: join(folder, 'nowhere') };
  await expect(startServers(bad)).rejects.toMatchObject({ code: 'nats-server-missing' });
  const data = join(options.home, 'postgres/data');
  expect(await exists(data)).toBe(true);
  expect(await processesWith(`-D ${data} -c listen_addresses=127.0.0.1`)).toEqual([]);
  await (await startServers(options)).stop();
});
