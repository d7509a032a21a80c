import { describe, expect, test } from 'vitest';
import { wireMessages } from './direction.ts';
import { ruleCondition, rulesOf, type WireRule } from './rule.ts';
import { wireSamples } from './samples.fixture.ts';
import { elementOf, fieldsOf, type Schema, unwrap } from './schema-tree.ts';
import { directions, edited, judge } from './verdict.fixture.ts';

type Edits = Readonly<Record<string, unknown>>;
type Bad = Readonly<{ rule: string; type: keyof typeof wireSamples; edits: Edits; at: string }>;

const bad: readonly Bad[] = [
  {
    rule: 'dispatch-token-needs-basic',
    type: 'job.dispatch',
    edits: { sourceAuth: { kind: 'ssh', secret: 'sample-token' } },
    at: 'sourceAuth.kind',
  },
  {
    rule: 'dispatch-token-equals-secret',
    type: 'job.dispatch',
    edits: { token: 'another-token' },
    at: 'sourceAuth.secret',
  },
  {
    rule: 'git-user-is-basic',
    type: 'job.dispatch',
    edits: { 'workflowAuth.user': 'git' },
    at: 'workflowAuth.user',
  },
  {
    rule: 'git-host-key-policy-is-ssh',
    type: 'job.dispatch',
    edits: { 'sourceAuth.sshHostKeyPolicy': 'accept-new' },
    at: 'sourceAuth.sshHostKeyPolicy',
  },
  {
    rule: 'git-known-hosts-is-ssh',
    type: 'job.dispatch',
    edits: { 'sourceAuth.sshKnownHostsPem': 'host key' },
    at: 'sourceAuth.sshKnownHostsPem',
  },
  {
    rule: 'git-pinned-needs-known-hosts',
    type: 'job.dispatch',
    edits: { 'workflowAuth.sshKnownHostsPem': undefined },
    at: 'workflowAuth.sshKnownHostsPem',
  },
  {
    rule: 'step-log-bytes-at-end',
    type: 'step.status',
    edits: { state: 'running' },
    at: 'logBytesStreamed',
  },
  {
    rule: 'emit-receipt-excludes-error',
    type: 'event.emit.response',
    edits: { error: 'no' },
    at: 'error',
  },
  {
    rule: 'emit-needs-receipt-or-error',
    type: 'event.emit.response',
    edits: { deliveryId: undefined },
    at: 'error',
  },
  {
    rule: 'artifact-result-excludes-error',
    type: 'artifact.upload.result',
    edits: { error: 'no' },
    at: 'error',
  },
  {
    rule: 'artifact-needs-uri-or-error',
    type: 'artifact.upload.result',
    edits: { uri: undefined },
    at: 'error',
  },
  {
    rule: 'api-result-excludes-error',
    type: 'agent.api.response',
    edits: { error: 'no' },
    at: 'error',
  },
  {
    rule: 'api-needs-result-or-error',
    type: 'agent.api.response',
    edits: { result: undefined },
    at: 'error',
  },
  {
    rule: 'restore-url-needs-hit',
    type: 'cache.user.restore.response',
    edits: { hit: false },
    at: 'downloadUrl',
  },
  {
    rule: 'save-skip-excludes-url',
    type: 'cache.user.save.response',
    edits: { skip: true },
    at: 'uploadUrl',
  },
  {
    rule: 'save-needs-url-or-skip',
    type: 'cache.user.save.response',
    edits: { uploadUrl: undefined },
    at: 'uploadUrl',
  },
  {
    rule: 'clause-team-excludes-user',
    type: 'step.approval-request',
    edits: { 'clauses.0.user': 'ada' },
    at: 'clauses.0.user',
  },
  {
    rule: 'clause-needs-team-or-user',
    type: 'step.approval-request',
    edits: { 'clauses.0': {} },
    at: 'clauses.0.user',
  },
  {
    rule: 'execution-reason-needs-failure',
    type: 'execution.status',
    edits: { status: 'success' },
    at: 'failureReason',
  },
  {
    rule: 'snapshot-reason-needs-failure',
    type: 'state.replay',
    edits: { 'runs.0.status': 'running' },
    at: 'runs.0.failureReason',
  },
];

function rulesIn(schema: Schema): readonly WireRule[] {
  const element = elementOf(schema);
  const inside = element === undefined ? [...fieldsOf(schema).values()] : [element];
  return [...rulesOf(unwrap(schema)), ...inside.flatMap(rulesIn)];
}

const rules = new Map(
  directions
    .flatMap((direction) => wireMessages[direction].flatMap(rulesIn))
    .map((rule) => [rule.id, rule] as const),
);

describe('a rule between fields', () => {
  test.each(bad)(
    '$rule is kept by the parser and by the JSON Schema',
    ({ rule, type, edits, at }) => {
      let message: unknown = wireSamples[type];
      for (const [path, value] of Object.entries(edits)) {
        message = edited(message, path.split('.'), value);
      }
      const statement = rules.get(rule)?.statement;
      const verdict = judge(type, message);
      expect(verdict.zod).toBe(false);
      expect(verdict.issues).toContainEqual({ path: at, message: statement });
      const known = rules.get(rule);
      const sayable = known !== undefined && ruleCondition(known) !== null;
      expect(verdict.ajv).toBe(!sayable);
    },
  );

  test('has a bad message in the table', () => {
    expect(new Set(bad.map(({ rule }) => rule))).toEqual(new Set(rules.keys()));
  });

  test('that JSON Schema cannot say gives the reason', () => {
    const unsaid = [...rules.values()].filter((rule) => ruleCondition(rule) === null);
    expect(unsaid.map((rule) => rule.id)).toEqual(['dispatch-token-equals-secret']);
    for (const rule of unsaid) expect('reason' in rule && rule.reason).toBeTruthy();
  });

  test('is satisfied when token and sourceAuth agree', () => {
    expect(judge('job.dispatch', wireSamples['job.dispatch'])).toMatchObject({
      zod: true,
      ajv: true,
    });
  });
});
