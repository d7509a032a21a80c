import { describe, expect, it } from 'vitest';
import { readPlan } from './job-plan.ts';

describe('the plan of a job', () => {
  it('is read from the configuration that a dispatch carries', () => {
    expect(
      readPlan({
        name: 'test',
        workflowName: 'ci',
        steps: [
          { name: 'a', run: 'true', env: { N: 1, B: true, S: 's' }, timeoutMs: 5 },
          { run: 'x' },
        ],
        env: { A: 'b' },
        timeout: null,
        needs: [],
        matrixValues: { node: 24 },
        dispatchInputs: {},
        event: { ref: 'x' },
        checkout: false,
      }),
    ).toMatchObject({
      plan: {
        name: 'test',
        workflowName: 'ci',
        steps: [
          { index: 0, name: 'a', run: 'true', env: { N: '1', B: 'true', S: 's' }, timeoutMs: 5 },
          { index: 1, name: 'step 2', run: 'x', env: {}, timeoutMs: undefined },
        ],
        env: { A: 'b' },
        timeoutMs: undefined,
        checkout: false,
        event: { ref: 'x' },
        matrixValues: { node: 24 },
        install: false,
        caches: [],
      },
    });
  });

  it('has what the runner can do beside steps', () => {
    const read = readPlan({
      steps: [
        {
          run: 'x',
          if: 'always()',
          continueOnError: true,
          secrets: ['A'],
          emit: [{ event: 'e' }],
          requireApproval: { users: ['ann'], teams: ['ops', 'dev'], timeoutSeconds: 9 },
        },
      ],
      hooks: { cleanup: 'one', onFailure: ['one', 'two'] },
      cache: [{ key: 'k', path: 'x' }],
      install: 'make deps',
      workflowRepoUrl: 'https://example.org/w.git',
    });
    expect(read).toMatchObject({
      plan: {
        steps: [
          {
            continueOnError: true,
            secrets: ['A'],
            emit: [{ event: 'e', payload: {} }],
            approval: {
              clauses: [{ user: 'ann' }, { team: 'ops' }, { team: 'dev' }],
              timeoutSeconds: 9,
            },
          },
        ],
        hooks: { beforeStep: [], cleanup: ['one'], onFailure: ['one', 'two'] },
        caches: [{ key: 'k', restoreKeys: [], paths: ['x'] }],
        install: 'make deps',
        workflow: { repoUrl: 'https://example.org/w.git', ref: '', sha: '' },
      },
    });
  });

  it.each([
    [{}, 'jobConfig.steps'],
    [{ steps: [] }, 'jobConfig.steps'],
    [{ steps: [{ name: 'x' }] }, 'jobConfig.steps.0.run'],
    [{ steps: [{ run: 'x', env: { A: {} } }] }, 'jobConfig.steps.0.env.A'],
    [{ steps: [{ run: 'x' }], timeout: -1 }, 'jobConfig.timeout'],
    [{ steps: [{ run: 'x' }, { run: 'x', if: 'exit()' }] }, 'jobConfig.steps.1.if'],
    [{ steps: [{ run: 'x' }], hooks: { cleanup: 1 } }, 'jobConfig.hooks.cleanup'],
  ])('of %j is refused with the place: %s', (config, place) => {
    const read = readPlan(config);
    expect('refusal' in read && read.refusal.message).toContain(place);
  });
});
