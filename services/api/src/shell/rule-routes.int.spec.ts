import { parseJson, RuleGeneration, subjects } from '@waybill/protocol';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { limits } from '../domain/limits.ts';
import { answered, ORG, type RunningApi, startApi } from './running-api.fixture.ts';

let api: RunningApi;
beforeAll(async () => {
  api = await startApi();
});
afterAll(() => api.stop());

const yaml = (name: string, run = 'make') => `apiVersion: waybill/v1
kind: Rule
metadata:
  name: ${name}
spec:
  on: { source: github, event: push, branches: [main] }
  jobs:
    - name: build
      steps:
        - run: ${run}
`;
const put = (name: string, body: string, type = 'application/yaml') =>
  api.call(`/v1/orgs/${ORG}/rules/${name}`, {
    method: 'PUT',
    body,
    headers: { 'content-type': type },
  });
const stored = async (name: string) =>
  (await api.journal.load('WB_CONFIG', subjects.config(ORG, 'rule', name))).map((message) =>
    RuleGeneration.parse(parseJson(message.body)),
  );

it('a rule becomes generations: the next one for a change, none for the same', async () => {
  const first = await put('ci', yaml('ci'));
  expect(first.status).toBe(201);
  expect(await answered(first)).toMatchObject({ name: 'ci', generation: 1, seq: 1 });
  const same = await put('ci', `# the same, as JSON would say it\n${yaml('ci')}`);
  expect(same.status).toBe(200);
  expect(await answered(same)).toMatchObject({ generation: 1, seq: 1 });
  const json = JSON.stringify({ ...(await stored('ci'))[0]?.rule });
  expect((await put('ci', json, 'application/json')).status).toBe(200);
  expect(await answered(put('ci', yaml('ci', 'make test')))).toMatchObject({
    generation: 2,
    seq: 2,
  });
  expect((await stored('ci')).map(({ generation }) => generation)).toEqual([1, 2]);
});

it('who apply at once lose nothing: every change is a generation of its own', async () => {
  const answers = await Promise.all(
    Array.from({ length: 5 }, (_, i) => put('race', yaml('race', `make ${i}`))),
  );
  expect(answers.map((answer) => answer.status)).toEqual(Array(5).fill(201));
  const generations = await stored('race');
  expect(generations.map(({ generation }) => generation)).toEqual([1, 2, 3, 4, 5]);
  expect(new Set(generations.map(({ rule }) => JSON.stringify(rule))).size).toBe(5);
});

it('mistakes are refused together, each with its line, and nothing is stored', async () => {
  const file = yaml('bad')
    .replace('kind: Rule', 'kind: Rool')
    .replace('        - run: make', '        - run: ""\n          retrys: 3');
  const answer = await put('bad', file);
  expect(answer.status).toBe(400);
  const { code, errors } = await answered(answer);
  expect(code).toBe('rule-invalid');
  expect(errors.map(({ line, column, path }) => [line, column, path])).toEqual([
    [2, 7, 'kind'],
    [10, 16, 'spec.jobs[0].steps[0].run'],
    [11, 11, 'spec.jobs[0].steps[0].retrys'],
  ]);
  expect(await stored('bad')).toEqual([]);
});

it("the name in the path must be the rule's, and one that a rule may have", async () => {
  const other = await put('other', yaml('ci'));
  expect(other.status).toBe(400);
  expect((await answered(other)).errors).toEqual([
    { path: 'metadata.name', message: 'must be "other", as in the path', line: 4, column: 9 },
  ]);
  expect((await put('Upper', yaml('Upper'))).status).toBe(400);
});

it('a name that no rule may have hides no other mistake, and is shown with its line', async () => {
  const file = yaml('Bad Name!').replace('kind: Rule', 'kind: Rool');
  const { errors } = await answered(put(encodeURIComponent('Bad Name!'), file));
  expect(errors.map(({ line, path }) => [line, path])).toEqual([
    [2, 'kind'],
    [4, 'metadata.name'],
  ]);
  const good = await answered(put('Upper', yaml('lower')));
  expect(good.errors).toMatchObject([{ line: 4, path: 'metadata.name' }]);
});

it('an alias without an anchor is shown where it stands', async () => {
  const { errors } = await answered(put('ci', `${yaml('ci')}      runsOn: *nobody\n`));
  expect(errors).toMatchObject([{ line: 11, column: 15 }]);
});

it('size and content type are bounded', async () => {
  expect((await put('big', `#${'x'.repeat(limits.ruleBytes)}\n`)).status).toBe(413);
  const room = limits.ruleBytes - yaml('big').length - 1;
  expect((await put('big', `${yaml('big')}#${'x'.repeat(room)}`)).status).toBe(201);
  expect((await put('ci', yaml('ci'), 'text/plain')).status).toBe(415);
});
