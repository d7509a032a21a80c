/** What an agent asks for on behalf of a job, and what it makes of a refusal. Which job asks is up to the agent's own `jobConfig`. */
import { fail, skip } from '../check.ts';
import type { RecordedFrame } from '../recorded-frame.ts';
import { textOf } from '../recorded-frame.ts';
import type { AgentCheck, AgentTrial, SentJob } from './agent-trial.ts';
import type { KitJobName } from './kit-job.ts';
import { isTerminal, type Manner } from './manner.ts';

type Asked = Readonly<{ job: SentJob; request: RecordedFrame; end: RecordedFrame }>;

/** Runs the job to its end with a server that refuses; skipped where the job never asks. */
async function asked(
  trial: AgentTrial,
  name: KitJobName,
  type: string,
  manner: Partial<Manner> = {},
): Promise<Asked> {
  await trial.registered();
  trial.stand.behave(manner);
  const job = await trial.taken(name);
  const end = await trial.ended(job);
  const request =
    trial.about(job).find((frame) => frame.type === type) ??
    skip(`the job \`${name}\` never sent \`${type}\``);
  if (request.refusal !== undefined) fail('the request does not fit its schema', request);
  return { job, request, end };
}

const goesOn = (name: string, kitJob: KitJobName, type: string, what: string): AgentCheck => ({
  name,
  claim: `\`${type}\` fits its schema, and where there is no ${what} the job still ends.`,
  section: type,
  run: async (trial) => {
    const { end } = await asked(trial, kitJob, type);
    return `without ${what} the job ends as ${textOf(end, 'state')}`;
  },
});

export const requestChecks: readonly AgentCheck[] = [
  {
    name: 'emit-refused',
    claim: '`event.emit` fits its schema, and an `error` in its receipt makes the step fail.',
    section: 'event.emit, event.emit.response',
    run: async (trial) => {
      const { request, end } = await asked(trial, 'emitting', 'event.emit');
      if (textOf(request, 'requestId') === '') fail('it has no `requestId`', request);
      if (end.fields['state'] !== 'failed') fail('the job did not fail over the refusal', end);
    },
  },
  {
    name: 'emit-unanswered',
    claim:
      'Without a receipt it goes on after 5 s (told: published agents invent one, ours fail the step).',
    section: 'event.emit',
    slow: 'the wait for a receipt takes 5 s',
    run: async (trial) => {
      const { end } = await asked(trial, 'emitting', 'event.emit', { requests: 'hold' });
      return `the job ends as ${textOf(end, 'state')}`;
    },
  },
  goesOn('user-cache', 'caching', 'cache.user.restore.request', 'entry'),
  goesOn('build-cache', 'buildcache', 'cache.upload.request', 'storage'),
  goesOn('provenance', 'attesting', 'provenance.upload.request', 'storage'),
  {
    name: 'concurrency-proceed',
    claim: 'After `job.concurrency.report` and `proceed` the job goes on.',
    section: 'job.concurrency.report, job.concurrency.ack',
    run: async (trial) => {
      const { end } = await asked(trial, 'grouped', 'job.concurrency.report');
      if (end.fields['state'] !== 'success') fail('the job did not go on', end);
    },
  },
  {
    name: 'concurrency-cancel',
    claim: 'After `cancel` none of its steps runs, and it ends as `failed` or `cancelled`.',
    section: 'job.concurrency.ack',
    run: async (trial) => {
      const manner = { concurrency: 'cancel' } as const;
      const { job, end } = await asked(trial, 'grouped', 'job.concurrency.report', manner);
      if (!['failed', 'cancelled'].includes(textOf(end, 'state'))) fail('the job went on', end);
      const ran = trial
        .about(job)
        .find(({ type, fields }) => type === 'step.status' && fields['state'] === 'success');
      if (ran !== undefined) fail('a step ran', ran);
    },
  },
  {
    name: 'approval-approved',
    claim: 'A step that asks for an approval waits for it, and runs when it is approved.',
    section: 'step.approval-request, step.approval-resolved',
    run: async (trial) => {
      await trial.registered();
      trial.stand.behave({ approval: 'hold' });
      const job = await trial.taken('approving');
      const request = await approvalOf(trial, job);
      await trial.watch.until(() => trial.about(job).find(isTerminal), trial.quietMs);
      if (trial.said(job).some((line) => line.includes('kit-approved')))
        fail('the step ran before it was approved', request);
      resolve(trial, request, 'approved');
      const end = await trial.ended(job);
      if (end.fields['state'] !== 'success') fail('the job did not go on', end);
      if (!trial.said(job).some((line) => line.includes('kit-approved')))
        fail('the step did not run', end);
    },
  },
  {
    name: 'approval-rejected',
    claim: 'When it is rejected the step does not run and the job fails.',
    section: 'step.approval-resolved',
    run: async (trial) => {
      await trial.registered();
      trial.stand.behave({ approval: 'hold' });
      const job = await trial.taken('approving');
      resolve(trial, await approvalOf(trial, job), 'rejected');
      const end = await trial.ended(job);
      if (end.fields['state'] !== 'failed') fail('the job did not fail', end);
      if (trial.said(job).some((line) => line.includes('kit-approved'))) fail('the step ran', end);
    },
  },
  {
    name: 'approval-again',
    claim: 'After a reconnect it still waits, and asks again under the same `messageId`.',
    section: 'WireExtensions: approvals',
    profile: 'waybill',
    run: async (trial) => {
      await trial.registered();
      trial.stand.behave({ approval: 'hold' });
      const job = await trial.taken('approving');
      const request = await approvalOf(trial, job);
      job.line.cut();
      await trial.back(job.line);
      const again = await trial.watch.until(
        () => trial.about(job).find((frame) => isApproval(frame) && frame.place > request.place),
        trial.withinMs,
      );
      if (again === undefined) fail('it did not ask again', request);
      if (again?.fields['messageId'] !== request.fields['messageId'])
        fail('it asked under another `messageId`', again);
      resolve(trial, request, 'approved');
      const end = await trial.ended(job);
      if (end.fields['state'] !== 'success') fail('the job did not go on', end);
    },
  },
];

const isApproval = ({ type }: RecordedFrame): boolean =>
  type === 'step.approval-request' || type === 'job.approval-request';

async function approvalOf(trial: AgentTrial, job: SentJob): Promise<RecordedFrame> {
  const request = await trial.watch.until<RecordedFrame | 'ended'>(
    () =>
      trial.about(job).find(isApproval) ??
      (trial.about(job).some(isTerminal) ? 'ended' : undefined),
    trial.withinMs,
  );
  if (request === undefined || request === 'ended')
    return skip('the job `approving` never asked for an approval');
  if (request.refusal !== undefined) fail('the request does not fit its schema', request);
  return request;
}

function resolve(
  trial: AgentTrial,
  { type, fields }: RecordedFrame,
  outcome: 'approved' | 'rejected',
): void {
  const { messageId: requestId, runId, jobId, stepIndex } = fields;
  const step = type === 'step.approval-request' ? { stepIndex } : {};
  const resolved = type.replace('-request', '-resolved');
  trial.stand.visits
    .at(-1)
    ?.line.send({ type: resolved, requestId, runId, jobId, ...step, outcome });
}
