import { describe, expect, it } from 'vitest';
import { blockedBy, type Candidate } from './blocked-by.ts';
import { history, type JobShape } from './run.fixture.ts';
import { foldRun } from './run.ts';

const agent = (agentId: string, change: Partial<Candidate> = {}): Candidate => ({
  agentId,
  labels: ['linux'],
  capacity: 1,
  load: 0,
  isDraining: false,
  ...change,
});

function why(agents: readonly Candidate[] | undefined, shape: Partial<JobShape> = {}) {
  const h = history();
  h.created([{ name: 'a', runsOn: ['linux'], ...shape }]);
  const run = foldRun(h.events);
  return run.jobs
    .flatMap((job) => blockedBy(job, run, agents))
    .map(({ kind, detail }) => ({
      kind,
      detail,
    }));
}

describe('a queued job waits', () => {
  it.each<readonly [string, readonly Candidate[] | undefined, string, string]>([
    ['for an agent, where none are known', undefined, 'agent', 'waits for a free agent with linux'],
    ['for an agent to connect', [], 'no_agent', 'no agent is connected'],
    [
      'for one that fits',
      [agent('mac', { labels: ['mac'] })],
      'no_agent',
      'no connected agent has linux',
    ],
    [
      'for a free slot',
      [agent('one', { load: 1 }), agent('two', { load: 3, capacity: 2 })],
      'busy',
      'every agent with linux is busy: one, two',
    ],
    [
      'for one that takes new work',
      [agent('one', { isDraining: true })],
      'draining',
      'every agent with linux drains: one',
    ],
    [
      'for a slot, where the free ones drain',
      [agent('one', { isDraining: true }), agent('two', { load: 1 })],
      'busy',
      'every agent with linux is busy: two',
    ],
    [
      'for its turn',
      [agent('one'), agent('two', { load: 1 })],
      'agent',
      'waits for its turn with one, two',
    ],
  ])('%s', (_, agents, kind, detail) => {
    expect(why(agents)).toEqual([{ kind, detail }]);
  });

  it('for the one agent that it is pinned to', () => {
    expect(why([agent('one')], { agent: 'two' })).toEqual([
      { kind: 'no_agent', detail: 'agent two is not connected' },
    ]);
    expect(why([agent('one'), agent('two', { load: 1 })], { agent: 'two' })).toEqual([
      { kind: 'busy', detail: 'every agent with linux is busy: two' },
    ]);
  });

  it.each<readonly [readonly Candidate[] | undefined, string]>([
    [undefined, 'waits for a free agent'],
    [[agent('one', { load: 1 })], 'every agent is busy: one'],
    [[agent('one', { isDraining: true })], 'every agent drains: one'],
    [[agent('one', { labels: ['taint:gpu'] })], 'no connected agent is free of taints'],
  ])('in words that name no labels where it asks for none: %j', (agents, detail) => {
    expect(why(agents, { runsOn: [] }).map((each) => each.detail)).toEqual([detail]);
  });

  it('for what the agent that it is pinned to lacks', () => {
    const two = [agent('two', { labels: ['taint:gpu'] })];
    expect(why(two, { agent: 'two' })[0]?.detail).toBe('agent two lacks linux, or has a taint');
    expect(why(two, { agent: 'two', runsOn: [] })[0]?.detail).toBe('agent two has a taint');
  });

  it('and a few agents are named, however many there are', () => {
    const many = Array.from({ length: 900 }, (_, index) => agent(`a${index}`, { load: 1 }));
    expect(why(many)[0]?.detail).toBe(
      'every agent with linux is busy: a0, a1, a2, a3, a4 and 895 more',
    );
  });

  it('until the end of a backoff, which is left out once it is over', () => {
    const h = history();
    h.created();
    h.offered(1, 7);
    h.reject(1, 7);
    const run = foldRun(h.events);
    const [job] = run.jobs;
    if (job === undefined) throw new Error('it was created');
    const kinds = (now: number) => blockedBy(job, run, undefined, now).map(({ kind }) => kind);
    expect(kinds(0)).toEqual(['backoff', 'agent']);
    expect(kinds(job.notBefore - 1)).toEqual(['backoff', 'agent']);
    expect(kinds(job.notBefore)).toEqual(['agent']);
  });
});

it('a pending job whose needs have just ended says so until that is decided', () => {
  const h = history();
  h.created([{ name: 'a' }, { name: 'b', needs: [{ job: 'a', on: ['success'] }] }]);
  h.offered(1, 7);
  h.status(1, 7, 'success');
  const run = foldRun(h.events);
  expect(run.jobs.map((job) => blockedBy(job, run).map(({ detail }) => detail))).toEqual([
    [],
    ['what it needs has just ended'],
  ]);
});
