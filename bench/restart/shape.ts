/**
 * What the log is filled with: runs as the dispatcher creates them for a rule's push webhooks, and what makes their jobs run. Pure.
 */
import {
  type BodyOf,
  type Draft,
  decisionId,
  type Expectation,
  expectationOf,
  jobSpecs,
  type RunCreated,
  runDraft,
  runId,
  triggerId,
} from '@waybill/protocol';
import { padding } from '../measure/load.ts';

export type Shape = Readonly<{
  name: string;
  runs: number;
  jobsEach: number;
  /** Agents have them, and have begun; else they wait for one. */
  areRunning: boolean;
}>;

/** The same number of jobs that wait as runs of one and as runs of many, and a tenth as many that run. */
export const shapesOf = (jobs: number): readonly Shape[] => [
  { name: 'waiting, runs of 1 job', runs: jobs, jobsEach: 1, areRunning: false },
  {
    name: 'waiting, runs of 100 jobs',
    runs: Math.ceil(jobs / 100),
    jobsEach: 100,
    areRunning: false,
  },
  { name: 'running, runs of 1 job', runs: Math.ceil(jobs / 10), jobsEach: 1, areRunning: true },
];

export const jobsIn = ({ runs, jobsEach }: Shape): number => runs * jobsEach;

const ORG = 'main';
const hour = 3_600_000;
const ackTimeoutMs = 10_000;
const jobsPerAgent = 10;

function createdBody(index: number, jobsEach: number): RunCreated {
  const trigger = triggerId(ORG, 'github', `delivery-${index}`);
  const run = runId(trigger, 0);
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
    ackTimeoutMs,
    recoveryMs: 120_000,
    // Nobody sends heartbeats here, and nothing is to be decided while it is measured.
    staleMs: hour,
  };
}

export type Written = Readonly<{ draft: Draft; expect: Expectation | undefined }>;

/** The event of the run at `step`, behind the one of the sequence `lastSeq`; undefined where there is no more. */
export function written(
  { jobsEach, areRunning }: Shape,
  index: number,
  step: number,
  lastSeq: number,
): Written | undefined {
  const body = createdBody(index, jobsEach);
  const expect = expectationOf(ORG, body.runId, lastSeq);
  if (step === 0) return { draft: creation(body, index), expect };
  if (!areRunning) return undefined;
  if (step === 1) return { draft: offer(body, index, lastSeq), expect };
  const word = words[step - 2];
  return word && { draft: said(body, index, step, word), expect: undefined };
}

const install = { stepIndex: 0, stepName: 'install' };
const words = [
  { type: 'job.ack' },
  { type: 'job.status', state: 'running' },
  { type: 'step.status', ...install, state: 'running' },
  { type: 'step.status', ...install, state: 'success', data: { exitCode: 0 } },
  { type: 'step.status', stepIndex: 1, stepName: 'test', state: 'running' },
] as const;

function creation(body: RunCreated, index: number): Draft {
  const hex = index.toString(16).padStart(16, '0');
  return runDraft({
    org: ORG,
    runId: body.runId,
    type: 'run.created',
    meta: {
      id: `${ORG}:${body.runId}:run.created`,
      source: '/waybill/dispatcher',
      causation: `${ORG}:${body.trigger.triggerId}:decided`,
      requestId: `${hex}${hex}`,
      traceparent: `00-${hex}${hex}-${hex}-01`,
    },
    body,
  });
}

/** Ten to an agent, each of one session. */
function holder({ jobs }: RunCreated, index: number) {
  const session = 1 + Math.floor(index / jobsPerAgent);
  return { jobId: jobs[0]?.jobId ?? '', attempt: 1, agentId: `agent-${session}`, session };
}

function offer(created: RunCreated, index: number, fence: number): Draft {
  const held = holder(created, index);
  const body: BodyOf<'job.offered'> = { ...held, fence, ackTimeoutMs, reason: 'initial' };
  const id = decisionId(ORG, created.runId, 'job.offered', held.jobId, fence);
  return runDraft({
    org: ORG,
    runId: created.runId,
    type: 'job.offered',
    to: held.agentId,
    meta: { id, source: '/waybill/dispatcher', jobId: held.jobId, attempt: 1 },
    body,
  });
}

/** As the agent has sent it. */
function said(
  created: RunCreated,
  index: number,
  step: number,
  word: (typeof words)[number],
): Draft {
  const held = holder(created, index);
  const { runId: run } = created;
  const frame = { messageId: `${run}-${step}`, runId: run, jobId: held.jobId, ...word };
  return runDraft({
    org: ORG,
    runId: run,
    type: word.type,
    meta: { id: `${held.session}.${index}-${step}`, source: '/waybill/agent-gateway', ...held },
    body: JSON.stringify(frame),
  });
}
