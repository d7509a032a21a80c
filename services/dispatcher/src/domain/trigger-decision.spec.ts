/** The one decision about a trigger and the runs that follow from it. */

import type { TriggerReceived } from '@waybill/protocol';
import {
  evolveRun,
  headersOf,
  initialRun,
  Rule,
  readRunMessage,
  runDraft,
  runId,
  triggerId,
  wire,
} from '@waybill/protocol';
import { describe, expect, it } from 'vitest';
import { type PlacedRule, type PlannedRun, planRun as plan } from './run-plan.ts';
import { bodyKey, decideTrigger } from './trigger-decision.ts';

const id = triggerId('main', 'github', 'd1');
const data = {
  ref: 'refs/heads/main',
  after: 'a'.repeat(40),
  repository: { clone_url: 'file:///repo' },
  message: 'hello',
};
const trigger: TriggerReceived = {
  type: 'trigger.received',
  org: 'main',
  source: 'github',
  triggerId: id,
  seq: 4,
  at: 1,
  id: 'x',
  meta: { id: 'x', source: '' },
  kind: 'webhook',
  event: 'push',
  deliveryId: 'd1',
  digest: '',
  chainDepth: 0,
  trust: 'trusted',
  data,
};
const placed = (name: string, spec: Record<string, unknown> = {}): PlacedRule => ({
  generation: 3,
  seq: 12,
  rule: Rule.parse({
    apiVersion: 'waybill/v1',
    kind: 'Rule',
    metadata: { name },
    spec: {
      on: { source: 'github' },
      jobs: [{ name: 'test', steps: [{ run: 'echo ${{ event.message }}' }] }],
      ...spec,
    },
  }),
});
const BYTES = 1e6;
const decide = (about: TriggerReceived, rules: readonly PlacedRule[], maxBytes = BYTES) =>
  decideTrigger(about, rules, maxBytes).decided;
const planRun = (about: TriggerReceived, planned: PlannedRun, maxBytes: number) => {
  const made = plan(about, planned, maxBytes);
  return 'created' in made ? made.created : undefined;
};
const direct = (body: unknown): TriggerReceived => ({
  ...trigger,
  source: 'api',
  event: 'run',
  kind: 'manual',
  data: body,
});

describe('a trigger', () => {
  it('that matches no rule is decided no_rule', () => {
    expect(decide(trigger, [])).toEqual({
      triggerId: id,
      receivedSeq: 4,
      decision: 'no_rule',
      runs: [],
    });
  });

  it('starts one run for each rule that matches, in the order of their names, with pinned generations', () => {
    const decided = decide(trigger, [placed('zeta'), placed('alpha')]);
    expect(decided.runs).toEqual([
      { rule: { name: 'alpha', generation: 3, seq: 12 }, runId: runId(id, 0) },
      { rule: { name: 'zeta', generation: 3, seq: 12 }, runId: runId(id, 1) },
    ]);
    expect(decide(trigger, [placed('alpha'), placed('zeta')])).toEqual(decided);
  });

  it('that asks for a run directly starts that run, and is decided invalid if it cannot', () => {
    expect(decide(direct({ jobs: [{ name: 'a', steps: [{ run: 'true' }] }] }), [])).toMatchObject({
      decision: 'run',
      runs: [{ rule: null }],
    });
    expect(decide(direct({ jobs: [] }), [])).toMatchObject({
      decision: 'invalid',
      runs: [],
    });
  });
});

describe('a run that can never be', () => {
  const big = { ...trigger, data: { ...data, message: 'x'.repeat(20_000) } };

  it('is named in the decision, and nothing waits for it', () => {
    const decided = decide(big, [placed('ci')], 10_000);
    expect(decided).toMatchObject({ decision: 'invalid', runs: [] });
    expect(decided.detail).toMatch(/^no run of the rule "ci": the run would have \d+ bytes, 9999 /);
    expect(
      decide(direct({ jobs: [{ name: 'a', config: { any: 'x'.repeat(20_000) } }] }), [], 10_000),
    ).toMatchObject({ decision: 'invalid', runs: [] });
  });

  it('takes nothing from those of other rules', () => {
    const small = placed('small', { jobs: [{ name: 'test', steps: [{ run: 'true' }] }] });
    const decided = decide(big, [placed('big'), small], 10_000);
    expect(decided.detail).toContain('"big"');
    expect(decided).toMatchObject({
      decision: 'run',
      runs: [{ rule: { name: 'small' }, runId: runId(id, 0) }],
    });
  });

  it('is one whose expressions leave a job without a name, or with the name of another', () => {
    const named = (...names: string[]) =>
      placed('ci', { jobs: names.map((name) => ({ name, steps: [{ run: 'true' }] })) });
    expect(decide(trigger, [named('${{ event.gone }}')]).detail).toContain('no name');
    expect(decide(trigger, [named('hello', '${{ event.message }}')]).detail).toContain(
      'two jobs are named "hello"',
    );
  });
});

