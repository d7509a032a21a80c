/** Which rules an emitted event starts: trust between repositories, and whom it is for. */
import {
  type EmittedEvent,
  Rule,
  runId,
  type TriggerReceived,
  type Trust,
  triggerId,
} from '@waybill/protocol';
import { describe, expect, it } from 'vitest';
import { decideTrigger } from './trigger-decision.ts';

const emitter = runId(triggerId('main', 'github', 'd1'), 0);
const SHOP = 'https://git.example.net/acme/shop';
const DOCS = 'https://git.example.net/acme/docs.git';

type Said = Readonly<{ repository?: string; repos?: readonly string[]; trust?: Trust }>;

const emitted = ({ repository = SHOP, repos, trust = 'trusted' }: Said = {}): TriggerReceived => {
  const data: EmittedEvent = {
    name: 'released',
    payload: { version: '1.2', parts: ['a'] },
    source: {
      runId: emitter,
      jobId: `${emitter}-0`,
      originalRunId: emitter,
      repository,
      ref: 'main',
      sha: 'abc',
      workflow: 'ci',
    },
    target: repos === undefined ? null : { repos: [...repos] },
  };
  return {
    type: 'trigger.received',
    org: 'main',
    source: 'upstream',
    triggerId: triggerId('main', 'upstream', 'd2'),
    seq: 4,
    at: 1,
    id: 'x',
    meta: { id: 'x', source: '' },
    kind: 'upstream',
    event: data.name,
    deliveryId: 'd2',
    digest: 'x',
    chainDepth: 3,
    trust,
    data,
  };
};
const rule = (spec: Readonly<Record<string, unknown>>): Rule =>
  Rule.parse({
    apiVersion: 'waybill/v1',
    kind: 'Rule',
    metadata: { name: 'follow' },
    spec: { jobs: [{ name: 'go', steps: [{ run: 'true' }] }], ...spec },
  });
const on = (repos?: readonly string[], event?: string) => ({
  source: 'upstream',
  ...(event === undefined ? {} : { event }),
  ...(repos === undefined ? {} : { repos: [...repos] }),
});
const plan = (trigger: TriggerReceived, spec: Readonly<Record<string, unknown>>) => {
  const { decided, bodies } = decideTrigger(
    trigger,
    [{ generation: 1, seq: 1, rule: rule(spec) }],
    1e6,
  );
  const [body] = bodies.values();
  // A spec checks what it reads there.
  const created = JSON.parse(body ?? 'null') as Readonly<Record<string, unknown>> | null;
  return { decided, created };
};
const starts = (trigger: TriggerReceived, spec: Readonly<Record<string, unknown>>): boolean =>
  plan(trigger, spec).decided.decision === 'run';

describe('trust between repositories', () => {
  it('without a list only events of the rule’s own repository count', () => {
    expect(starts(emitted(), { on: on(), repo: `${SHOP}.git` })).toBe(true);
    expect(starts(emitted(), { on: on(), repo: 'https://u:p@GIT.example.net/acme/shop' })).toBe(
      true,
    );
    expect(starts(emitted(), { on: on(), repo: DOCS })).toBe(false);
    expect(starts(emitted(), { on: on() })).toBe(false);
    expect(starts(emitted({ repository: '' }), { on: on() })).toBe(true);
    expect(starts(emitted({ repository: '' }), { on: on(), repo: DOCS })).toBe(false);
  });

  it('with a list those count that it names by host and path', () => {
    for (const repos of [['git.example.net/acme/shop'], ['**/acme/*'], [SHOP], ['!**/docs']])
      expect(starts(emitted(), { on: on(repos), repo: DOCS })).toBe(true);
    for (const repos of [['acme/shop'], ['git.example.net/acme/docs'], ['**', '!**/shop']])
      expect(starts(emitted(), { on: on(repos), repo: DOCS })).toBe(false);
  });

  it('is not given by an expression, which whoever emits would choose', () => {
    const repo = '${{ event.source.repository }}';
    expect(starts(emitted(), { on: on(), repo })).toBe(false);
    const { created } = plan(emitted(), { on: on(['**/acme/*']), repo });
    expect(created).toMatchObject({ repoUrl: SHOP, repository: SHOP, ref: 'main', sha: 'abc' });
  });

  it('does not reach the runs of a fork, which only their own repository hears', () => {
    const fork = emitted({ trust: 'fork' });
    expect(starts(fork, { on: on(['**']), repo: DOCS })).toBe(false);
    const { created } = plan(fork, { on: on(), repo: SHOP });
    expect(created).toMatchObject({ trust: 'fork', trigger: { chainDepth: 3 } });
  });

  it('is not for a trigger that only says that it was emitted', () => {
    const forged: TriggerReceived = { ...emitted(), kind: 'manual' };
    expect(starts(forged, { on: on(), repo: SHOP })).toBe(false);
    expect(starts({ ...emitted(), data: { source: {} } }, { on: on(), repo: SHOP })).toBe(false);
  });
});

describe('whom an event is for', () => {
  it('narrows to rules whose repository it names, in any spelling', () => {
    const spec = { on: on(['**']), repo: DOCS };
    for (const repos of [
      [],
      ['acme/docs'],
      ['acme/*'],
      ['git.example.net/acme/docs'],
      [DOCS],
      ['a/b', 'acme/docs'],
    ])
      expect(starts(emitted({ repos }), spec)).toBe(true);
    for (const repos of [['acme/shop'], ['docs'], ['git.example.org/acme/docs']])
      expect(starts(emitted({ repos }), spec)).toBe(false);
    expect(starts(emitted({ repos: ['**'] }), { on: on(['**']) })).toBe(false);
  });

  it('never widens: a repository that does not trust the emitter is not reached by its name', () => {
    expect(starts(emitted({ repos: ['acme/docs'] }), { on: on(), repo: DOCS })).toBe(false);
  });
});

describe('a run that an event starts', () => {
  it('knows whom it goes back to, how deep it is, and what the event carried', () => {
    const spec = {
      on: on(['**'], 'released'),
      repo: DOCS,
      jobs: [{ name: 'v${{ event.payload.version }}', steps: [{ run: '${{ event.name }}' }] }],
    };
    const { created } = plan(emitted(), spec);
    expect(created).toMatchObject({
      repoUrl: DOCS,
      repository: 'https://git.example.net/acme/docs',
      // Those of another repository.
      ref: '',
      sha: '',
      jobs: [{ name: 'v1.2', config: { steps: [{ run: 'released' }] } }],
      trigger: {
        kind: 'upstream',
        source: 'upstream',
        event: 'released',
        chainDepth: 3,
        from: { runId: emitter, jobId: `${emitter}-0`, originalRunId: emitter },
      },
      event: { name: 'released', payload: { version: '1.2' } },
    });
    expect(created).not.toHaveProperty('trust');
    expect(starts(emitted(), { ...spec, on: on(['**'], 'deployed') })).toBe(false);
  });

  it('hears the branch of the run that emitted', () => {
    expect(starts(emitted(), { on: { ...on(), branches: ['main'] }, repo: SHOP })).toBe(true);
    expect(starts(emitted(), { on: { ...on(), branches: ['v*'] }, repo: SHOP })).toBe(false);
  });

  it('only lists repositories where it hears emitted events', () => {
    expect(() => rule({ on: { source: 'github', repos: ['**'] } })).toThrow('upstream');
  });
});
