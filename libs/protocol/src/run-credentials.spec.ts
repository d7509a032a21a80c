import { describe, expect, it } from 'vitest';
import { RunRequest } from './run-request.ts';

const jobs = [{ name: 'build', steps: [{ run: 'make' }] }];
const problems = (more: object): readonly string[] =>
  RunRequest.safeParse({ jobs, ...more }).error?.issues.map(({ path, message }) =>
    [...path, message].join(': '),
  ) ?? [];
const many = (count: number) =>
  Object.fromEntries(Array.from({ length: count }, (_, index) => [`S${index}`, 'x']));

describe('what a run reaches other places with', () => {
  it('is taken as the wire has it', () => {
    expect(
      problems({
        sourceAuth: { kind: 'basic', secret: 'x' },
        workflowAuth: {
          kind: 'ssh',
          secret: 'x',
          sshHostKeyPolicy: 'pinned',
          sshKnownHostsPem: 'host key',
        },
        npmRegistries: [{ url: 'https://npm.example.org', alwaysAuth: true, token: 'x' }],
        installEnvSecrets: { NPM_TOKEN: 'x' },
        namespacedSecrets: { prod: { 'a.b': 'x' } },
      }),
    ).toEqual([]);
  });

  it('has the rules of the wire, and bounds of its own', () => {
    const pinned = { kind: 'ssh', secret: 'x', sshHostKeyPolicy: 'pinned' };
    expect(problems({ workflowAuth: pinned })).toHaveLength(1);
    expect(problems({ installEnvSecrets: { 'no name': 'x' } })).toHaveLength(1);
    expect(problems({ installEnvSecrets: many(256) })).toEqual([]);
    expect(problems({ installEnvSecrets: many(257) })).toEqual([
      'installEnvSecrets: a run has at most 256 secrets for its installation',
    ]);
    expect(problems({ namespacedSecrets: { prod: many(257) } })).toEqual([
      'namespacedSecrets: prod: a run has at most 256 secrets in one context',
    ]);
  });
});
