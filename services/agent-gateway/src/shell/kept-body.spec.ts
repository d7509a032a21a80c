import { expect, it } from 'vitest';
import { remarkBody } from './kept-body.ts';

const kept = (context: Readonly<Record<string, unknown>>): string =>
  remarkBody({ type: 'job.context', runId: 'r', jobId: 'j', context });

it.each([
  'envVars',
  'env',
  'env_vars',
  'ENV',
  'environ',
  'environment',
  'environmentVars',
  'environment-variables',
  'Environment Variables',
  'jobEnv',
  'processEnv',
  'envList',
])('of an environment under the name %s no value is kept, and every name', (name) => {
  const value = 'kept-from-nobody';
  for (const members of [
    { WORD: value },
    [`WORD=${value}`],
    [{ name: 'WORD', value }],
    [{ key: 'WORD', value: { deep: value } }],
  ]) {
    const body = kept({ [name]: members });
    expect(body).not.toContain(value);
    expect(body).toContain('WORD');
  }
});

it('what is no environment is kept', () => {
  const context = { sha: 'abc', environmentName: 'live', envelope: { a: 1 } };
  expect(JSON.parse(kept(context))).toMatchObject({ context });
});
