/** A push as GitHub delivers it: every field of the real payload, for a repository that lies on this machine. */
import { createHmac } from 'node:crypto';
import { type Push, person } from './repository.ts';

const HOST = 'https://github.example.com';
const API = `${HOST}/api/v3`;
const OWNER = {
  login: 'waybill-demo',
  id: 70_700_001,
  nodeId: 'MDEyOk9yZ2FuaXphdGlvbjcwNzAwMDAx',
} as const;
const REPOSITORY = 'sum';
const FULL_NAME = `${OWNER.login}/${REPOSITORY}`;

export type Delivery = Readonly<{ body: string; headers: Readonly<Record<string, string>> }>;

/** Signed over its bytes, with the headers that GitHub sends. */
export function pushDelivery(
  push: Push,
  o: Readonly<{ secret: string; deliveryId: string; nowMs: number }>,
): Delivery {
  const body = JSON.stringify(pushPayload(push, o.nowMs));
  const signature = createHmac('sha256', o.secret).update(body).digest('hex');
  return {
    body,
    headers: {
      accept: '*/*',
      'content-type': 'application/json',
      'user-agent': 'GitHub-Hookshot/0d1e2f3',
      'x-github-delivery': o.deliveryId,
      'x-github-event': 'push',
      'x-github-hook-id': '70700003',
      'x-github-hook-installation-target-id': '70700002',
      'x-github-hook-installation-target-type': 'repository',
      'x-hub-signature-256': `sha256=${signature}`,
    },
  };
}

function pushPayload(
  { branch, before, cloneUrl, commit }: Push,
  nowMs: number,
): Readonly<Record<string, unknown>> {
  const isFirst = /^0+$/.test(before);
  const author = { name: person.name, email: person.email, username: person.login };
  const head = {
    id: commit.id,
    tree_id: commit.tree,
    distinct: true,
    message: commit.message,
    timestamp: commit.timestamp,
    url: `${HOST}/${FULL_NAME}/commit/${commit.id}`,
    author,
    committer: author,
    added: commit.added,
    removed: [],
    modified: commit.modified,
  };
  return {
    ref: `refs/heads/${branch}`,
    before,
    after: commit.id,
    repository: repository(cloneUrl, branch, nowMs),
    pusher: { name: person.login, email: person.email },
    organization: {
      login: OWNER.login,
      id: OWNER.id,
      node_id: OWNER.nodeId,
      url: `${API}/orgs/${OWNER.login}`,
      repos_url: `${API}/orgs/${OWNER.login}/repos`,
      events_url: `${API}/orgs/${OWNER.login}/events`,
      hooks_url: `${API}/orgs/${OWNER.login}/hooks`,
      issues_url: `${API}/orgs/${OWNER.login}/issues`,
      members_url: `${API}/orgs/${OWNER.login}/members{/member}`,
      public_members_url: `${API}/orgs/${OWNER.login}/public_members{/member}`,
      avatar_url: `${HOST}/avatars/o/${OWNER.id}`,
      description: null,
    },
    sender: account(person.login, 70_700_004, 'MDQ6VXNlcjcwNzAwMDA0', 'User'),
    created: isFirst,
    deleted: false,
    forced: false,
    base_ref: null,
    compare: isFirst
      ? `${HOST}/${FULL_NAME}/commit/${commit.id.slice(0, 12)}`
      : `${HOST}/${FULL_NAME}/compare/${before.slice(0, 12)}...${commit.id.slice(0, 12)}`,
    commits: [head],
    head_commit: head,
  };
}

