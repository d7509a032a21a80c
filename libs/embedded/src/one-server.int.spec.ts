import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client } from 'pg';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { exists } from './folder.ts';
import { findNatsServer } from './nats-binary.ts';
import { startNats } from './nats-server.ts';
import { startPostgres } from './postgres-server.ts';
import { isAlive } from './process-table.ts';
import { createStream, request, storedMessages } from './support/jetstream.ts';
import { startOwner } from './support/owner.ts';
import { startTestServers } from './test-servers.ts';
import { until } from './wait.ts';

vi.setConfig({ testTimeout: 120_000, hookTimeout: 300_000 });
let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'waybill-one-'));
  await chmod(folder, 0o711);
});

afterAll(async () => {
  await rm(folder, { recursive: true, force: true });
});

test('nats-server is killed and comes back at the same address with its data', async () => {
  const binary = await findNatsServer({});
  const nats = await startNats({ dir: join(folder, 'nats'), binary, durability: 'fast' });
  await createStream(nats);
  await request(nats, 'kept.one', 'seven');
  const { pid } = nats;
  await nats.kill();
  expect(isAlive(pid)).toBe(false);
  await expect(storedMessages(nats)).rejects.toThrow('ECONNREFUSED');
  await nats.restart();
  expect(nats.pid).not.toBe(pid);
  expect(await storedMessages(nats)).toBe(1);
  await nats.stop();
  expect(isAlive(nats.pid)).toBe(false);
});

test('a frozen nats-server is ended all the same', async () => {
  const binary = await findNatsServer({});
  const nats = await startNats({ dir: join(folder, 'frozen'), binary, durability: 'fast' });
  nats.signal('SIGSTOP');
  await nats.stop();
  expect(isAlive(nats.pid)).toBe(false);
});

test('a server that ends by itself gets a line', async () => {
  const said: string[] = [];
  const nats = await startNats({
    dir: join(folder, 'alone'),
    binary: await findNatsServer({}),
    durability: 'fast',
    say: (line) => said.push(line),
  });
  process.kill(nats.pid, 'SIGKILL');
  const line = await until({ withinMs: 5_000 }, async () => said.at(-1));
  expect(line).toMatch(/^nats-server ended by itself \(SIGKILL\)/);
  await nats.stop();
});

test('Postgres is killed with open connections and comes back at the same address', async () => {
  const postgres = await startPostgres({ dir: join(folder, 'postgres') });
  const open = new Client({ connectionString: postgres.url });
  open.on('error', () => undefined);
  await open.connect();
  await open.query('CREATE TABLE kept AS SELECT 7 AS n');
  const { pid } = postgres;
  await postgres.kill();
  expect(isAlive(pid)).toBe(false);
  await postgres.restart();
  expect(postgres.pid).not.toBe(pid);
  const client = new Client({ connectionString: postgres.url });
  await client.connect();
  expect((await client.query('SELECT n FROM kept')).rows).toEqual([{ n: 7 }]);
  await client.end();
  await postgres.stop();
});

test('test servers run beside each other and leave nothing behind', async () => {
  const [both, natsOnly] = await Promise.all([
    startTestServers(),
    startTestServers({ postgres: false, durability: 'strict' }),
  ]);
  expect(natsOnly.postgres.embedded).toBe(false);
  expect(natsOnly.nats.url).not.toBe(both.nats.url);
  const dirs = [both.nats.dataDir, both.postgres.dataDir, natsOnly.nats.dataDir];
  await Promise.all([both.stop(), natsOnly.stop()]);
  for (const dir of dirs) expect(await exists(dir ?? '')).toBe(false);
});

test('what a killed test run has left is cleared away by the next', async () => {
  const killed = await startOwner({ start: 'startTestServers', options: {} });
  await killed.interrupt('SIGKILL');
  const { nats, postgres } = killed.servers;
  expect(isAlive(nats.pid ?? 0)).toBe(true);
  const next = await startTestServers({ postgres: false });
  for (const { pid } of [nats, postgres]) expect(isAlive(pid ?? 1)).toBe(false);
  for (const { dataDir } of [nats, postgres]) expect(await exists(dataDir ?? '/')).toBe(false);
  await next.stop();
});
