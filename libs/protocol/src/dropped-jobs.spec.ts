import { describe, expect, it } from 'vitest';
import { history, RUN } from './run.fixture.ts';
import { foldRun } from './run.ts';

const id = (index: number) => `${RUN}-${index}`;
const success = (job: string) => [{ job, on: ['success' as const] }];

/** A job whose agent drops some, and what became of all. */
function afterDropping(droppedJobs: readonly string[], where: 'beside' | 'in data') {
  const h = history();
  h.created([
    { name: 'plan' },
    { name: 'test (a)', group: 'test', needs: success('plan') },
    { name: 'test (b)', group: 'test', needs: success('plan') },
    { name: 'lint' },
    { name: 'busy' },
  ]);
  h.offered(1, 5, id(4));
  h.offered(1, 1, id(0));
  const said = where === 'beside' ? { droppedJobs: [...droppedJobs] } : { data: { droppedJobs } };
  h.add('job.status', { state: 'success', ...said }, { jobId: id(0), attempt: 1, session: 1 });
  return foldRun(h.events).jobs.map(({ state }) => state);
}

describe('jobs that an agent drops', () => {
  it('are dropped by name, wherever the agent says it', () => {
    for (const where of ['beside', 'in data'] as const)
      expect(afterDropping(['lint', 'test (b)'], where)).toEqual([
        'success',
        'pending',
        'drift_dropped',
        'drift_dropped',
        'offered',
      ]);
  });

  it('are all that a matrix made, by the name that was written', () => {
    expect(afterDropping(['test'], 'beside').slice(1, 3)).toEqual([
      'drift_dropped',
      'drift_dropped',
    ]);
  });

  it('are left alone while an agent has them, as is the job that says it', () => {
    expect(afterDropping(['busy', 'plan', 'nobody'], 'beside')).toEqual([
      'success',
      'pending',
      'pending',
      'queued',
      'offered',
    ]);
  });
});
