/** Whose code a run is about, from payloads as GitHub sends them. */
import { createRequire } from 'node:module';
import { Rule, type TriggerReceived, triggerId } from '@waybill/protocol';
import { describe, expect, it } from 'vitest';
import { sourceEvent } from '../domain/source-event.ts';
import { decideTrigger } from '../domain/trigger-decision.ts';

// Its types claim a default export; at run time the list is the module.
const definitions = createRequire(import.meta.url)(
  '@octokit/webhooks-examples',
) as readonly Readonly<{ name: string; examples: readonly unknown[] }>[];
const payloadsOf = (name: string): readonly object[] =>
  (definitions.find((each) => each.name === name)?.examples ?? []).filter(
    (each) => typeof each === 'object' && each !== null,
  );

/** The same pull request from another repository. */
function withHead(payload: object, repo: unknown): object {
  const copy = structuredClone(payload);
  const pull: unknown = Reflect.get(copy, 'pull_request');
  const head: unknown = typeof pull === 'object' && pull !== null && Reflect.get(pull, 'head');
  if (typeof head === 'object' && head !== null) Reflect.set(head, 'repo', repo);
  return copy;
}

describe('a real payload of GitHub', () => {
  it.each(['push', 'release', 'issues', 'create', 'issue_comment', 'workflow_run'])(
    '%s is trusted: what it is about lies in the repository itself',
    (name) => {
      expect(payloadsOf(name).length).toBeGreaterThan(0);
      for (const payload of payloadsOf(name)) expect(sourceEvent(payload).trust).toBe('trusted');
    },
  );

  it.each(['pull_request', 'pull_request_review', 'pull_request_review_comment'])(
    '%s is trusted only where its head is in the repository',
    (name) => {
      expect(payloadsOf(name).length).toBeGreaterThan(0);
      for (const payload of payloadsOf(name)) {
        expect(sourceEvent(payload).trust).toBe('trusted');
        const fork = { id: 1, full_name: 'mallory/Hello-World', fork: true };
        expect(sourceEvent(withHead(payload, fork)).trust).toBe('fork');
        // The fork is gone since.
        expect(sourceEvent(withHead(payload, null)).trust).toBe('fork');
      }
    },
  );

  it('workflow_run of a fork is one', () => {
    for (const payload of payloadsOf('workflow_run')) {
      const copy = structuredClone(payload);
      const run: unknown = Reflect.get(copy, 'workflow_run');
      if (typeof run === 'object' && run !== null)
        Reflect.set(run, 'head_repository', { id: 1, full_name: 'mallory/x' });
      expect(sourceEvent(copy).trust).toBe('fork');
    }
  });
});

it('a run that a fork’s pull request starts says so, with the repository that it was asked of', () => {
  const [payload = {}] = payloadsOf('pull_request');
  const rule = Rule.parse({
    apiVersion: 'waybill/v1',
    kind: 'Rule',
    metadata: { name: 'pulls' },
    spec: { on: { source: 'github' }, jobs: [{ name: 'test', steps: [{ run: 'true' }] }] },
  });
  const createdOf = (data: unknown): unknown => {
    const trigger: TriggerReceived = {
      type: 'trigger.received',
      org: 'main',
      source: 'github',
      triggerId: triggerId('main', 'github', 'd1'),
      seq: 4,
      at: 1,
      id: 'x',
      meta: { id: 'x', source: '' },
      kind: 'webhook',
      event: 'pull_request',
      deliveryId: 'd1',
      digest: '',
      chainDepth: 0,
      trust: 'trusted',
      data,
    };
    const { bodies } = decideTrigger(trigger, [{ generation: 1, seq: 1, rule }], 1e6);
    return JSON.parse([...bodies.values()][0] ?? 'null');
  };
  const repository = 'https://github.com/Codertocat/Hello-World';
  expect(createdOf(payload)).toMatchObject({ repository });
  expect(createdOf(payload)).not.toHaveProperty('trust');
  expect(createdOf(withHead(payload, { id: 1 }))).toMatchObject({ repository, trust: 'fork' });
});
