/** How git gets in: with a key and the hosts that are known, with a password over HTTP, and for the workflow's own repository. */
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { runJob } from './job-run.ts';
import { configOf, ran, recordedJob, scratch, surroundings } from './recorded-job.fixture.ts';
import { gitEnvironment, workflowRepositoryOf } from './repository.ts';

function repository(text: string): Readonly<{ folder: string; sha: string }> {
  const folder = path.join(scratch(), 'repo.git');
  mkdirSync(folder);
  const git = (...args: readonly string[]): string =>
    execFileSync('git', ['-c', 'user.name=t', '-c', 'user.email=t@example.org', ...args], {
      cwd: folder,
      encoding: 'utf8',
    }).trim();
  git('init', '-q', '-b', 'main');
  writeFileSync(path.join(folder, 'file.txt'), `${text}\n`);
  git('add', '.');
  git('commit', '-q', '-m', text);
  return { folder, sha: git('rev-parse', 'HEAD') };
}

/** `git http-backend` behind HTTP Basic: the server that git itself brings. */
async function gitServer(root: string, user: string, password: string): Promise<string> {
  const wanted = `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`;
  const serve = (request: IncomingMessage, response: ServerResponse): void => {
    if (request.headers.authorization !== wanted) {
      response.writeHead(401, { 'www-authenticate': 'Basic realm="x"' }).end();
      return;
    }
    const url = new URL(request.url ?? '/', 'http://x');
    const backend = spawn('git', ['http-backend'], {
      env: {
        PATH: process.env['PATH'] ?? '',
        GIT_PROJECT_ROOT: root,
        GIT_HTTP_EXPORT_ALL: '1',
        PATH_INFO: url.pathname,
        QUERY_STRING: url.search.slice(1),
        REQUEST_METHOD: request.method ?? 'GET',
        CONTENT_TYPE: request.headers['content-type'] ?? '',
        HTTP_GIT_PROTOCOL: String(request.headers['git-protocol'] ?? ''),
        GIT_CONFIG_COUNT: '1',
        GIT_CONFIG_KEY_0: 'safe.directory',
        GIT_CONFIG_VALUE_0: '*',
        REMOTE_USER: user,
      },
      stdio: ['pipe', 'pipe', 'ignore'],
    });
    request.pipe(backend.stdin);
    const chunks: Buffer[] = [];
    backend.stdout.on('data', (chunk: Buffer) => chunks.push(chunk));
    backend.on('close', () => {
      const whole = Buffer.concat(chunks);
      const at = whole.indexOf('\r\n\r\n');
      for (const line of whole.subarray(0, at).toString().split('\r\n')) {
        const [name = '', value = ''] = line.split(': ');
        if (name === 'Status') response.statusCode = Number.parseInt(value, 10);
        else response.setHeader(name, value);
      }
      response.end(whole.subarray(at + 4));
    });
  };
  const server = createServer(serve);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => void server.close());
  const { port } = server.address() as AddressInfo; // of a TCP server, which has just been listening
  return `http://127.0.0.1:${port}`;
}

const show = 'cat file.txt; git rev-parse HEAD';

describe('a password for the source', () => {
  it.each([
    ['sourceAuth', { sourceAuth: { kind: 'basic', user: 'me', secret: 'pw-very-secret' } }],
    [
      'sourceAuth and a token that agrees',
      {
        token: 'pw-very-secret',
        sourceAuth: { kind: 'basic', user: 'me', secret: 'pw-very-secret' },
      },
    ],
  ] as const)('in %s opens it over HTTP', async (_, auth) => {
    const { folder, sha } = repository('source');
    const url = await gitServer(path.dirname(folder), 'me', 'pw-very-secret');
    const { outcome, job } = await ran([`${show}; cat .git/config; env`], {
      repoUrl: `${url}/repo.git/.git`,
      ref: 'main',
      sha,
      ...auth,
    });
    expect(outcome.state, job.lines().join('\n')).toBe('success');
    expect(job.lines(0).slice(0, 2)).toEqual(['source', sha]);
    expect(job.lines().join('\n')).not.toContain('pw-very-secret');
    expect(job.said.facts).toEqual([
      {
        workspaceId: 'source',
        kind: 'git',
        uri: `${url}/repo.git/.git`,
        ref: 'main',
        sha,
        access: 'write',
      },
    ]);
  });
});

