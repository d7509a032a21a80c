/**
 * The address of a repository as people type it, with a password in it: the password is a secret and goes where credentials are
 * sealed, and what is stored and shown is the address alone.
 */
import type { wire } from '@waybill/protocol';

type Addressed = Readonly<{ repoUrl?: string | undefined; sourceAuth?: wire.GitAuth | undefined }>;

export function withoutPassword<T extends Addressed>(request: T): T {
  const { repoUrl = '', sourceAuth } = request;
  if (!/^https?:\/\//i.test(repoUrl) || !URL.canParse(repoUrl)) return request;
  const url = new URL(repoUrl);
  if (url.password === '') return request;
  const user = plain(url.username);
  const secret = plain(url.password);
  url.username = '';
  url.password = '';
  const auth = { kind: 'basic' as const, ...(user === '' ? {} : { user }), secret };
  return { ...request, repoUrl: url.href, sourceAuth: sourceAuth ?? auth };
}

/** As it stands where it was not encoded. */
function plain(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
