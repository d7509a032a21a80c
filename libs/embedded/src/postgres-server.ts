/**
 * The embedded Postgres 18: one cluster, one superuser, one database "waybill", on a loopback port of its
 * own. Every commit is on disk before it is answered, in both durability profiles.
 */
import { randomBytes } from 'node:crypto';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { Client } from 'pg';
import { EmbeddedError } from './embedded-error.ts';
import { ensureFolder, errorCode, exists, readText, writePrivate } from './folder.ts';
import { freePort } from './free-port.ts';
import { postgresBinaries } from './postgres-binaries.ts';
import { createCluster, dataFolder, removeStalePid, superuser } from './postgres-data.ts';
import type { Say } from './server-process.ts';
import { type Account, ownerOf, serviceAccount } from './service-account.ts';
import { AddressInUse, adopt, type Recipe, type Supervised, start } from './supervised-server.ts';

export type PostgresOptions = Readonly<{
  /** Where its password, port and, if possible, its data are kept. */
  dir: string;
  /** The folder for its log; the same one when left out. */
  logs?: string | undefined;
  cacheDir?: string | undefined;
  say?: Say | undefined;
}>;

export type PostgresServer = Readonly<{
  /** With credentials. */
  url: string;
  version: string;
  dataDir: string;
  readonly pid: number;
  signal(signal: NodeJS.Signals): void;
  kill(): Promise<void>;
  restart(): Promise<void>;
  stop(): Promise<void>;
}>;

const portTriesMax = 3;

export async function startPostgres(options: PostgresOptions): Promise<PostgresServer> {
  const say = options.say ?? (() => undefined);
  const dir = await ensureFolder(options.dir);
  const logs = await ensureFolder(options.logs ?? dir);
  const lent = await serviceAccount();
  const cacheDir = options.cacheDir ?? join(homedir(), '.cache', 'waybill');
  const { initdb, postgres } = await postgresBinaries(lent, cacheDir, say);
  const folder = await dataFolder(dir, lent, say);
  const dataDir = join(folder, 'data');
  const account = lent === undefined ? undefined : ((await ownerOf(dataDir)) ?? lent);
  const passwordFile = join(dir, 'password');
  const password = (await readText(passwordFile)) ?? randomBytes(32).toString('base64url');
  await writePrivate(passwordFile, password);
  const logFile = join(logs, 'postgres.log');
  const { port, server } = await startOnPort({
    portFile: join(dir, 'port'),
    recipeOn: (on) => recipe({ command: postgres, account, dataDir, password, logFile, say }, on),
    prepare: async () => {
      await removeStalePid(dataDir);
      if (await exists(join(dataDir, 'PG_VERSION'))) return;
      say(`Creating a Postgres database in ${dataDir} (a few seconds, once).`);
      await createCluster({ initdb, account, folder, dataDir, password });
    },
  });
  return {
    url: urlOf(port, password, 'waybill'),
    version: server.ready,
    dataDir,
    get pid() {
      return server.pid;
    },
    signal: server.signal,
    kill: server.kill,
    restart: server.restart,
    stop: server.stop,
  };
}

type Startable = Readonly<{
  portFile: string;
  recipeOn(port: number): Recipe<string>;
  /** Makes the data ready, once it is certain that no server runs on it. */
  prepare(): Promise<void>;
}>;

/** On the port it had before whenever that is free, so that its address stays the same. */
async function startOnPort(
  startable: Startable,
): Promise<Readonly<{ port: number; server: Supervised<string> }>> {
  const { portFile, recipeOn } = startable;
  const remembered = await rememberedPort(portFile);
  const first = remembered ?? (await freePort());
  const adopted = await adopt(recipeOn(first), remembered !== undefined);
  if (adopted !== undefined) return { port: first, server: adopted };
  await startable.prepare();
  for (let attempt = 1; ; attempt += 1) {
    const port = await freePort(attempt === 1 ? first : undefined);
    await writePrivate(portFile, String(port));
    try {
      return { port, server: await start(recipeOn(port)) };
    } catch (error) {
      if (!(error instanceof AddressInUse) || attempt === portTriesMax) throw error;
    }
  }
}

type Installation = Readonly<{
  command: string;
  account: Account | undefined;
  dataDir: string;
  password: string;
  logFile: string;
  say: Say;
}>;

function recipe(installation: Installation, port: number): Recipe<string> {
  const { password, dataDir } = installation;
  return {
    name: 'Postgres',
    ...installation,
    ...commandFor(dataDir, port),
    probe: () => probe(urlOf(port, password, 'postgres'), dataDir),
    // Fast shutdown writes a checkpoint; when that takes too long, the next start recovers instead.
    ending: [
      { signal: 'SIGINT', withinMs: 1_300 },
      { signal: 'SIGQUIT', withinMs: 300 },
    ],
    passing: /pre-existing shared memory block|lock file "postmaster\.pid" already exists/,
  };
}

function commandFor(
  dataDir: string,
  port: number,
): Readonly<{ marker: string; args: readonly string[] }> {
  const opening = ['-D', dataDir, '-c', 'listen_addresses=127.0.0.1'];
  const settings = [
    `port=${port}`,
    'unix_socket_directories=',
    'max_connections=100',
    'synchronous_commit=on',
    'timezone=UTC',
    'log_timezone=UTC',
  ];
  return {
    marker: opening.join(' '),
    args: [...opening, ...settings.flatMap((setting) => ['-c', setting])],
  };
}

/** The server's version once it answers and has the database. */
async function probe(url: string, dataDir: string): Promise<string | undefined> {
  const client = new Client({ connectionString: url, connectionTimeoutMillis: 2_000 });
  client.on('error', () => undefined);
  try {
    await client.connect();
    const found = await client.query(`SELECT 1 FROM pg_database WHERE datname = 'waybill'`);
    if (found.rowCount === 0) await client.query('CREATE DATABASE waybill');
    const { rows } = await client.query<{ server_version: string }>('SHOW server_version');
    return rows[0]?.server_version;
  } catch (cause) {
    if (errorCode(cause) !== '28P01') return undefined;
    throw new EmbeddedError(
      'start-failed',
      `The Postgres data in ${dataDir} was made with another password than the one kept beside it.`,
      { cause },
    );
  } finally {
    await client.end().catch(() => undefined);
  }
}

async function rememberedPort(file: string): Promise<number | undefined> {
  const port = Number(await readText(file));
  return Number.isInteger(port) && port > 0 ? port : undefined;
}

const urlOf = (port: number, password: string, database: string): string =>
  `postgres://${superuser}:${password}@127.0.0.1:${port}/${database}`;
