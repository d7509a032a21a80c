/**
 * Repositories by name, so that two addresses of one repository are one: what a run belongs to, and what rules of one repository
 * trust another by. An address is what somebody clones from; the name has no credentials in it.
 */

const SCP = /^(?:[^@/\s]{1,256}@)?(?<host>[^:@/\s]{1,256}):(?!\/\/)(?<path>.+)$/s;

/** The address without credentials, query, a trailing `.git` and `/`; its host in lower case. Empty for none. */
export function repositoryOf(url: string): string {
  const text = url.trim();
  const parsed = URL.canParse(text) ? new URL(text) : undefined;
  if (parsed !== undefined && parsed.host !== '')
    return trimmed(`${parsed.protocol}//${parsed.host.toLowerCase()}${parsed.pathname}`);
  const { host, path } = SCP.exec(text)?.groups ?? {};
  return trimmed(host === undefined || path === undefined ? text : `${host.toLowerCase()}:${path}`);
}

/** `host/path` of what `repositoryOf` made, whichever way it is reached: what globs of rules are about. */
export function repositoryName(repository: string): string {
  const name = repository.replace(/^[a-z][a-z0-9+.-]*:\/\//i, '');
  return name === repository ? repository.replace(/^([^:/]+):\/?/, '$1/') : name;
}

/** `owner/repo`, as dashboards show it. */
export function repositoryPath(repository: string): string {
  const name = repositoryName(repository);
  const slash = name.indexOf('/');
  return name.slice(slash + 1);
}

function trimmed(text: string): string {
  const bare = withoutSlashes(text);
  return bare.endsWith('.git') ? withoutSlashes(bare.slice(0, -'.git'.length)) : bare;
}

function withoutSlashes(text: string): string {
  let end = text.length;
  while (end > 0 && text[end - 1] === '/') end -= 1;
  return text.slice(0, end);
}