describe('a run', () => {
  it('has the body that it was planned with, whoever creates it', () => {
    const rule = placed('ci');
    const { decided, bodies } = decideTrigger(trigger, [rule], BYTES);
    const [run] = decided.runs;
    if (run === undefined) throw new Error('one run is decided');
    const planned = plan(trigger, { runId: run.runId, rule }, BYTES);
    expect('text' in planned && planned.text).toBe(bodies.get(bodyKey(run)));
  });

  it('pins how long the org gives people to approve', () => {
    const jobs = [{ name: 'a', steps: [{ run: 'true' }], approval: { users: ['ada'] } }];
    const made = plan(direct({ jobs }), { runId: runId(id, 0), rule: null }, BYTES, {
      approvalTimeoutMs: 60_000,
    });
    expect('created' in made && made.created).toMatchObject({
      approvalTimeoutMs: 60_000,
      jobs: [{ approval: { users: ['ada'] } }],
    });
  });

  it('takes its limits from what asks for it', () => {
    const limits = { attemptsMax: 2, cancelGraceMs: 5_000, failFast: true };
    const kept = { offersMax: 2, cancelGraceMs: 5_000, failFast: true };
    const jobs = [{ name: 'a', steps: [{ run: 'true' }] }];
    const run = { runId: runId(id, 0), rule: null };
    expect(planRun(direct({ jobs, ...limits }), run, BYTES)).toMatchObject(kept);
    expect(planRun(trigger, { ...run, rule: placed('ci', limits) }, BYTES)).toMatchObject(kept);
  });

  it('is made of its rule and trigger, with expressions filled in', () => {
    const made = planRun(
      trigger,
      { runId: runId(id, 0), rule: placed('ci', { attemptsMax: 2 }) },
      1e6,
    );
    expect(made).toMatchObject({
      repoUrl: 'file:///repo',
      ref: 'main',
      sha: 'a'.repeat(40),
      offersMax: 2,
      event: data,
      rule: { name: 'ci', generation: 3 },
    });
    expect(made?.jobs[0]?.config).toMatchObject({
      name: 'test',
      checkout: true,
      steps: [{ name: 'step 1', run: 'echo hello' }],
    });
  });

  it('leaves the payload out where it would not fit, and stays readable as run.created', () => {
    const big = { ...trigger, data: { ...data, blob: 'é'.repeat(20_000) } };
    const made = planRun(big, { runId: runId(id, 0), rule: placed('ci') }, 30_000);
    expect(made?.event).toBeNull();
    if (made === undefined) return;
    const draft = runDraft({
      org: 'main',
      runId: made.runId,
      type: 'run.created',
      meta: { id: 'c', source: 's' },
      body: made,
    });
    const headers = headersOf(draft);
    const event = readRunMessage({
      stream: 'WB_RUNS',
      seq: 1,
      at: 1,
      subject: draft.subject,
      header: (name) => headers[name],
      body: new TextEncoder().encode(String(draft.body)),
    });
    expect(event === undefined ? undefined : evolveRun(initialRun, event).state).toBe('pending');
  });

  it('leaves the payload out where no dispatch with it would fit a frame, however much the log takes', () => {
    const frame = wire.wireLimits.frameBytesMax;
    const withBlob = (length: number) =>
      planRun(
        { ...trigger, data: { ...data, blob: 'x'.repeat(length) } },
        { runId: runId(id, 0), rule: placed('ci') },
        2 * frame,
      )?.event;
    expect(withBlob(frame - 1_000)).toBeNull();
    expect(withBlob(frame - 100_000)).not.toBeNull();
  });

  it('asked for directly carries its secrets sealed as they are stored, and a config verbatim', () => {
    const secrets = { $sealed: 'v1.k.e.c' };
    const made = planRun(
      direct({ jobs: [{ name: 'a', config: { any: 1 } }], secrets }),
      { runId: runId(id, 0), rule: null },
      1e6,
    );
    expect(made).toMatchObject({
      secrets,
      repoUrl: '',
      jobs: [{ config: { any: 1 }, withEvent: false }],
    });
  });
});
