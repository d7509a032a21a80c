import { execFileSync } from 'node:child_process';
import { createReadStream } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { ran, scratch } from './recorded-job.fixture.ts';

type Repository = Readonly<{ folder: string; first: string; second: string }>;

async function repository(): Promise<Repository> {
  const folder = scratch();
  const git = (...args: readonly string[]): string =>
    execFileSync('git', ['-c', 'user.name=t', '-c', 'user.email=t@example.org', ...args], {
      cwd: folder,
      encoding: 'utf8',
    }).trim();
  git('init', '-q', '-b', 'main');
  await writeFile(path.join(folder, 'file.txt'), 'one\n');
  git('add', '.');
  git('commit', '-q', '-m', 'one');
  const first = git('rev-parse', 'HEAD');
  await writeFile(path.join(folder, 'file.txt'), 'two\n');
  git('commit', '-q', '-a', '-m', 'two');
  const second = git('rev-parse', 'HEAD');
  git('update-server-info');
  return { folder, first, second };
}

/** Serves files to those who sign in, as the simplest of git's servers. */
async function signedInServer(folder: string, authorization: string): Promise<string> {
  const server = createServer((request, response) => {
    if (request.headers.authorization !== authorization) {
      response.writeHead(401, { 'www-authenticate': 'Basic realm="x"' }).end();
      return;
    }
    const file = path.join(folder, '.git', new URL(request.url ?? '/', 'http://x').pathname);
    createReadStream(file)
      .on('error', () => response.writeHead(404).end())
      .pipe(response);
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  onTestFinished(() => void server.close());
  const { port } = server.address() as AddressInfo; // of a TCP server, which has just been listening
  return `http://127.0.0.1:${port}`;
}

const show = 'cat file.txt; git rev-parse HEAD';

describe('the repository of a job', () => {
  it.each([
    ['path', (folder: string) => folder],
    ['file address', (folder: string) => `file://${folder}`],
  ])('by its %s is there at its commit, the newest or not', async (_, address) => {
    const { folder, first, second } = await repository();
    for (const [sha, text] of [
      [first, 'one'],
      [second, 'two'],
    ] as const) {
      const { outcome, job } = await ran([show], { repoUrl: address(folder), ref: 'main', sha });
      expect(outcome.state, job.lines().join('\n')).toBe('success');
      expect(job.lines(0)).toEqual([text, sha]);
      expect(job.lines(-1)[0]).toContain(sha);
    }
  });

  it('without a commit is there at its branch, and without that at its head', async () => {
    const { folder, second } = await repository();
    for (const ref of ['refs/heads/main', 'main', '']) {
      const { job } = await ran([show], { repoUrl: folder, ref, sha: '' });
      expect(job.lines(0)).toEqual(['two', second]);
    }
  });

  it('at a short commit is there too', async () => {
    const { folder, first } = await repository();
    const { job } = await ran([show], { repoUrl: folder, ref: 'main', sha: first.slice(0, 10) });
    expect(job.lines(0)).toEqual(['one', first]);
  });

  it('is left alone when the job wants none', async () => {
    const { folder, second } = await repository();
    const { job } = await ran(['ls -A'], {
      repoUrl: folder,
      ref: 'main',
      sha: second,
      jobConfig: { checkout: false },
    });
    expect(job.lines()).toEqual([]);
  });

  it('that is not there fails the job, and no step runs', async () => {
    const { outcome, job } = await ran(['echo never'], {
      repoUrl: path.join(scratch(), 'nothing'),
      ref: 'main',
      sha: 'a'.repeat(40),
    });
    expect(outcome).toMatchObject({ state: 'failed', data: { reason: 'checkout_failed' } });
    expect(job.steps.map(({ state }) => state)).toEqual(['skipped']);
    expect(job.lines(-1).join('\n')).toContain('git could not fetch the commit');
  });

  it.each([
    ['--upload-pack=touch x', 'main', ''],
    ['ext::sh -c "touch x"', 'main', ''],
  ])('%s runs nothing of its own', async (repoUrl, ref, sha) => {
    const { outcome } = await ran(['true'], { repoUrl, ref, sha });
    expect(outcome).toMatchObject({ state: 'failed', data: { reason: 'checkout_failed' } });
  });
});

describe('credentials for a repository', () => {
  const secret = 'pat-very-secret';
  const basic = (user: string) => Buffer.from(`${user}:${secret}`).toString('base64');

  it.each([
    ['a token', 'x-access-token', { token: secret }],
    ['a user and a password', 'me', { sourceAuth: { kind: 'basic', user: 'me', secret } }],
  ] as const)('that are %s open it and show up nowhere', async (_, user, auth) => {
    const { folder, first } = await repository();
    const url = await signedInServer(folder, `Basic ${basic(user)}`);
    const { outcome, job } = await ran([`${show}; cat .git/config; env`], {
      repoUrl: url,
      ref: 'main',
      sha: first,
      ...auth,
    });
    expect(outcome.state, job.lines().join('\n')).toBe('success');
    expect(job.lines(0).slice(0, 2)).toEqual(['one', first]);
    const told = job.lines().join('\n');
    for (const leak of [secret, basic(user), 'extraHeader', '***'])
      expect(told).not.toContain(leak);
  });

  it('that stand in the address are taken out of it', async () => {
    const { folder, first } = await repository();
    const url = await signedInServer(folder, `Basic ${basic('me')}`);
    const { outcome, job } = await ran([`${show}; cat .git/config; echo $WAYBILL_REPO_URL`], {
      repoUrl: url.replace('://', `://me:${secret}@`),
      ref: 'main',
      sha: first,
    });
    expect(outcome.state, job.lines().join('\n')).toBe('success');
    expect(job.lines().join('\n')).not.toContain(secret);
  });

  it('that are wrong fail the job without asking anybody', async () => {
    const { folder, first } = await repository();
    const url = await signedInServer(folder, `Basic ${basic('me')}`);
    const { outcome } = await ran(['true'], {
      repoUrl: url,
      ref: 'main',
      sha: first,
      token: 'wrong-token',
    });
    expect(outcome).toMatchObject({ state: 'failed', data: { reason: 'checkout_failed' } });
  });
});
