/** Every optional field of a dispatch that concerns what a job gets; clones have specs of their own. */

import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { contentHash } from './content-hash.ts';
import { type FileServer, fileServer } from './file-server.fixture.ts';
import { ran, scratch } from './recorded-job.fixture.ts';

type Files = Readonly<Record<string, string>>;

async function tarOn(server: FileServer, name: string, files: Files) {
  const folder = scratch();
  for (const [file, text] of Object.entries(files)) {
    mkdirSync(path.dirname(path.join(folder, file)), { recursive: true });
    writeFileSync(path.join(folder, file), text);
  }
  const tar = execFileSync('tar', ['-czf', '-', '-C', folder, '.']);
  server.files.set(name, tar);
  const sha256 = createHash('sha256').update(tar).digest('hex');
  return { url: `${server.url}${name}`, sha256, hash: await contentHash(folder) };
}

describe('sourceTarUrl and sourceTarHash', () => {
  const files = { '.ci/flow.txt': 'flow\n', 'a.txt': 'one\n' };

  it('give a job its source without a clone', async () => {
    const tar = await tarOn(await fileServer(), '/source', files);
    const { outcome, job } = await ran(['cat a.txt .ci/flow.txt; ls -A'], {
      sourceTarUrl: tar.url,
      sourceTarHash: tar.hash,
      repoUrl: '/nowhere/at/all',
      ref: 'main',
      sha: 'a'.repeat(40),
      jobConfig: { checkout: false },
    });
    expect(outcome.state, job.lines().join('\n')).toBe('success');
    expect(job.lines(0)).toEqual(['one', 'flow', '.ci', 'a.txt']);
  });

  it('of a source that has changed fail the job before anything runs', async () => {
    const tar = await tarOn(await fileServer(), '/source', files);
    for (const fields of [
      { sourceTarHash: 'b'.repeat(64) },
      { jobConfig: { contentHash: 'b'.repeat(64) } },
    ]) {
      const { outcome, job } = await ran([{ run: 'echo never', if: 'always()' }], {
        sourceTarUrl: tar.url,
        ...fields,
        jobConfig: { hooks: { cleanup: 'echo never' }, ...fields.jobConfig },
      });
      expect(outcome).toMatchObject({ state: 'failed', data: { reason: 'source_drift' } });
      expect(job.lines(-1).join('\n')).toContain(tar.hash);
      expect(job.steps.map(({ state }) => state)).toEqual(['skipped']);
    }
  });

  it('that is not there or no archive fails the job, and its address is not shown', async () => {
    const server = await fileServer();
    server.files.set('/no-tar?token=very-secret', Buffer.from('nothing'));
    for (const name of ['/absent?token=very-secret', '/no-tar?token=very-secret']) {
      const { outcome, job } = await ran(['echo never'], { sourceTarUrl: `${server.url}${name}` });
      expect(outcome).toMatchObject({ state: 'failed', data: { reason: 'source_unavailable' } });
      expect(JSON.stringify([outcome, job.lines()])).not.toContain('very-secret');
    }
  });
});

describe('depsUrl and depsHash', () => {
  it('put the dependencies in place of an installation', async () => {
    const tar = await tarOn(await fileServer(), '/deps', { 'node_modules/x/index.js': 'x\n' });
    const { outcome, job } = await ran(['cat node_modules/x/index.js'], {
      depsUrl: tar.url,
      depsHash: tar.sha256,
      jobConfig: { install: 'echo never' },
    });
    expect(outcome.state, job.lines().join('\n')).toBe('success');
    expect(job.lines(0)).toEqual(['x']);
    expect(job.lines()).not.toContain('never');
  });

  it('that do not agree fail the job before anything is unpacked or runs', async () => {
    const tar = await tarOn(await fileServer(), '/deps', { 'a.txt': 'x' });
    const file = path.join(scratch(), 'ran');
    const { outcome, job } = await ran([{ run: `touch ${file}`, if: 'always()' }], {
      depsUrl: tar.url,
      depsHash: 'c'.repeat(64),
      jobConfig: { hooks: { onFailure: `touch ${file}`, cleanup: `touch ${file}` } },
    });
    expect(outcome).toMatchObject({ state: 'failed', data: { reason: 'deps_unavailable' } });
    expect(job.lines(-1).join('\n')).toContain('SHA-256');
    expect(existsSync(file)).toBe(false);
  });
});

