/** Which triggers a rule starts, and what its strings become. */
import { Rule, type TriggerReceived } from '@waybill/protocol';
import { describe, expect, it } from 'vitest';
import { matchesGlobs } from './glob.ts';
import { ruleMatches } from './rule-match.ts';
import { sourceEvent } from './source-event.ts';
import { render } from './template.ts';

const push = {
  ref: 'refs/heads/feature/login',
  after: 'a'.repeat(40),
  repository: { clone_url: 'https://example.test/acme/shop.git', full_name: 'acme/shop' },
  head_commit: { id: 'a'.repeat(40) },
  commits: [{ added: ['src/a.ts'], modified: ['docs/readme.md'], removed: [] }],
};

const trigger = (data: unknown, event = 'push', source = 'github'): TriggerReceived => ({
  type: 'trigger.received',
  org: 'main',
  source,
  triggerId: '0'.repeat(26),
  seq: 1,
  at: 1,
  id: 'x',
  meta: { id: 'x', source: '' },
  kind: 'webhook',
  event,
  deliveryId: 'd',
  digest: '',
  chainDepth: 0,
  trust: 'trusted',
  data,
});

const rule = (on: Record<string, unknown>): Rule =>
  Rule.parse({
    apiVersion: 'waybill/v1',
    kind: 'Rule',
    metadata: { name: 'ci' },
    spec: { on: { source: 'github', ...on }, jobs: [{ name: 'test', steps: [{ run: 'true' }] }] },
  });

const matches = (on: Record<string, unknown>, data: unknown = push, event = 'push'): boolean =>
  ruleMatches(rule(on), trigger(data, event), sourceEvent(data));

describe('a glob', () => {
  it.each([
    ['main', 'main', true],
    ['main', 'mainline', false],
    ['feature/*', 'feature/login', true],
    ['feature/*', 'feature/login/form', false],
    ['feature/**', 'feature/login/form', true],
    ['**/*.ts', 'a.ts', true],
    ['**/*.ts', 'src/deep/a.ts', true],
    ['v?.?', 'v1.2', true],
    ['v1.*', 'v1x2', false],
    ['a+(b)[c]', 'a+(b)[c]', true],
  ])('%s over %s: %s', (glob, text, expected) => {
    expect(matchesGlobs([glob], text)).toBe(expected);
  });

  it('with a leading ! takes back what an earlier one let in, and alone lets in the rest', () => {
    expect(matchesGlobs(['**', '!wip/**'], 'wip/x')).toBe(false);
    expect(matchesGlobs(['!wip/**'], 'main')).toBe(true);
    expect(matchesGlobs(['!wip/**', 'wip/keep'], 'wip/keep')).toBe(true);
  });

  it('that an agent has made up to be tried for ever takes no longer than another', () => {
    const glob = `${'**?'.repeat(300)}!`;
    expect(matchesGlobs([glob], 'git.example/owner-of-many/repository-of-one')).toBe(false);
  });
});

describe('a rule', () => {
  it('matches by source, event, branch and path together', () => {
    expect(matches({ event: 'push', branches: ['feature/*'], paths: ['src/**'] })).toBe(true);
    expect(matches({ event: 'push', branches: ['main'] })).toBe(false);
    expect(matches({ event: 'push', paths: ['lib/**'] })).toBe(false);
    expect(matches({ event: 'issues' })).toBe(false);
    expect(matches({ source: 'hmac' })).toBe(false);
  });

  it('without an event matches every event of its source', () => {
    expect(matches({}, { action: 'opened' }, 'issues')).toBe(true);
  });

  it('with branches does not match an event that has none, nor the deletion of a branch', () => {
    expect(matches({ branches: ['**'] }, { action: 'opened' }, 'issues')).toBe(false);
    expect(matches({ event: 'push' }, { ...push, deleted: true, after: '0'.repeat(40) })).toBe(
      false,
    );
  });
});

describe('a GitHub event', () => {
  it('fills repository, branch, commit and paths of a push', () => {
    expect(sourceEvent(push)).toEqual({
      repoUrl: 'https://example.test/acme/shop.git',
      branch: 'feature/login',
      ref: 'feature/login',
      sha: 'a'.repeat(40),
      paths: ['src/a.ts', 'docs/readme.md'],
      deleted: false,
      trust: 'trusted',
    });
  });

  it('takes the head of a pull request and the tag of a tag', () => {
    expect(
      sourceEvent({ pull_request: { head: { ref: 'fix', sha: 'b'.repeat(40) } } }),
    ).toMatchObject({ branch: 'fix', sha: 'b'.repeat(40) });
    expect(sourceEvent({ ref: 'refs/tags/v1', after: 'c'.repeat(40) })).toMatchObject({
      branch: '',
      ref: 'v1',
    });
  });

  it.each([null, 7, 'text', [], { repository: null, commits: 'x', ref: 3 }])(
    'that is malformed (%j) says nothing',
    (data) => {
      expect(sourceEvent(data)).toMatchObject({ repoUrl: '', branch: '', sha: '' });
    },
  );
});

describe('an expression in a rule', () => {
  it('becomes the value at its path, empty if there is none, JSON if it is an object', () => {
    const rendered = render(
      {
        a: 'x ${{ event.repository.full_name }}',
        b: ['${{event.none.at.all}}'],
        c: '${{ event.commits.0 }}',
        n: 3,
      },
      push,
    );
    expect(rendered).toEqual({
      a: 'x acme/shop',
      b: [''],
      c: JSON.stringify(push.commits[0]),
      n: 3,
    });
  });

  it('reads no inherited property and does not render what it inserted', () => {
    expect(
      render('${{ event.constructor.name }}|${{ event.a }}', { a: '${{ event.b }}', b: 'no' }),
    ).toBe('|${{ event.b }}');
  });
});
