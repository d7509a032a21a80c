import { describe, expect, it } from 'vitest';
import { artifactUri, cacheScope, isForkScope } from './object-name.ts';
import type { RunCreated } from './run-created.ts';

const run = (over: Partial<RunCreated>): RunCreated => ({
  runId: 'r1',
  org: 'main',
  trigger: { triggerId: 't', source: 'github', kind: 'webhook', event: 'x', deliveryId: 'd' },
  rule: null,
  workflow: 'ci',
  repoUrl: 'https://example.org/a/b.git',
  repository: 'https://example.org/a/b',
  ref: '',
  sha: '',
  event: null,
  jobs: [],
  offersMax: 1,
  ackTimeoutMs: 1,
  recoveryMs: 1,
  staleMs: 1,
  ...over,
});
const pull = (url: string) => ({ pull_request: { head: { repo: { clone_url: url } } } });

describe('what the caches of a run belong to', () => {
  it('is its repository, and for a fork the repository that its code is from', () => {
    const trusted = cacheScope(run({}));
    const fork = cacheScope(run({ trust: 'fork', event: pull('https://example.org/x/b.git') }));
    const other = cacheScope(run({ trust: 'fork', event: pull('https://example.org/y/b.git') }));
    expect(new Set([trusted, fork, other]).size).toBe(3);
    expect(trusted).toBe('{"repository":"https://example.org/a/b","trust":"trusted"}');
    expect(fork).toContain('"fork"');
    expect(fork).toContain('https://example.org/x/b');
    expect(cacheScope(run({ event: pull('https://example.org/x/b.git') }))).toBe(trusted);
    expect([trusted, fork, 'no scope of a cache'].map(isForkScope)).toEqual([false, true, false]);
  });

  it('is the run alone where nobody knows whose code it is', () => {
    const one = cacheScope(run({ trust: 'fork' }));
    expect(cacheScope(run({ trust: 'fork', runId: 'r2' }))).not.toBe(one);
  });
});

it('the address of an artifact has its name as a path', () => {
  expect(artifactUri('r1', 'report/a b.html')).toBe('artifact://exec/r1/report/a%20b.html');
});