describe('an address at localhost', () => {
  it('is reached as the agent says, with its port', async () => {
    const server = await fileServer();
    const tar = await tarOn(server, '/source', { 'a.txt': 'x\n' });
    const asked: string[] = [];
    const { outcome } = await ran(
      ['cat a.txt'],
      { sourceTarUrl: `http://storage.invalid:${server.port}/source` },
      {
        reachable: (url) => {
          asked.push(url);
          return tar.url;
        },
      },
    );
    expect(outcome.state).toBe('success');
    expect(asked).toEqual([`http://storage.invalid:${server.port}/source`]);
  });
});

describe('npmRegistries and installEnvSecrets', () => {
  const registries = [
    {
      url: 'https://npm.example.org/private',
      scope: '@acme',
      alwaysAuth: true,
      token: 'npm-tok-1',
    },
    { url: 'https://other.example.org/', alwaysAuth: false, token: 'npm-tok-2' },
  ];

  it('are there for the installation, and gone for the steps', async () => {
    const copy = path.join(scratch(), 'npmrc');
    const { outcome, job } = await ran(
      [
        'env | grep -c NPM_CONFIG || true; echo "[$FEED_TOKEN]"; ls -A "$(dirname $WAYBILL_OUTPUT)"',
      ],
      {
        npmRegistries: registries,
        installEnvSecrets: { FEED_TOKEN: 'feed-token-value' },
        secrets: { STEP_ONLY: 'step-only-value' },
        jobConfig: {
          install: `cp "$NPM_CONFIG_USERCONFIG" ${copy}; echo "[$FEED_TOKEN] [$STEP_ONLY]"; cat ${copy}`,
        },
      },
    );
    expect(outcome.state, job.lines().join('\n')).toBe('success');
    expect(readFileSync(copy, 'utf8')).toBe(
      [
        '@acme:registry=https://npm.example.org/private/',
        '//npm.example.org/private/:_authToken=npm-tok-1',
        '//npm.example.org/private/:always-auth=true',
        'registry=https://other.example.org/',
        '//other.example.org/:_authToken=npm-tok-2',
        '',
      ].join('\n'),
    );
    expect(statSync(copy).mode & 0o077).toBe(0);
    expect(job.lines(-1)).toContain('[***] []');
    expect(job.lines().join('\n')).not.toContain('npm-tok');
    const [count, token, ...files] = job.lines(0);
    expect([count, token]).toEqual(['0', '[]']);
    expect(files).not.toContain('npmrc');
  });

  it('that would break out of their line install nothing', async () => {
    const { outcome } = await ran(['true'], {
      npmRegistries: [{ url: 'https://x.example.org', alwaysAuth: false, token: 'a\nb=c' }],
      jobConfig: { install: 'true' },
    });
    expect(outcome).toMatchObject({ state: 'failed', data: { reason: 'install_failed' } });
  });
});

describe('the installation', () => {
  it('by default is that of a lock file, where there is one', async () => {
    const bin = scratch();
    writeFileSync(path.join(bin, 'npm'), '#!/bin/sh\necho "npm $*"\n', { mode: 0o755 });
    const source = (files: Files) => async () => tarOn(await fileServer(), '/s', files);
    const withLock = await source({ 'package-lock.json': '{}' })();
    const path_ = `${bin}:${process.env['PATH']}`;
    const one = await ran(['true'], {
      sourceTarUrl: withLock.url,
      jobConfig: { install: true, env: { PATH: path_ } },
    });
    expect(one.job.lines(-1).at(-1)).toBe('npm ci --no-audit --no-fund');
    const none = await ran(['true'], { jobConfig: { install: true } });
    expect(none.job.lines(-1)).toEqual(['Nothing to install: there is no package-lock.json']);
    expect(none.outcome.state).toBe('success');
  });

  it('that fails ends the job, with the hooks that are for that', async () => {
    const { outcome, job } = await ran(['echo never', { run: 'echo after', if: 'failure()' }], {
      jobConfig: { install: 'exit 4', hooks: { onFailure: 'echo told' } },
    });
    expect(outcome).toMatchObject({
      state: 'failed',
      data: {
        reason: 'install_failed',
        error: { message: 'the installation failed: exit code 4' },
      },
    });
    expect(job.lines()).toEqual(expect.arrayContaining(['after', 'told']));
    expect(job.lines()).not.toContain('never');
  });
});

