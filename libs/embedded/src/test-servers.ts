/**
 * Fresh servers in a temporary folder, for tests and benchmarks; stop() removes every trace. What a killed
 * test run has left behind, servers and folders, is cleared away by the next one.
 */
import { chmod, lstat, mkdtemp, readdir, realpath, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readText } from './folder.ts';
import { isAbandoned } from './home-lock.ts';
import type { Durability } from './nats-server.ts';
import { processesWith } from './process-table.ts';
import { end } from './server-process.ts';
import { type Servers, startServers } from './servers.ts';

export type TestServersOptions = Readonly<{
  /** `fast` when left out. */
  durability?: Durability | undefined;
  /** Which of the two; both when left out. */
  nats?: boolean | undefined;
  postgres?: boolean | undefined;
  cacheDir?: string | undefined;
  natsServerBin?: string | undefined;
}>;

const prefix = 'waybill-test-';

export async function startTestServers(options: TestServersOptions = {}): Promise<Servers> {
  await clearAbandoned();
  const home = await mkdtemp(join(await realpath(tmpdir()), prefix));
  // Made for us alone, but Postgres must be able to pass when root lends it another account.
  await chmod(home, 0o711);
  try {
    const servers = await startServers({
      home,
      durability: options.durability ?? 'fast',
      cacheDir: options.cacheDir,
      natsServerBin: options.natsServerBin,
      natsUrl: options.nats === false ? 'not started' : undefined,
      databaseUrl: options.postgres === false ? 'not started' : undefined,
    });
    return {
      ...servers,
      stop: async () => {
        await servers.stop();
        await removeHome(home);
      },
    };
  } catch (error) {
    await removeHome(home);
    throw error;
  }
}

async function clearAbandoned(): Promise<void> {
  const folder = await realpath(tmpdir());
  for (const name of await readdir(folder)) {
    const home = join(folder, name);
    if (!name.startsWith(prefix) || !(await isOurs(home)) || !(await isAbandoned(home))) continue;
    for (const { pid } of await serversOf(home)) await end(pid, []);
    await removeHome(home);
  }
}

async function serversOf(home: string): Promise<readonly Readonly<{ pid: number }>[]> {
  const elsewhere = await readText(join(home, 'postgres', 'location'));
  const markers = [
    `-c ${join(home, 'nats', 'nats.conf')}`,
    `-D ${join(elsewhere ?? join(home, 'postgres'), 'data')} -c listen_addresses=127.0.0.1`,
  ];
  return (await Promise.all(markers.map((marker) => processesWith(marker)))).flat();
}

async function isOurs(home: string): Promise<boolean> {
  return lstat(home).then(
    (found) => found.isDirectory() && found.uid === process.getuid?.(),
    () => false,
  );
}

async function removeHome(home: string): Promise<void> {
  const elsewhere = await readText(join(home, 'postgres', 'location')).catch(() => undefined);
  if (elsewhere !== undefined) await rm(elsewhere, { recursive: true, force: true });
  await rm(home, { recursive: true, force: true, maxRetries: 3 });
}
