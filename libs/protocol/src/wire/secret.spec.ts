import { describe, expect, test } from 'vitest';
import { AgentMessage, OrchestratorMessage, wireMessages } from './direction.ts';
import { JobDispatch } from './dispatch.ts';
import { wireSamples } from './samples.fixture.ts';
import { mapSecrets, redact, secretPaths } from './secret.ts';
import { directionOf, edited } from './verdict.fixture.ts';

const unions = { agent: AgentMessage, orchestrator: OrchestratorMessage } as const;
const canary = 'canary-4f1d';

describe('secret paths', () => {
  test('of a dispatch are all that it adds to a job, and not the known hosts', () => {
    expect(secretPaths(JobDispatch).map((path) => path.join('.'))).toEqual([
      'token',
      'secrets',
      'namespacedSecrets',
      'sourceTarUrl',
      'depsUrl',
      'sourceAuth.secret',
      'workflowAuth.secret',
      'npmRegistries.*.token',
      'installEnvSecrets',
    ]);
  });

  test('of both directions are known by message', () => {
    const paths = Object.values(wireMessages)
      .flat()
      .flatMap((schema) =>
        secretPaths(schema).map((path) => `${schema.shape.type.value} ${path.join('.')}`),
      )
      .filter((path) => !path.startsWith('job.dispatch'));
    expect(paths).toEqual([
      'auth.request token',
      'job.status secretOutputs',
      'job.context context',
      'cache.upload.response uploadUrl',
      'cache.user.restore.response downloadUrl',
      'cache.user.save.response uploadUrl',
      'provenance.upload.response uploadUrl',
      'artifact.upload.response uploadUrl',
    ]);
    expect(secretPaths(AgentMessage)).toEqual([['token'], ['secretOutputs'], ['context']]);
  });
});

describe('redaction', () => {
  test.each(Object.values(wireSamples).map((sample) => [sample.type, sample] as const))(
    'of %s hides every secret, keeps the rest and its input',
    (type, sample) => {
      const direction = directionOf(type);
      if (direction === 'upstream') return;
      const before = JSON.stringify(sample);
      let filled: unknown = sample;
      for (const schema of wireMessages[direction]) {
        if (schema.shape.type.value !== type) continue;
        for (const path of secretPaths(schema)) {
          filled = edited(
            filled,
            path.map((key) => (key === '*' ? '0' : key)),
            canary,
          );
        }
      }
      const shown = redact(unions[direction], filled);
      expect(JSON.stringify(shown)).not.toContain(canary);
      expect(shown).toMatchObject({ type });
      expect(JSON.stringify(sample)).toBe(before);
      expect(Object.keys(shown ?? {})).toEqual(Object.keys(sample));
    },
  );

  test('replaces whole values', () => {
    expect(redact(JobDispatch, wireSamples['job.dispatch'])).toMatchObject({
      token: '[redacted]',
      secrets: '[redacted]',
      sourceAuth: { kind: 'basic', user: 'x-access-token', secret: '[redacted]' },
      npmRegistries: [{ url: 'https://npm.example.net', token: '[redacted]' }],
      workflowAuth: { sshKnownHostsPem: 'git.example.net ssh-ed25519 AAAA' },
    });
  });

  test('of an unknown type leaves the type alone', () => {
    expect(redact(AgentMessage, { type: 'job.exploded', a: 1, b: { c: canary } })).toEqual({
      type: 'job.exploded',
      a: '[redacted]',
      b: '[redacted]',
    });
    for (const odd of [{ type: `words and ${canary}` }, { type: [canary] }, canary, [canary], 7]) {
      expect(JSON.stringify(redact(AgentMessage, odd))).not.toContain(canary);
    }
  });

  test('hides what does not have the shape of its schema', () => {
    const odd = {
      type: 'job.dispatch',
      sourceAuth: canary,
      npmRegistries: { a: canary },
      secrets: [canary],
    };
    expect(redact(OrchestratorMessage, odd)).toEqual({
      type: 'job.dispatch',
      sourceAuth: '[redacted]',
      npmRegistries: '[redacted]',
      secrets: '[redacted]',
    });
  });

  test('leaves what has no secret as it is', () => {
    const ack = wireSamples['job.ack'];
    expect(redact(AgentMessage, ack)).toBe(ack);
  });
});

describe('mapping secrets', () => {
  test('meets every secret once with its path, and undoes itself', () => {
    const dispatch = wireSamples['job.dispatch'];
    const vault = new Map<string, unknown>();
    const sealed = mapSecrets(JobDispatch, dispatch, (path, value) => {
      vault.set(path.join('.'), value);
      return { sealed: path.join('.') };
    });
    expect([...vault.keys()].toSorted()).toEqual(
      [
        'token',
        'secrets',
        'namespacedSecrets',
        'sourceTarUrl',
        'depsUrl',
        'sourceAuth.secret',
        'workflowAuth.secret',
        'npmRegistries.0.token',
        'installEnvSecrets',
      ].toSorted(),
    );
    expect(JSON.stringify(sealed)).not.toContain('sample-token');
    expect(mapSecrets(JobDispatch, sealed, (path) => vault.get(path.join('.')))).toEqual(dispatch);
  });

  test('passes over what is absent or null', () => {
    const calls: unknown[] = [];
    mapSecrets(JobDispatch, { type: 'job.dispatch', token: null }, (path) => calls.push(path));
    expect(calls).toEqual([]);
  });
});
