/**
 * Which repository a dispatch names, and how git may read it. Credentials never stand in an argument, in the clone's
 * configuration or in the address: they are handed to git in its environment or in a file that only its user can read.
 */
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import type { wire } from '@waybill/protocol';

export type Repository = Readonly<{
  /** Without user and password. */
  url: string;
  auth: wire.GitAuth | undefined;
}>;

/** Hosts that take tokens as passwords take them under this name. */
const tokenUser = 'x-access-token';

export function repositoryOf(dispatch: wire.JobDispatch): Repository {
  const { url, auth } = splitUrl(dispatch.repoUrl);
  const token: wire.GitAuth | undefined =
    dispatch.token === undefined ? undefined : { kind: 'basic', secret: dispatch.token };
  return { url, auth: dispatch.sourceAuth ?? token ?? auth };
}

/**
 * The workflow's own repository. Without credentials of its own it is read with those of the source, where it is on the same
 * host: another one must not learn them, nor whoever listens on the way to it.
 */
export function workflowRepositoryOf(
  text: string,
  { workflowAuth }: Pick<wire.JobDispatch, 'workflowAuth'>,
  source: Repository,
): Repository {
  const { url, auth } = splitUrl(text);
  const shared = hostOf(url) === hostOf(source.url) ? source.auth : undefined;
  return { url, auth: workflowAuth ?? auth ?? shared };
}

/** Also of `git@host:path`; paths have none, and are all on one. */
function hostOf(url: string): string {
  if (URL.canParse(url)) {
    const { protocol, host } = new URL(url);
    return `${protocol}//${host}`;
  }
  return /^(?:[^@/]+@)?([^:/]+):/.exec(url)?.[1] ?? '';
}

function splitUrl(text: string): Repository {
  if (!/^https?:\/\//i.test(text) || !URL.canParse(text)) return { url: text, auth: undefined };
  const url = new URL(text);
  if (url.username === '' && url.password === '') return { url: text, auth: undefined };
  const auth = {
    kind: 'basic' as const,
    user: decodeURIComponent(url.username),
    secret: decodeURIComponent(url.password),
  };
  url.username = '';
  url.password = '';
  return { url: url.href, auth };
}

/** What git needs in its environment to reach the repository, and only for that. Writes into `files`. */
export async function gitEnvironment(
  { url, auth }: Repository,
  files: string,
): Promise<Readonly<Record<string, string>>> {
  const config = path.join(files, 'gitconfig');
  await writeFile(config, gitConfig(url), { mode: 0o600 });
  return {
    GIT_CONFIG_GLOBAL: config,
    GIT_TERMINAL_PROMPT: '0',
    GIT_ALLOW_PROTOCOL: 'file:git:http:https:ssh',
    GIT_SSH_COMMAND: 'ssh -o BatchMode=yes',
    ...(auth?.kind === 'basic' ? headerFor(url, auth) : {}),
    ...(auth?.kind === 'ssh' ? await sshFor(auth, files) : {}),
  };
}

function gitConfig(url: string): string {
  const local = url.replace(/^file:\/\//, '');
  const quoted = local.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '');
  // Whoever asked for this very repository trusts it, also when another user of the host owns it.
  const safe = path.isAbsolute(local)
    ? `[safe]\n\tdirectory = "${quoted}"\n\tdirectory = "${quoted}/.git"\n`
    : '';
  return `[credential]\n\thelper =\n[advice]\n\tdetachedHead = false\n[gc]\n\tauto = 0\n${safe}`;
}

function headerFor(url: string, auth: wire.GitAuth): Readonly<Record<string, string>> {
  if (!URL.canParse(url)) return {};
  const basic = Buffer.from(`${auth.user ?? tokenUser}:${auth.secret}`).toString('base64');
  return {
    GIT_CONFIG_COUNT: '1',
    // Only for this host: another one that the repository points to gets nothing.
    GIT_CONFIG_KEY_0: `http.${new URL(url).origin}/.extraHeader`,
    GIT_CONFIG_VALUE_0: `Authorization: Basic ${basic}`,
  };
}

async function sshFor(
  auth: wire.GitAuth,
  files: string,
): Promise<Readonly<Record<string, string>>> {
  const key = path.join(files, 'ssh-key');
  const hosts = path.join(files, 'known-hosts');
  await writeFile(key, auth.secret.endsWith('\n') ? auth.secret : `${auth.secret}\n`, {
    mode: 0o600,
  });
  await writeFile(hosts, auth.sshKnownHostsPem ?? '', { mode: 0o600 });
  const strict = auth.sshHostKeyPolicy === 'pinned' ? 'yes' : 'accept-new';
  const options = [
    '-o BatchMode=yes',
    '-o IdentitiesOnly=yes',
    '-o IdentityAgent=none',
    `-o StrictHostKeyChecking=${strict}`,
    // In quotes of its own, because it may name several files.
    `-o ${shellWord(`UserKnownHostsFile="${hosts}"`)}`,
    // Hosts that this machine happens to know are not among the pinned ones.
    ...(strict === 'yes' ? ['-o GlobalKnownHostsFile=/dev/null'] : []),
  ];
  return { GIT_SSH_COMMAND: `ssh -i ${shellWord(key)} ${options.join(' ')}` };
}

/** Git has a shell read the command. */
const shellWord = (text: string): string => `'${text.replaceAll("'", String.raw`'\''`)}'`;
