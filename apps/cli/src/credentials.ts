/**
 * `credentials.json` and what else a started Waybill leaves in its home for those who want to reach it: `keys.json`, the key
 * ring, and `servers.json`, the addresses of servers that it embeds, there only while they run. All of mode 0600.
 */
import { randomUUID } from 'node:crypto';
import { chmod, mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { isAbsolute, join, resolve } from 'node:path';
import { z } from 'zod';
import { CliError, exits } from './cli-error.ts';

export const Credentials = z.looseObject({
  url: z.string(),
  org: z.string(),
  apiKey: z.string(),
  agentToken: z.string(),
  /** Of agents that a scaler makes; homes of older versions have none. */
  scalerToken: z.string().optional(),
  webhookSecret: z.string(),
});
export type Credentials = z.infer<typeof Credentials>;

/** As environment variables: what a service alone needs to work beside a running `waybill up`. */
export const LocalServers = z.record(z.string(), z.string());
export type LocalServers = z.infer<typeof LocalServers>;

export const homeFolder = (given: string | undefined, cwd: string): string => {
  const home = given === undefined || given === '' ? '.waybill' : given;
  return isAbsolute(home) ? home : resolve(cwd, home);
};

const places = {
  credentials: 'credentials.json',
  keys: 'keys.json',
  servers: 'servers.json',
} as const;

export const readCredentials = (home: string): Promise<Credentials | undefined> =>
  readParsed(home, places.credentials, Credentials);
export const readLocalServers = (home: string): Promise<LocalServers | undefined> =>
  readParsed(home, places.servers, LocalServers);
export const readKeys = (home: string): Promise<string | undefined> =>
  readText(join(home, places.keys));

export const writeCredentials = (home: string, credentials: Credentials): Promise<void> =>
  writePrivate(join(home, places.credentials), `${JSON.stringify(credentials, null, 2)}\n`);
export const writeKeys = (home: string, serialised: string): Promise<void> =>
  writePrivate(join(home, places.keys), `${serialised}\n`);
export const writeLocalServers = (home: string, servers: LocalServers): Promise<void> =>
  writePrivate(join(home, places.servers), `${JSON.stringify(servers, null, 2)}\n`);
export const dropLocalServers = (home: string): Promise<void> =>
  rm(join(home, places.servers), { force: true });

async function readParsed<S extends z.ZodType>(
  home: string,
  name: string,
  schema: S,
): Promise<z.infer<S> | undefined> {
  const file = join(home, name);
  const text = await readText(file);
  if (text === undefined) return undefined;
  const parsed = schema.safeParse(parseJson(text));
  if (parsed.success) return parsed.data;
  throw new CliError(
    exits.config,
    `${file} is damaged. Restore it, or remove it: the next \`waybill up\` writes a new one.`,
  );
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

async function readText(file: string): Promise<string | undefined> {
  try {
    return (await readFile(file, 'utf8')).trim();
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : undefined;
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined;
    throw new CliError(
      exits.config,
      `${file} cannot be read (${String(code)}): check who owns it.`,
      { cause: error },
    );
  }
}

/** Appears complete or not at all, and is never readable by others, not even for a moment. */
async function writePrivate(file: string, text: string): Promise<void> {
  await mkdir(join(file, '..'), { recursive: true });
  const fresh = `${file}.${randomUUID()}`;
  await writeFile(fresh, text, { mode: 0o600, flag: 'wx' });
  await chmod(fresh, 0o600);
  await rename(fresh, file);
}