function account(
  login: string,
  id: number,
  nodeId: string,
  type: 'User' | 'Organization',
): Readonly<Record<string, unknown>> {
  const user = `${API}/users/${login}`;
  return {
    login,
    id,
    node_id: nodeId,
    avatar_url: `${HOST}/avatars/u/${id}`,
    gravatar_id: '',
    url: user,
    html_url: `${HOST}/${login}`,
    followers_url: `${user}/followers`,
    following_url: `${user}/following{/other_user}`,
    gists_url: `${user}/gists{/gist_id}`,
    starred_url: `${user}/starred{/owner}{/repo}`,
    subscriptions_url: `${user}/subscriptions`,
    organizations_url: `${user}/orgs`,
    repos_url: `${user}/repos`,
    events_url: `${user}/events{/privacy}`,
    received_events_url: `${user}/received_events`,
    type,
    user_view_type: 'public',
    site_admin: false,
  };
}

/** Paths of the repository's own API, as GitHub names them: `<key>_url`. */
const paths = {
  forks: '/forks',
  keys: '/keys{/key_id}',
  collaborators: '/collaborators{/collaborator}',
  teams: '/teams',
  hooks: '/hooks',
  issue_events: '/issues/events{/number}',
  events: '/events',
  assignees: '/assignees{/user}',
  branches: '/branches{/branch}',
  tags: '/tags',
  blobs: '/git/blobs{/sha}',
  git_tags: '/git/tags{/sha}',
  git_refs: '/git/refs{/sha}',
  trees: '/git/trees{/sha}',
  statuses: '/statuses/{sha}',
  languages: '/languages',
  stargazers: '/stargazers',
  contributors: '/contributors',
  subscribers: '/subscribers',
  subscription: '/subscription',
  commits: '/commits{/sha}',
  git_commits: '/git/commits{/sha}',
  comments: '/comments{/number}',
  issue_comment: '/issues/comments{/number}',
  contents: '/contents/{+path}',
  compare: '/compare/{base}...{head}',
  merges: '/merges',
  archive: '/{archive_format}{/ref}',
  downloads: '/downloads',
  issues: '/issues{/number}',
  pulls: '/pulls{/number}',
  milestones: '/milestones{/number}',
  notifications: '/notifications{?since,all,participating}',
  labels: '/labels{/name}',
  releases: '/releases{/id}',
  deployments: '/deployments',
} as const;

function repository(
  cloneUrl: string,
  branch: string,
  nowMs: number,
): Readonly<Record<string, unknown>> {
  const api = `${API}/repos/${FULL_NAME}`;
  const html = `${HOST}/${FULL_NAME}`;
  const seconds = Math.floor(nowMs / 1_000);
  const at = new Date(seconds * 1_000).toISOString().replace('.000Z', 'Z');
  return {
    id: 70_700_002,
    node_id: 'MDEwOlJlcG9zaXRvcnk3MDcwMDAwMg==',
    name: REPOSITORY,
    full_name: FULL_NAME,
    private: false,
    owner: {
      name: OWNER.login,
      email: null,
      ...account(OWNER.login, OWNER.id, OWNER.nodeId, 'Organization'),
    },
    html_url: html,
    description: 'What `npm start` of Waybill tests',
    fork: false,
    url: html,
    ...Object.fromEntries(Object.entries(paths).map(([name, path]) => [`${name}_url`, api + path])),
    created_at: seconds,
    updated_at: at,
    pushed_at: seconds,
    git_url: cloneUrl,
    ssh_url: cloneUrl,
    // Where the commit really is: this is what the runner clones.
    clone_url: cloneUrl,
    svn_url: html,
    homepage: null,
    size: 1,
    stargazers_count: 0,
    watchers_count: 0,
    language: 'JavaScript',
    has_issues: true,
    has_projects: false,
    has_downloads: true,
    has_wiki: false,
    has_pages: false,
    has_discussions: false,
    forks_count: 0,
    mirror_url: null,
    archived: false,
    disabled: false,
    open_issues_count: 0,
    license: null,
    allow_forking: true,
    is_template: false,
    web_commit_signoff_required: false,
    topics: [],
    visibility: 'public',
    forks: 0,
    open_issues: 0,
    watchers: 0,
    default_branch: branch,
    stargazers: 0,
    master_branch: branch,
    organization: OWNER.login,
    custom_properties: {},
  };
}
