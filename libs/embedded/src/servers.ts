/**
 * NATS and Postgres for one Waybill: those that were given, used as they are, or our own, started for this
 * home and ended with it. Says in one line each what was chosen and how to choose otherwise.
 */
import { access, constants } from 'node:fs/promises';
import { isAbsolute, join } from 'node:path';
import { EmbeddedError } from './embedded-error.ts';
import { ensureFolder, errorCode } from './folder.ts';
import { lockHome } from './home-lock.ts';
import { defaultCacheDir, findNatsServer } from './nats-binary.ts';
import { type Durability, startNats } from './nats-server.ts';
import { startPostgres } from './postgres-server.ts';
import type { Say } from './server-process.ts';

export type EmbeddedOptions = Readonly<{
  /** WAYBILL_HOME, absolute. */
  home: string;
  durability: Durability;
  /** Given: used as they are, and nothing is started in their place. */
  natsUrl?: string | undefined;
  databaseUrl?: string | undefined;
  /** NATS_SERVER_BIN. */
  natsServerBin?: string | undefined;
  /** PATH; when left out, the system looks programs up by itself. */
  path?: string | undefined;
  /** What several homes share; `.cache/waybill` of the user when left out. */
  cacheDir?: string | undefined;
  /** Whether a missing nats-server may be got with apt; true when left out. */
  obtain?: boolean | undefined;
  /** One line for people for every choice and every step that takes time. */
  say?: Say | undefined;
}>;

export type Servers = Readonly<{
  nats: Readonly<{
    url: string;
    user?: string;
    password?: string;
    version: string;
    embedded: boolean;
    dataDir?: string;
    monitorUrl?: string;
    pid?: number;
  }>;
  /** Its URL has the credentials. */
  postgres: Readonly<{
    url: string;
    version: string;
    embedded: boolean;
    dataDir?: string;
    pid?: number;
  }>;
  /** Both at once, within two seconds; every call is the same stop. */
  stop(): Promise<void>;
}>;

type Part<T> = Readonly<{ is: T; stop(): Promise<void> }>;

export async function startServers(options: EmbeddedOptions): Promise<Servers> {
  try {
    return await startLocked(options);
  } catch (cause) {
    // Most often a home that root has used before somebody else does, or a full disk.
    if (!fileTroubles.has(errorCode(cause) ?? '')) throw cause;
    throw homeUnusable(options.home, cause);
  }
}

async function startLocked(options: EmbeddedOptions): Promise<Servers> {
  const home = await prepareHome(options.home);
  const lock = await lockHome(home);
  const chosen = { ...options, home };
  const parts = await Promise.allSettled([chooseNats(chosen), choosePostgres(chosen)] as const);
  const [nats, postgres] = parts;
  if (nats.status === 'rejected' || postgres.status === 'rejected') {
    await stopAll(parts.flatMap((part) => (part.status === 'fulfilled' ? [part.value] : [])));
    await lock.release();
    throw parts.find((part) => part.status === 'rejected')?.reason;
  }
  const stop = async (): Promise<void> => {
    await stopAll([nats.value, postgres.value]);
    await lock.release();
  };
  let stopped: Promise<void> | undefined;
  return {
    nats: nats.value.is,
    postgres: postgres.value.is,
    stop: () => {
      stopped ??= stop();
      return stopped;
    },
  };
}

async function chooseNats(options: EmbeddedOptions): Promise<Part<Servers['nats']>> {
  const { home, durability, natsUrl, say = () => undefined } = options;
  if (natsUrl !== undefined && natsUrl !== '') {
    say('NATS: the server that NATS_URL names.');
    return { is: { url: natsUrl, version: 'unknown', embedded: false }, stop: nothing };
  }
  const binary = await findNatsServer({
    named: options.natsServerBin,
    path: options.path,
    caches: [options.cacheDir ?? defaultCacheDir(), join(home, 'bin')],
    obtain: options.obtain,
    say,
  });
  const logs = join(home, 'logs');
  const server = await startNats({ dir: join(home, 'nats'), logs, binary, durability, say });
  const { url, user, password, version, dataDir, monitorUrl, pid } = server;
  say(
    `NATS: nats-server ${version} at ${url}, data in ${dataDir}, durability ${durability}. NATS_URL names another.`,
  );
  return {
    is: { url, user, password, version, embedded: true, dataDir, monitorUrl, pid },
    stop: server.stop,
  };
}

async function choosePostgres(options: EmbeddedOptions): Promise<Part<Servers['postgres']>> {
  const { home, databaseUrl, say = () => undefined } = options;
  if (databaseUrl !== undefined && databaseUrl !== '') {
    say('Postgres: the database that DATABASE_URL names.');
    return { is: { url: databaseUrl, version: 'unknown', embedded: false }, stop: nothing };
  }
  const server = await startPostgres({
    dir: join(home, 'postgres'),
    logs: join(home, 'logs'),
    cacheDir: options.cacheDir,
    say,
  });
  const { url, version, dataDir, pid } = server;
  say(
    `Postgres: ${version} at 127.0.0.1:${new URL(url).port}, data in ${dataDir}. DATABASE_URL names another.`,
  );
  return { is: { url, version, embedded: true, dataDir, pid }, stop: server.stop };
}

async function prepareHome(home: string): Promise<string> {
  if (!isAbsolute(home)) throw homeUnusable(home, new Error('it is not an absolute path'));
  const real = await ensureFolder(home);
  await access(real, constants.W_OK | constants.X_OK);
  return real;
}

const fileTroubles = new Set([
  'EACCES',
  'EPERM',
  'EROFS',
  'ENOSPC',
  'EDQUOT',
  'ENOTDIR',
  'ENAMETOOLONG',
]);

function homeUnusable(home: string, cause: unknown): EmbeddedError {
  const why = cause instanceof Error ? cause.message : String(cause);
  return new EmbeddedError('home-unusable', `WAYBILL_HOME ${home} cannot be used: ${why}`, {
    cause,
  });
}

async function stopAll(parts: readonly Part<unknown>[]): Promise<void> {
  await Promise.all(parts.map((part) => part.stop()));
}

async function nothing(): Promise<void> {
  // A server that was given is not ours to stop.
}
