/** The repository of a job at its commit, in the workspace: the one commit where the server gives it, else its history. */
import { rm } from 'node:fs/promises';
import path from 'node:path';
import type { CommandEnd } from './command.ts';
import { gitEnvironment, type Repository } from './repository.ts';
import type { Workspace } from './work-folder.ts';

export type CheckoutOptions = Readonly<{
  repository: Repository;
  ref: string;
  sha: string;
  workspace: Workspace;
  /** Runs git in the folder that the repository is for, with these variables over the base environment. */
  git: (args: readonly string[], env: Readonly<Record<string, string>>) => Promise<CommandEnd>;
  say: (line: string) => void;
}>;

const wholeSha = /^(?:[0-9a-f]{40}|[0-9a-f]{64})$/i;
const allBranches = '+refs/heads/*:refs/remotes/origin/*';

/** Undefined when it is there; else why not. */
export async function checkout(o: CheckoutOptions): Promise<string | undefined> {
  const { repository, ref, sha } = o;
  // Git would read such a name as an option.
  if ([repository.url, ref, sha].some((name) => name.startsWith('-')))
    return 'repoUrl, ref and sha must not begin with "-"';
  const env = await gitEnvironment(repository, o.workspace.files);
  const git = async (...args: readonly string[]): Promise<boolean> =>
    (await o.git(args, env)).exitCode === 0;
  try {
    o.say(
      `Fetching ${repository.url}${sha === '' ? '' : ` at ${sha}`}${ref === '' ? '' : ` (${ref})`}`,
    );
    const began =
      (await git('init', '--quiet')) && (await git('remote', 'add', 'origin', repository.url));
    if (!began) return 'git could not begin a repository';
    return (await fetchCommit(o, git)) ? undefined : 'git could not fetch the commit';
  } finally {
    // Steps need no key that was for the clone only.
    await rm(path.join(o.workspace.files, 'ssh-key'), { force: true });
  }
}

type Git = (...args: readonly string[]) => Promise<boolean>;

async function fetchCommit({ ref, sha, say }: CheckoutOptions, git: Git): Promise<boolean> {
  const one = ['fetch', '--quiet', '--no-tags', '--depth', '1', 'origin'];
  if (sha === '' || sha === 'HEAD') {
    return (await git(...one, ref === '' ? 'HEAD' : ref)) && (await git(...detach, 'FETCH_HEAD'));
  }
  if (wholeSha.test(sha) && (await git(...one, sha))) return git(...detach, 'FETCH_HEAD');
  say('The commit alone is not to be had; fetching all branches');
  const refs = ref === '' ? [] : [ref];
  const all = ['fetch', '--quiet', '--no-tags', 'origin', allBranches];
  // The ref may be gone by now while its commit is still on a branch.
  const fetched = (await git(...all, ...refs)) || (await git(...all));
  return fetched && git(...detach, sha);
}

const detach = ['checkout', '--quiet', '--detach'] as const;
