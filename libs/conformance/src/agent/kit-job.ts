/**
 * The work that the kit gives out. By default shell steps in `jobConfig.steps[].run`; for agents that understand another
 * `jobConfig`, a file names their own work for each job of the kit. What a job lacks in the file is not tried.
 */
import { isRecord } from '../recorded-frame.ts';

export const kitJobNames = [
  'quick',
  'settings',
  'failing',
  'chatty',
  'long',
  'ticking',
  'emitting',
  'caching',
  'buildcache',
  'attesting',
  'approving',
  'grouped',
  'hooked',
  'reporting',
  'storing',
] as const;
export type KitJobName = (typeof kitJobNames)[number];

/** What each has to do, for those who write their own. */
export const kitJobTasks: Readonly<Record<KitJobName, string>> = {
  quick: 'two steps; the first prints `kit-line-1` and `kit-line-2`, the second `kit-line-3`',
  settings:
    'one step; prints `kit-env-` and the variable KIT_ENV, then `kit-secret-` and the length of the secret KIT_SECRET',
  failing: 'a step that prints `kit-before` and fails, then one that would print `kit-never`',
  chatty: 'one step that prints `kit-line-0` to `kit-line-229` as fast as it can',
  long: 'one step that prints `kit-begun` and goes on for five minutes, unless it is cancelled',
  ticking: 'one step that prints `kit-line-0` to `kit-line-39`, about 7 a second',
  emitting: 'a step that emits an event and needs its receipt',
  caching: 'a job that restores a user cache and saves it',
  buildcache: 'a job that saves a build cache',
  attesting: 'a job that uploads the provenance of something',
  approving: 'a step that needs an approval and prints `kit-approved` behind it',
  grouped: 'a job of a concurrency group',
  hooked: 'one step with hooks around it',
  reporting: 'a job that reports usage',
  storing: 'a job that uploads an artifact',
};

export type KitJob = Readonly<{
  jobConfig: Readonly<Record<string, unknown>>;
  /** More fields of its dispatch. */
  dispatch: Readonly<Record<string, unknown>>;
}>;
export type KitJobs = Readonly<Partial<Record<KitJobName, KitJob>>>;

const step = (name: string, run: string): object => ({ name, run });
const shell = (name: string, steps: readonly object[], more: object = {}): KitJob => ({
  jobConfig: {
    name,
    workflowName: 'conformance',
    steps,
    env: {},
    needs: [],
    matrixValues: {},
    dispatchInputs: {},
    event: null,
    checkout: false,
    ...more,
  },
  dispatch: {},
});
const count = (to: number, pause: string): string =>
  `i=0; while [ $i -lt ${to} ]; do echo "kit-line-$i"; i=$((i+1)); ${pause}done`;

const usageLine =
  '{"kind":"model_call","gen_ai.usage.input_tokens":1,"gen_ai.usage.output_tokens":1}';

export const shellJobs: KitJobs = {
  quick: shell('quick', [
    step('first', 'echo kit-line-1; echo kit-line-2'),
    step('second', 'echo kit-line-3'),
  ]),
  settings: {
    ...shell(
      'settings',
      [step('says', 'echo "kit-env-$KIT_ENV"; echo "kit-secret-${#KIT_SECRET}"')],
      {
        env: { KIT_ENV: 'given' },
      },
    ),
    dispatch: { secrets: { KIT_SECRET: 'kit-secret-value-0123456789' } },
  },
  failing: shell('failing', [
    step('fails', 'echo kit-before; exit 3'),
    step('never', 'echo kit-never'),
  ]),
  chatty: shell('chatty', [step('chatty', count(230, ''))]),
  long: shell('long', [
    step('long', 'echo kit-begun; i=0; while [ $i -lt 3000 ]; do i=$((i+1)); sleep 0.1; done'),
  ]),
  ticking: shell('ticking', [step('ticking', count(40, 'sleep 0.14; '))]),
  emitting: shell('emitting', [
    { ...step('emits', 'echo kit-before'), emit: [{ event: 'kit-event', payload: { count: 1 } }] },
  ]),
  caching: shell('caching', [step('fills', 'mkdir -p cached; echo kit > cached/file')], {
    cache: [{ key: 'kit-cache', restoreKeys: ['kit-'], path: 'cached' }],
  }),
  approving: shell('approving', [
    { ...step('asks', 'echo kit-approved'), requireApproval: { reason: 'the kit asks' } },
  ]),
  grouped: shell('grouped', [step('works', 'echo kit-works')], { concurrencyGroup: 'kit' }),
  hooked: shell('hooked', [step('works', 'echo kit-works')], {
    hooks: {
      beforeStep: 'echo kit-before',
      afterStep: 'echo kit-after',
      cleanup: 'echo kit-clean',
    },
  }),
  reporting: shell('reporting', [
    step('reports', `[ -z "$WAYBILL_USAGE" ] || echo '${usageLine}' >> "$WAYBILL_USAGE"`),
  ]),
  storing: shell('storing', [
    step(
      'stores',
      `echo kit > kit.txt; [ -z "$WAYBILL_ARTIFACTS" ] || echo '{"name":"kit.txt"}' >> "$WAYBILL_ARTIFACTS"`,
    ),
  ]),
};

/** Of a file's content. Undefined for what is not such a file. */
export function readKitJobs(content: unknown): KitJobs | undefined {
  if (!isRecord(content)) return undefined;
  const entries = Object.entries(content).map(
    ([name, value]) => [kitJobNames.find((known) => known === name), value] as const,
  );
  if (entries.length === 0) return undefined;
  const jobs: Partial<Record<KitJobName, KitJob>> = {};
  for (const [name, value] of entries) {
    if (name === undefined || !isRecord(value) || !isRecord(value['jobConfig'])) return undefined;
    const dispatch = value['dispatch'] ?? {};
    if (!isRecord(dispatch)) return undefined;
    jobs[name] = { jobConfig: value['jobConfig'], dispatch };
  }
  return jobs;
}
