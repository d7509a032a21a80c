import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { runsOf } from './arbitrary.fixture.ts';
import { history, JOB } from './run.fixture.ts';
import { foldRun } from './run.ts';
import { completionOf, runView, spendingOf } from './run-view.ts';
import { addUsage, nanoUsd, usd } from './usage.ts';
import type { UsageReported } from './work-body.ts';

type Entry = UsageReported['entries'][number];
const call = (change: Partial<Entry> = {}): Entry => ({
  kind: 'model_call',
  costUsd: '0.1',
  'gen_ai.usage.input_tokens': 10,
  'gen_ai.usage.output_tokens': 3,
  ...change,
});
const of7 = { jobId: JOB, attempt: 1, session: 7, agentId: 'agent-7' };

function started() {
  const h = history();
  h.created();
  h.offered(1, 7);
  return h;
}

describe('usage of a run', () => {
  test('is the sum over its reports, by unit, and in exact money', () => {
    const h = started();
    for (let each = 0; each < 10; each++) h.add('usage.reported', { entries: [call()] }, of7);
    h.add('usage.reported', { entries: [{ kind: 'tool_call' }, { kind: 'retrieval' }] }, of7);
    expect(spendingOf(foldRun(h.events))).toEqual({
      usage: { modelCalls: 10, toolCalls: 1, retrievals: 1, inputTokens: 100, outputTokens: 30 },
      costUsd: 1,
    });
  });

  test('a report accepts the offer, as every word of the attempt', () => {
    const h = started();
    h.add('usage.reported', { entries: [call()] }, of7);
    expect(foldRun(h.events).jobs[0]).toMatchObject({ state: 'running' });
  });

  test('a report that is told twice under one id counts once', () => {
    const h = started();
    h.add('usage.reported', { entries: [call()] }, { ...of7, id: 'report-1' });
    h.add('usage.reported', { entries: [call()] }, { ...of7, id: 'report-1' });
    expect(spendingOf(foldRun(h.events)).costUsd).toBe(0.1);
  });

  test('what an attempt that was overtaken has used counts, and moves nothing else', () => {
    const h = started();
    h.expired(1);
    h.offered(2, 8);
    const before = foldRun(h.events);
    h.add('usage.reported', { entries: [call()] }, of7);
    const after = foldRun(h.events);
    expect(spendingOf(after).costUsd).toBe(0.1);
    expect(after.jobs[0]).toMatchObject({ state: 'offered', attempts: before.jobs[0]?.attempts });
    expect(after.anomalies).toBe(before.anomalies);
  });

  test('a report of an attempt that the agent never had is void', () => {
    const h = started();
    h.add('usage.reported', { entries: [call()] }, { ...of7, agentId: 'agent-8' });
    const run = foldRun(h.events);
    expect(spendingOf(run)).toEqual({ usage: {}, costUsd: 0 });
    expect(run.lastVoid?.why).toBe('stale-attempt');
  });

  test('what is reported behind the end of the run counts apart from what was sealed', () => {
    const h = started();
    h.add('usage.reported', { entries: [call()] }, of7);
    h.status(1, 7, 'success');
    const ending = foldRun(h.events);
    const completion = completionOf(ending);
    if (completion === undefined) throw new Error('the run has ended');
    const sealed = { ...completion, ...spendingOf(ending), priceGeneration: null, jobs: [] };
    h.add('run.completed', { ...sealed, usage: { ...sealed.usage } });
    h.add('usage.reported', { entries: [call({ costUsd: '0.25' })] }, of7);
    const view = runView(foldRun(h.events), 'main', JOB);
    expect(view).toMatchObject({
      state: 'success',
      costUsd: 0.1,
      usage: { modelCalls: 1, inputTokens: 10 },
      lateUsage: { modelCalls: 1, inputTokens: 10, costNanoUsd: 250_000_000 },
      anomalies: 0,
    });
  });
});

test('an artifact that is told twice, or stored again by a later attempt, is one', () => {
  const h = started();
  const body = { name: 'a.md', uri: 'artifact://exec/r/a.md', sha256: 'ab', sizeBytes: 1 };
  h.add('artifact.stored', body, of7);
  h.add('artifact.stored', { ...body, name: 'b.md' }, of7);
  h.add('artifact.stored', { ...body, sizeBytes: 2 }, of7);
  const { artifacts } = runView(foldRun(h.events), 'main', JOB);
  expect(artifacts.map(({ name, sizeBytes }) => [name, sizeBytes])).toEqual([
    ['b.md', 1],
    ['a.md', 2],
  ]);
});

describe('money', () => {
  test.each([
    ['0', 0],
    ['0.000000001', 1],
    ['12.5', 12_500_000_000],
    ['999999.999999999', 999_999_999_999_999],
  ])('%s dollars are %d billionths', (text, nano) => {
    expect(nanoUsd(text)).toBe(nano);
  });

  test('a sum does not depend on order or grouping', () => {
    const anyCost = fc.array(fc.integer({ min: 0, max: 1e12 }), { maxLength: 20 });
    fc.assert(
      fc.property(anyCost, fc.nat(), (costs, cut) => {
        const parts = costs.map((costNanoUsd) => ({ costNanoUsd }));
        const at = cut % (parts.length + 1);
        const grouped = addUsage(addUsage(...parts.slice(at)), addUsage(...parts.slice(0, at)));
        expect(grouped).toEqual(addUsage(...parts));
        expect(usd(grouped.costNanoUsd ?? 0)).toBe(
          costs.reduce((sum, each) => sum + each, 0) / 1e9,
        );
      }),
      runsOf(100),
    );
  });
});
