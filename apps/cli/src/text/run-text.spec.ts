import { describe, expect, it } from 'vitest';
import type { Job, Run } from '../http/answer.ts';
import { runText } from './run-text.ts';

const offers = { max: 5, expired: 0, rejected: 0, withdrawn: 0, busy: 0, lapsed: 0 };
const job = (change: Partial<Job> = {}): Job => ({
  jobId: 'r-0',
  name: 'build',
  state: 'queued',
  agentId: null,
  startedAt: null,
  completedAt: null,
  blockedBy: [],
  offers,
  retries: { max: 3, used: 0 },
  attempts: [],
  steps: [],
  ...change,
});
const textOf = (change: Partial<Run>): string => {
  const run: Run = {
    runId: 'r',
    org: 'main',
    state: 'running',
    trigger: null,
    rule: null,
    workflow: null,
    repoUrl: null,
    trust: 'trusted',
    chainDepth: 0,
    upstream: null,
    ref: null,
    sha: null,
    createdAt: null,
    startedAt: null,
    completedAt: null,
    durationMs: null,
    record: null,
    anomalies: 0,
    seq: 1,
    jobs: [],
    ...change,
  };
  return runText(run, { style: (_, value) => value, live: false, nowMs: 0 });
};

const text = (change: Partial<Job>): string => textOf({ jobs: [job(change)] });

describe('the text of a run', () => {
  it('says whose event started it, and that it runs a stranger’s code', () => {
    const upstream = { runId: 'q', jobId: 'q-0' };
    const started = textOf({ upstream, chainDepth: 2, trust: 'fork' });
    expect(started).toContain('  upstream  job q-0, at depth 2 of its chain\n');
    expect(started).toContain('  trust     fork');
    expect(textOf({})).not.toMatch(/upstream|trust/);
  });

  it('says what its work has used, what was billed for it, and what it has left behind', () => {
    const shown = textOf({
      usage: { modelCalls: 2, inputTokens: 1_200 },
      costUsd: 0.62,
      artifacts: [{ name: 'draft-reply.md', sizeBytes: 2_048 }],
    });
    expect(shown).toContain('  used      2 model calls, 1,200 input tokens\n');
    expect(shown).toContain('  cost      $0.62\n');
    expect(shown).toContain('  artifacts draft-reply.md (2.0 KiB)\n');
    expect(textOf({})).not.toMatch(/used|cost|artifacts/);
  });
});

describe('a job in the text of a run', () => {
  it('shows what it waits for people for, until when, and what they have said', () => {
    const blockedBy = [
      { kind: 'held', detail: 'waits for approval by ada', until: '2026-01-02T03:04:05.678Z' },
    ];
    const approvals = [
      {
        id: 'r-0-p1',
        stepIndex: 2,
        stepName: 'deploy',
        reason: 'it goes live',
        clauses: [{ user: 'ada' }, { team: 'ops' }],
        votes: [{ by: 'ada', decision: 'approve', reason: 'go' }],
        state: 'open',
        expiresAt: '2026-01-02T03:04:05.678Z',
        resolvedAt: null,
      },
    ];
    const shown = text({ state: 'held', blockedBy, approvals });
    expect(shown).toContain('(waits for approval by ada, until 2026-01-02T03:04:05.678Z)');
    expect(shown).toContain(
      'approval r-0-p1 of step deploy, it goes live: open: by ada and team ops, approved by ada (go)',
    );
  });

  it('says nothing of offers and retries that have cost nothing', () => {
    expect(text({})).not.toMatch(/offers|retries/);
  });

  it('says how long a lost agent has to come back', () => {
    const offeredAt = '2026-01-02T03:04:05.678Z';
    const recoverUntil = '2026-01-02T03:06:05.678Z';
    const attempt = { attempt: 1, agentId: 'a', resolution: 'accepted', offeredAt };
    expect(text({ state: 'recovering', attempts: [{ ...attempt, recoverUntil }] })).toContain(
      `attempt 1 to a: accepted, has until ${recoverUntil} to come back`,
    );
    expect(text({ attempts: [attempt] })).not.toContain('come back');
  });

  it('says what its offers have cost, by cause, and what was free', () => {
    const spent = { ...offers, expired: 2, rejected: 1, busy: 4, lapsed: 1 };
    expect(text({ offers: spent })).toContain(
      '    offers 3 of 5 spent: 2 expired, 1 rejected; at no cost: 4 busy, 1 with a gateway of ours\n',
    );
    expect(text({ offers: { ...offers, busy: 4 } })).toContain('    offers at no cost: 4 busy\n');
  });

  it('says how many of its retries are used', () => {
    expect(text({ retries: { max: 3, used: 1 } })).toContain('    retries 1 of 3 used\n');
  });
});