describe('a key for the source', () => {
  /** Says what it was called with and what the key's file was like, and then does locally what the host would do. */
  const fakeSsh = (record: string): string => {
    const bin = scratch();
    writeFileSync(
      path.join(bin, 'ssh'),
      `#!/bin/sh
if [ "$1" = -G ]; then exit 0; fi
for arg; do echo "$arg"; done > ${record}
while [ $# -gt 1 ]; do
  if [ "$1" = -i ]; then stat -c %a "$2" > ${record}.mode; cat "$2" > ${record}.key; fi
  case $1 in UserKnownHostsFile=*) f=\${1#*=\\"}; cat "\${f%\\"}" > ${record}.hosts ;; esac
  shift
done
exec sh -c "$1"
`,
      { mode: 0o755 },
    );
    return bin;
  };

  it.each([
    ['accept-new', {}, 'accept-new', ''],
    ['accept-new', { sshHostKeyPolicy: 'accept-new' }, 'accept-new', ''],
    [
      'pinned',
      { sshHostKeyPolicy: 'pinned', sshKnownHostsPem: 'host.example.org ssh-ed25519 AAAA\n' },
      'yes',
      'host.example.org ssh-ed25519 AAAA\n',
    ],
  ] as const)(
    'with hosts that are %s is used for the clone only',
    async (_, more, strict, hosts) => {
      const { folder, sha } = repository('over ssh');
      const record = path.join(scratch(), 'record');
      const bin = fakeSsh(record);
      const job = recordedJob({
        jobConfig: configOf([`${show}; ls -A "$(dirname "$WAYBILL_OUTPUT")"; env`]),
        repoUrl: `ssh://git@host.example.org${folder}`,
        ref: 'main',
        sha,
        sourceAuth: {
          kind: 'ssh',
          secret: '-----BEGIN KEY-----\nvery-secret-key\n-----END KEY-----',
          ...more,
        },
      });
      const around = await surroundings();
      const base = { ...around.base, path: `${bin}:${around.base.path}` };
      const outcome = await runJob(job.handle, { ...around, base });
      expect(outcome.state, job.lines().join('\n')).toBe('success');
      expect(job.lines(0).slice(0, 2)).toEqual(['over ssh', sha]);
      const args = readFileSync(record, 'utf8').split('\n');
      expect(args).toContain(`StrictHostKeyChecking=${strict}`);
      expect(args).toEqual(expect.arrayContaining(['BatchMode=yes', 'IdentitiesOnly=yes']));
      expect(args.includes('GlobalKnownHostsFile=/dev/null')).toBe(strict === 'yes');
      expect(args).toContain('git@host.example.org');
      expect(readFileSync(`${record}.mode`, 'utf8')).toBe('600\n');
      expect(readFileSync(`${record}.key`, 'utf8')).toContain('very-secret-key\n');
      expect(readFileSync(`${record}.hosts`, 'utf8')).toBe(hosts);
      expect(job.lines(0)).not.toContain('ssh-key');
      expect(job.lines().join('\n')).not.toContain('very-secret-key');
    },
  );

  it('makes options that ssh itself understands, whatever the folder is called', async (context) => {
    if (!existsSync('/usr/bin/ssh')) return context.skip('there is no ssh on this machine');
    const files = path.join(scratch(), "it's a folder");
    mkdirSync(files);
    const { GIT_SSH_COMMAND: command } = await gitEnvironment(
      {
        url: 'ssh://git@host.example.org/x',
        auth: {
          kind: 'ssh',
          secret: 'key',
          sshHostKeyPolicy: 'pinned',
          sshKnownHostsPem: 'host ssh-ed25519 AAAA',
        },
      },
      files,
    );
    const told = execFileSync('sh', ['-c', `${command} -G host.example.org`], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    expect(told).toContain('stricthostkeychecking true');
    expect(told).toContain(`userknownhostsfile "${files}/known-hosts"`.replaceAll('"', ''));
    expect(told).toContain('globalknownhostsfile /dev/null');
    expect(told).toContain(`identityfile ${files}/ssh-key`);
    expect(told).toContain('identitiesonly yes');
  });
});

describe('the workflow’s own repository', () => {
  const look = 'cat file.txt "$WAYBILL_WORKFLOW_PATH/file.txt"; git -C .workflow rev-parse HEAD';

  async function both(workflowPassword: string) {
    const source = repository('source');
    const workflow = repository('workflow');
    const sourceUrl = await gitServer(path.dirname(source.folder), 'me', 'pw-of-the-source');
    const workflowUrl = await gitServer(path.dirname(workflow.folder), 'me', workflowPassword);
    return {
      sha: workflow.sha,
      fields: {
        repoUrl: `${sourceUrl}/repo.git/.git`,
        ref: 'main',
        sha: source.sha,
        sourceAuth: { kind: 'basic', user: 'me', secret: 'pw-of-the-source' },
      } as const,
      jobConfig: {
        workflowRepoUrl: `${workflowUrl}/repo.git/.git`,
        workflowRef: 'main',
        workflowSha: workflow.sha,
      },
    };
  }

  it('is cloned beside the source, with credentials of its own', async () => {
    const { sha, fields, jobConfig } = await both('pw-of-the-workflow');
    const { outcome, job } = await ran([look], {
      ...fields,
      jobConfig,
      workflowAuth: { kind: 'basic', user: 'me', secret: 'pw-of-the-workflow' },
    });
    expect(outcome.state, job.lines().join('\n')).toBe('success');
    expect(job.lines(0)).toEqual(['source', 'workflow', sha]);
  });

  it('is cloned with those of the source where it has none, on the same host only', async () => {
    const source = repository('source');
    const url = await gitServer(path.dirname(source.folder), 'me', 'pw-of-the-source');
    const fields = {
      repoUrl: `${url}/repo.git/.git`,
      ref: 'main',
      sha: source.sha,
      sourceAuth: { kind: 'basic', user: 'me', secret: 'pw-of-the-source' },
    } as const;
    const same = await ran([look], {
      ...fields,
      jobConfig: { workflowRepoUrl: fields.repoUrl, workflowRef: 'main' },
    });
    expect(same.job.lines(0)).toEqual(['source', 'source', source.sha]);
    const other = await both('pw-of-the-source');
    const { outcome } = await ran([look], { ...fields, jobConfig: other.jobConfig });
    expect(outcome).toMatchObject({ state: 'failed', data: { reason: 'checkout_failed' } });
  });

  it.each([
    ['https://git.example/flow', true],
    ['http://git.example/flow', false],
    ['https://git.example:8443/flow', false],
    ['https://other.example/flow', false],
  ])('at %s has the credentials of the source: %s', (url, isShared) => {
    const auth = { kind: 'basic', secret: 'pw' } as const;
    const own = workflowRepositoryOf(url, {}, { url: 'https://git.example/source', auth });
    expect(own.auth).toEqual(isShared ? auth : undefined);
  });
});
