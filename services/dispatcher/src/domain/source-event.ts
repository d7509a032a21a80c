/**
 * What a trigger's payload says about a repository: where it is, which branch and commit, which files were touched. GitHub's
 * shapes are read as they come (push, pull request and whatever else names a repository); another producer may use the same. An
 * event that a step emitted says it of the run that it came from.
 */
import { EmittedEvent, repositoryOf, type TriggerReceived, type Trust } from '@waybill/protocol';

export type SourceEvent = Readonly<{
  repoUrl: string;
  /** The branch's name without `refs/heads/`; empty for tags and for events without a branch. */
  branch: string;
  ref: string;
  sha: string;
  /** Undefined where the payload does not list files: then a rule's `paths` do not match. */
  paths: readonly string[] | undefined;
  /** A push that deletes its branch has no commit to run on. */
  deleted: boolean;
  /** `fork` where the commit is of another repository than the one that the payload is about. */
  trust: Trust;
}>;

/** Of any trigger. `repoUrl`: what is cloned where it is not for the payload to say. */
export function aboutTrigger(trigger: TriggerReceived, repoUrl = ''): SourceEvent {
  if (trigger.kind !== 'upstream') return sourceEvent(trigger.data);
  const source = EmittedEvent.safeParse(trigger.data).data?.source;
  const branch = source?.ref ?? '';
  // Names of another repository mean nothing here.
  const isSame = source !== undefined && repositoryOf(repoUrl) === source.repository;
  return {
    repoUrl: '',
    branch,
    ref: isSame ? branch : '',
    sha: isSame ? source.sha : '',
    paths: undefined,
    deleted: false,
    trust: trigger.trust,
  };
}

type Fields = Readonly<Record<string, unknown>>;

const fields = (value: unknown): Fields =>
  typeof value === 'object' && value !== null ? (value as Fields) : {}; // just checked to be an object
const text = (value: unknown): string => (typeof value === 'string' ? value : '');
const texts = (value: unknown): readonly string[] =>
  Array.isArray(value) ? value.filter((each): each is string => typeof each === 'string') : [];

export function sourceEvent(data: unknown): SourceEvent {
  const payload = fields(data);
  const repository = fields(payload['repository']);
  const pull = fields(payload['pull_request']);
  const head = fields(pull['head']);
  const fullRef = text(payload['ref']);
  const branch =
    text(head['ref']) || branchOf(fullRef) || text(fields(payload['workflow_run'])['head_branch']);
  const sha =
    text(head['sha']) || text(payload['after']) || text(fields(payload['head_commit'])['id']);
  return {
    repoUrl: text(repository['clone_url']),
    branch,
    ref: branch || fullRef.replace(/^refs\/tags\//, ''),
    sha: /^0+$/.test(sha) ? '' : sha,
    paths: pathsOf(payload['commits']),
    deleted: payload['deleted'] === true,
    trust: isForeign(payload, pull) ? 'fork' : 'trusted',
  };
}

/** What a pull request or the run of a workflow brings from a repository that is not, or cannot be seen to be, this one. */
function isForeign(payload: Fields, pull: Fields): boolean {
  const { repository, pull_request: asked, workflow_run: made } = payload;
  const run = fields(made);
  const isPull = typeof asked === 'object' && asked !== null;
  const isRun = typeof made === 'object' && made !== null;
  const base = fields(fields(pull['base'])['repo'] ?? repository);
  return (
    (isPull && !isSameRepository(fields(fields(pull['head'])['repo']), base)) ||
    (isRun &&
      !isSameRepository(fields(run['head_repository']), fields(run['repository'] ?? repository)))
  );
}

function isSameRepository(one: Fields, other: Fields): boolean {
  if (typeof one['id'] === 'number' && typeof other['id'] === 'number')
    return one['id'] === other['id'];
  const name = text(one['full_name']).toLowerCase();
  return name !== '' && name === text(other['full_name']).toLowerCase();
}

const branchOf = (ref: string): string =>
  ref.startsWith('refs/heads/') ? ref.slice('refs/heads/'.length) : '';

function pathsOf(commits: unknown): readonly string[] | undefined {
  if (!Array.isArray(commits)) return undefined;
  const touched = commits
    .map(fields)
    .flatMap((commit) => ['added', 'modified', 'removed'].flatMap((key) => texts(commit[key])));
  return [...new Set(touched)];
}
