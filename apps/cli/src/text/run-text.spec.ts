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
const text = (change: Partial<Job>): string => {
  const run: Run = {
    runId: 'r',
    org: 'main',
    state: 'running',
    trigger: null,
    rule: null,
    workflow: null,
    repoUrl: null,
    ref: null,
    sha: null,
    createdAt: null,
    startedAt: null,
    completedAt: null,
    durationMs: null,
    record: null,
    anomalies: 0,
    seq: 1,
    jobs: [job(change)],
  };
  return runText(run, { style: (_, value) => value, live: false, nowMs: 0 });
};

describe('a job in the text of a run', () => {
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
