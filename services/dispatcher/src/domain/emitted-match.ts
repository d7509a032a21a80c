/**
 * Whether an event that a step emitted counts for a rule: it is for the rule's repository, and comes from one that the rule
 * trusts. A run of a stranger's code is trusted by its own repository alone. Pure.
 */
import {
  type EmittedEvent,
  type Rule,
  repositoryName,
  repositoryOf,
  repositoryPath,
  type TriggerReceived,
} from '@waybill/protocol';
import { matchesGlobs } from './glob.ts';

export function isHeardBy(
  { spec }: Rule,
  { trust }: Pick<TriggerReceived, 'trust'>,
  { source, target }: EmittedEvent,
): boolean {
  const own = ownRepository(spec.repo);
  const { repository } = source;
  if (!isMeant(target?.repos ?? [], own)) return false;
  const isOwn = own === repository;
  const { repos } = spec.on;
  if (repos === undefined) return isOwn;
  if (trust !== 'trusted' && !isOwn) return false;
  return matchesGlobs(repos.map(withoutScheme), repositoryName(repository));
}

/** Undefined where an expression decides: whoever emits would choose which repository is the rule's own. */
const ownRepository = (repo = ''): string | undefined =>
  repo.includes('${{') ? undefined : repositoryOf(repo);

/** It only narrows, so a short name will do: the address, `host/path`, or `owner/repo`. */
function isMeant(repos: readonly string[], own: string | undefined): boolean {
  if (repos.length === 0) return true;
  if (own === undefined || own === '') return false;
  const names = [repositoryName(own), repositoryPath(own)];
  return repos.some(
    (each) =>
      repositoryOf(each) === own || names.some((name) => matchesGlobs([withoutScheme(each)], name)),
  );
}

const withoutScheme = (glob: string): string => glob.replace(/^(!?)[a-z][a-z0-9+.-]*:\/\//i, '$1');
