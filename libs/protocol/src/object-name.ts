/**
 * How objects of runs are named beside the log. What a cache belongs to is said by its run alone, never by an agent: a repository
 * and whose code the run was made of, so that a fork's run neither sees nor poisons what a trusted one has saved.
 */
import { repositoryOf } from './repository-name.ts';
import type { RunCreated } from './run-created.ts';

/** As `@waybill/objects` names them. */
export type RunObject = Readonly<{
  org: string;
  kind: 'source' | 'deps' | 'cache' | 'provenance' | 'artifact' | 'log' | 'bundle';
  scope: string;
  name: string;
}>;

/** Of the caches of a run. Keys in a fixed order: the text is the name. */
export function cacheScope(run: RunCreated): string {
  const repository = run.repository ?? '';
  return run.trust === 'fork'
    ? JSON.stringify({ repository, trust: 'fork', head: headOf(run) })
    : JSON.stringify({ repository, trust: 'trusted' });
}

/** Of any object: only those of caches say it. */
export function isForkScope(scope: string): boolean {
  try {
    return member(JSON.parse(scope), 'trust') === 'fork';
  } catch {
    return false;
  }
}

/** Where a fork's code is from; of a run that was started by such a one, the first of the chain. */
function headOf({ event, trigger, runId }: RunCreated): string {
  const pull = member(event, 'pull_request') ?? member(event, 'workflow_run');
  const head = member(member(pull, 'head'), 'repo') ?? member(pull, 'head_repository');
  for (const name of ['clone_url', 'html_url', 'full_name'] as const) {
    const url = member(head, name);
    if (typeof url === 'string' && url !== '') return repositoryOf(url);
  }
  // Nobody knows whose it is: it shares with no other run.
  return `run:${trigger.from?.originalRunId ?? runId}`;
}

export const cacheObject = (
  run: RunCreated,
  kind: 'source' | 'deps' | 'cache',
  name: string,
): RunObject => ({ org: run.org, kind, scope: cacheScope(run), name });

export const depsKey = (lockfileHash: string, platform: string, arch: string): string =>
  `${lockfileHash}-${platform}-${arch}`;

type AttemptName = Readonly<{ org: string; runId: string; jobId: string; attempt: number }>;

const attemptScope = ({ runId, jobId, attempt }: AttemptName): string =>
  JSON.stringify({ run: runId, job: jobId, attempt });

/** Each attempt leaves its own: what a retry makes must not be lost to what the first one left behind. */
export const artifactObject = (of: AttemptName, name: string): RunObject => ({
  org: of.org,
  kind: 'artifact',
  scope: attemptScope(of),
  name,
});

export const provenanceObject = (of: AttemptName, subjectDigest: string): RunObject => ({
  org: of.org,
  kind: 'provenance',
  scope: attemptScope(of),
  name: subjectDigest,
});

export const artifactUri = (runId: string, name: string): string =>
  `artifact://exec/${runId}/${name.split('/').map(encodeURIComponent).join('/')}`;

export const bundleObject = (org: string, agentId: string, requestId: string): RunObject => ({
  org,
  kind: 'bundle',
  scope: JSON.stringify({ agent: agentId }),
  name: requestId,
});

const member = (value: unknown, key: string): unknown =>
  typeof value === 'object' && value !== null ? Reflect.get(value, key) : undefined;