describe('namespacedSecrets', () => {
  const namespacedSecrets = {
    'needs.build': { token: 'from-the-build-job' },
    prod: { KEY: 'prod-key-value' },
  };

  it('are variables, and a file that only its user reads, and masked', async () => {
    const { job } = await ran(
      [
        'test "$NEEDS_BUILD__TOKEN" = from-the-build-job; test "$PROD__KEY" = prod-key-value; stat -c %a "$WAYBILL_SECRETS_PATH"; cat "$WAYBILL_SECRETS_PATH"',
      ],
      { namespacedSecrets },
    );
    expect(job.steps.at(-1)?.state).toBe('success');
    expect(job.lines(0)).toEqual(['600', '{"needs.build":{"token":"***"},"prod":{"KEY":"***"}}']);
  });
});

describe('secrets that a step names', () => {
  it('are the only ones it gets, and are told by name', async () => {
    const { job } = await ran(
      [
        {
          run: 'echo "[$A] [$B] [$PROD__KEY] [$PROD__OTHER]"; cat "$WAYBILL_SECRETS_PATH"',
          secrets: ['A', 'PROD__KEY', 'ABSENT'],
        },
        'echo "[$A] [$B]"',
      ],
      {
        secrets: { A: 'secret-a', B: 'secret-b' },
        namespacedSecrets: { prod: { KEY: 'secret-k', OTHER: 'secret-o' } },
      },
    );
    expect(job.lines(0)).toEqual(['[***] [] [***] []', '{"prod":{"KEY":"***"}}']);
    expect(job.lines(1)).toEqual(['[***] [***]']);
    expect(job.steps[1]?.more).toEqual({ secretsAccessed: ['A', 'PROD__KEY'] });
    expect(job.steps[3]?.more).toEqual({});
  });
});

describe('secret outputs', () => {
  it('are hidden from the moment they are written, and handed on apart', async () => {
    const { outcome, job } = await ran([
      {
        name: 's',
        run: 'echo "token=fresh-secret-1" >> "$WAYBILL_SECRET_OUTPUT"; echo "it is fresh-secret-1"; echo "open=fresh-secret-1" >> "$WAYBILL_OUTPUT"; printf "half=fresh-secret-2" >> "$WAYBILL_SECRET_OUTPUT"; echo fresh-secret-2',
      },
      'echo fresh-secret-1 fresh-secret-2',
    ]);
    expect(job.lines(0)).toEqual(['it is ***', '***']);
    expect(job.lines(1)).toEqual(['*** ***']);
    expect(outcome.secretOutputs).toEqual({ token: 'fresh-secret-1', half: 'fresh-secret-2' });
    expect(outcome.data).toMatchObject({ outputs: { s: { open: '***' } } });
  });

  it('of a step that failed are not handed on', async () => {
    const { outcome } = await ran([
      { run: 'echo a=abcdef >> "$WAYBILL_SECRET_OUTPUT"; exit 1', continueOnError: true },
    ]);
    expect(outcome).toMatchObject({ state: 'success', secretOutputs: {} });
  });
});

describe('requestId and upstreamJobOutputs', () => {
  it('are there for every step', async () => {
    const { job } = await ran(['echo $WAYBILL_REQUEST_ID; cat "$WAYBILL_NEEDS_PATH"'], {
      requestId: 'req-1',
      upstreamJobOutputs: { build: { s: { v: '1' }, token: 'from-secret' } },
      upstreamJobStatuses: { build: 'success', lint: 'failed' },
    });
    expect(job.lines(0)[0]).toBe('req-1');
    expect(JSON.parse(job.lines(0)[1] ?? '')).toEqual({
      build: { status: 'success', outputs: { s: { v: '1' }, token: 'from-secret' } },
      lint: { status: 'failed', outputs: {} },
    });
  });
});
