/** What the log is filled with: runs as the dispatcher creates them for a rule's push webhooks, all of them waiting. Pure. */
import {
  type Draft,
  jobSpecs,
  type RunCreated,
  runDraft,
  runId,
  triggerId,
} from '@waybill/protocol';
import { padding } from '../measure/load.ts';

export type Shape = Readonly<{ name: string; runs: number; jobsEach: number }>;

/** The same number of jobs as runs of one, and as runs of many. */
export const shapesOf = (jobs: number): readonly Shape[] => [
  { name: 'runs of 1 job', runs: jobs, jobsEach: 1 },
  { name: 'runs of 100 jobs', runs: Math.ceil(jobs / 100), jobsEach: 100 },
];

export const jobsIn = ({ runs, jobsEach }: Shape): number => runs * jobsEach;

const ORG = 'main';
const hour = 3_600_000;

function created(run: string, trigger: string, index: number, jobsEach: number): RunCreated {
  const requests = Array.from({ length: jobsEach }, (_, at) => ({
    name: `test ${at + 1}`,
    runsOn: ['linux', 'x64'],
    timeoutMs: hour,
    steps: [
      { name: 'install', run: 'npm ci' },
      { name: 'test', run: 'npm test' },
    ],
  }));
  return {
    runId: run,
    org: ORG,
    trigger: {
      triggerId: trigger,
      source: 'github',
      kind: 'webhook',
      event: 'push',
      deliveryId: `delivery-${index}`,
    },
    rule: { name: 'ci', generation: 3 },
    workflow: 'ci',
    repoUrl: 'https://git.example.org/acme/shop.git',
    ref: `refs/heads/feature-${index}`,
    sha: index.toString(16).padStart(40, '0'),
    event: { ref: `refs/heads/feature-${index}`, head: { message: padding } },
    jobs: jobSpecs(requests, { runId: run, workflow: 'ci', checkout: true, input: undefined }),
    offersMax: 5,
    ackTimeoutMs: 10_000,
    recoveryMs: 120_000,
    staleMs: 120_000,
  };
}

export function creation(index: number, jobsEach: number): Draft {
  const trigger = triggerId(ORG, 'github', `delivery-${index}`);
  const run = runId(trigger, 0);
  const hex = index.toString(16).padStart(16, '0');
  return runDraft({
    org: ORG,
    runId: run,
    type: 'run.created',
    meta: {
      id: `${ORG}:${run}:run.created`,
      source: '/waybill/dispatcher',
      causation: `${ORG}:${trigger}:decided`,
      requestId: `${hex}${hex}`,
      traceparent: `00-${hex}${hex}-${hex}-01`,
    },
    body: created(run, trigger, index, jobsEach),
  });
}
