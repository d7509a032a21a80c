/**
 * Finds a nats-server that is new enough: the one that was named, the one on the PATH, one that was got
 * before, else the newest of Debian or Ubuntu through this machine's own apt. Where that is not to be had,
 * one message says what to do on each system.
 */
import { execFile } from 'node:child_process';
import { access, constants } from 'node:fs/promises';
import { homedir } from 'node:os';
import { delimiter, join } from 'node:path';
import { promisify } from 'node:util';
import { obtainFromDebian } from './debian-package.ts';
import { EmbeddedError } from './embedded-error.ts';
import { ensureFolder, exists } from './folder.ts';
import type { Say } from './server-process.ts';

export type NatsLookup = Readonly<{
  /** NATS_SERVER_BIN: used as it is or refused, never passed over. */
  named?: string | undefined;
  /** PATH; when left out, the system looks it up by itself. */
  path?: string | undefined;
  /** Folders with one that was got before; a new one goes to the first that can be written. */
  caches?: readonly string[] | undefined;
  /** Whether to get one when there is none; true when left out. */
  obtain?: boolean | undefined;
  say?: Say | undefined;
}>;

type Found = Readonly<{ binary: string; version: string }>;

const run = promisify(execFile);
const oldestMajor = 2;
const oldestMinor = 14;
const oldest = `${oldestMajor}.${oldestMinor}`;
const program = process.platform === 'win32' ? 'nats-server.exe' : 'nats-server';

export const defaultCacheDir = (): string => join(homedir(), '.cache', 'waybill');

export async function findNatsServer(lookup: NatsLookup): Promise<string> {
  const { named } = lookup;
  if (named !== undefined && named !== '') return namedServer(named);
  const caches = lookup.caches ?? [defaultCacheDir()];
  let tooOld: Found | undefined;
  for (const binary of [...(await onPath(lookup.path)), ...caches.map((at) => join(at, program))]) {
    const version = await versionOf(binary);
    if (version === undefined) continue;
    if (isNewEnough(version)) return binary;
    tooOld ??= { binary, version };
  }
  if (lookup.obtain === false) throw notFound(tooOld, 'looking further is switched off');
  return obtain(caches, tooOld, lookup.say ?? (() => undefined));
}

async function namedServer(binary: string): Promise<string> {
  const version = await versionOf(binary);
  if (version === undefined) {
    throw new EmbeddedError(
      'nats-server-missing',
      `NATS_SERVER_BIN is ${binary}, and that is not a nats-server that runs.\n${advice}`,
    );
  }
  if (!isNewEnough(version)) throw notFound({ binary, version }, undefined);
  return binary;
}

async function obtain(
  caches: readonly string[],
  tooOld: Found | undefined,
  say: Say,
): Promise<string> {
  const into = await firstWritable(caches);
  if (into === undefined) throw notFound(tooOld, `none of ${caches.join(', ')} can be written`);
  if (process.platform !== 'linux' || !(await exists('/usr/bin/apt-get'))) {
    throw notFound(tooOld, undefined);
  }
  const old = tooOld === undefined ? '' : ` (${tooOld.binary} is ${tooOld.version})`;
  say(
    `No nats-server ${oldest} or newer here${old}. Getting one with apt; nothing is installed system-wide.`,
  );
  try {
    const binary = await obtainFromDebian({
      package: 'nats-server',
      path: 'usr/sbin/nats-server',
      into,
      isGood: async (candidate) => isNewEnough(await versionOf(candidate)),
      say,
    });
    say(`nats-server ${await versionOf(binary)} is in ${into}.`);
    return binary;
  } catch (cause) {
    throw notFound(tooOld, cause instanceof Error ? cause.message : String(cause), cause);
  }
}

async function onPath(path: string | undefined): Promise<readonly string[]> {
  if (path !== undefined) {
    const folders = path.split(delimiter).filter((folder) => folder !== '');
    return folders.map((folder) => join(folder, program));
  }
  try {
    const { stdout } =
      process.platform === 'win32'
        ? await run('where', [program])
        : await run('/bin/sh', ['-c', `command -v ${program}`]);
    return stdout.split(/\r?\n/).filter((line) => line !== '');
  } catch {
    return [];
  }
}

async function firstWritable(folders: readonly string[]): Promise<string | undefined> {
  for (const folder of folders) {
    try {
      const real = await ensureFolder(folder);
      await access(real, constants.W_OK);
      return real;
    } catch {
      // A home that does not exist or belongs to somebody else: the next one.
    }
  }
  return undefined;
}

async function versionOf(binary: string): Promise<string | undefined> {
  try {
    const { stdout } = await run(binary, ['-v'], { timeout: 10_000 });
    return /v?(\d+\.\d+\.\d+\S*)/.exec(stdout)?.[1];
  } catch {
    return undefined;
  }
}

function isNewEnough(version: string | undefined): boolean {
  const [major = 0, minor = 0] = (version ?? '').split('.').map(Number);
  return major > oldestMajor || (major === oldestMajor && minor >= oldestMinor);
}

function notFound(
  tooOld: Found | undefined,
  reason: string | undefined,
  cause?: unknown,
): EmbeddedError {
  const why = reason === undefined ? '' : ` (${reason.trim()})`;
  return tooOld === undefined
    ? new EmbeddedError(
        'nats-server-missing',
        `Waybill needs nats-server ${oldest} or newer and found none${why}.\n${advice}`,
        { cause },
      )
    : new EmbeddedError(
        'nats-server-too-old',
        `Waybill needs nats-server ${oldest} or newer, and ${tooOld.binary} is ${tooOld.version}${why}.\n${advice}`,
        { cause },
      );
}

const advice = `  Debian, Ubuntu  sudo apt-get update, then start again: Waybill gets the newest one with apt by itself
  macOS           brew install nats-server
  Windows         scoop install nats-server (or: choco install nats-server)
  Container       docker run -d -p 4222:4222 nats:latest -js, then NATS_URL=nats://127.0.0.1:4222
  Anywhere        the release archive of nats-io/nats-server on GitHub, then NATS_SERVER_BIN=/path/to/nats-server
  A server of your own that has JetStream: NATS_URL=nats://host:4222, with NATS_USER and NATS_PASSWORD`;
