/** Waybill's extensions, for agents that announce them: fences, grants, leases, and words that are kept until they are heard. */
import { fail, skip } from '../check.ts';
import type { RecordedFrame } from '../recorded-frame.ts';
import type { AgentCheck, AgentTrial, SentJob } from './agent-trial.ts';
import { isTerminal } from './manner.ts';

const leaseMs = 8_000;
/** Steps that ignore being asked get a moment. */
const leaseGraceMs = 2_000;
const echoed: ReadonlySet<string> = new Set([
  'job.ack',
  'job.reject',
  'job.status',
  'step.status',
  'log.chunk',
  'job.heartbeat',
]);

/** Sent until it was acknowledged, and not after. */
async function keptUntilHeard(
  trial: AgentTrial,
  job: SentJob,
  isWord: (frame: RecordedFrame) => boolean,
): Promise<void> {
  const first =
    (await trial.watch.until(() => trial.about(job).find(isWord), trial.withinMs)) ??
    skip('the job never says it');
  const before = trial.stand.visits.at(-1)?.line;
  before?.cut();
  await trial.back(before);
  const again = await trial.watch.until(
    () => trial.about(job).find((frame) => isWord(frame) && frame.place > first.place),
    trial.withinMs,
  );
  if (again === undefined) fail('it was not sent again after a reconnect', first);
  if (again?.fields['messageId'] !== first.fields['messageId'])
    fail('it was sent again under another `messageId`', again);
  trial.stand.behave({ terminalAck: true, usageAck: true });
  const { runId, jobId } = job;
  const type = first.type === 'usage.report' ? 'usage.ack' : 'job.status.ack';
  const line = await trial.registered();
  line.send({ type, messageId: first.fields['messageId'], runId, jobId });
  await trial.ended(job);
  const heard = trial.watch.last;
  await trial.anew();
  await trial.registered();
  await trial.watch.until(
    () => trial.about(job).find((frame) => isWord(frame) && frame.place > heard),
    trial.quietMs,
  );
  const late = trial.about(job).find((frame) => isWord(frame) && frame.place > heard);
  if (late !== undefined) fail('it was sent again though it had been acknowledged', late);
}

export const extensionChecks: readonly AgentCheck[] = [
  {
    name: 'fence-echoed',
    claim: 'Every report repeats `attempt` and `fence` of its dispatch.',
    section: 'WireExtensions: fence',
    profile: 'waybill',
    run: async (trial) => {
      const job = await trial.taken('quick');
      await trial.ended(job);
      const wrong = trial
        .about(job)
        .find(
          ({ type, fields }) =>
            echoed.has(type) && (fields['attempt'] !== 1 || fields['fence'] !== job.fence),
        );
      if (wrong !== undefined) fail('it does not', wrong);
    },
  },
  {
    name: 'granted-awaited',
    claim: 'Nothing of a job starts before `job.granted`, and then it does.',
    section: 'job.granted',
    profile: 'waybill',
    run: async (trial) => {
      const line = await trial.registered();
      trial.stand.behave({ granted: false });
      const job = trial.dispatch(line, 'quick');
      await trial.heard(job, 'job.ack');
      await trial.watch.until(() => trial.about(job)[1], trial.quietMs);
      const early = trial
        .about(job)
        .find(({ type }) => type !== 'job.ack' && type !== 'job.heartbeat');
      if (early !== undefined) fail('it began before it was granted', early);
      const { runId, jobId, fence } = job;
      line.send({ type: 'job.granted', runId, jobId, attempt: 1, fence });
      const end = await trial.ended(job);
      if (end.fields['state'] !== 'success') fail('the job ended otherwise than `success`', end);
    },
  },
  {
    name: 'lease-kept',
    claim:
      'Where heartbeats are answered it gives them often enough for its lease, and the job goes on.',
    section: 'job.heartbeat.ack',
    profile: 'waybill',
    run: async (trial) => {
      await trial.registered();
      trial.stand.behave({ leaseMs });
      const job = await trial.taken('long');
      await trial.heard(job, 'job.heartbeat', { withinMs: leaseMs });
      await trial.watch.until(() => trial.about(job).find(isTerminal), leaseMs * 1.5);
      const ended = trial.about(job).find(isTerminal);
      if (ended !== undefined)
        fail('the job was given up though its heartbeats were answered', ended);
    },
  },
  {
    name: 'lease-lost',
    claim: 'When its heartbeats are not answered it stops the job before its lease is over.',
    section: 'job.heartbeat.ack',
    profile: 'waybill',
    run: async (trial) => {
      await trial.registered();
      trial.stand.behave({ leaseMs, heartbeatAck: false });
      const job = await trial.taken('long');
      const [ack] = trial.about(job);
      const end = await trial.watch.until(
        () => trial.about(job).find(isTerminal),
        leaseMs + leaseGraceMs,
      );
      if (end === undefined)
        fail(
          `it was still at work ${leaseMs + leaseGraceMs} ms after its ack, with a lease of ${leaseMs} ms`,
          ack,
        );
    },
  },
  {
    name: 'terminal-kept',
    claim:
      'A terminal `job.status` is sent again under its `messageId` until `job.status.ack`, and not after.',
    section: 'job.status.ack',
    profile: 'waybill',
    run: async (trial) => {
      await trial.registered();
      trial.stand.behave({ terminalAck: false });
      const job = await trial.taken('quick');
      await keptUntilHeard(trial, job, isTerminal);
    },
  },
  {
    name: 'usage-kept',
    claim: 'So is a `usage.report` until `usage.ack`.',
    section: 'usage.ack',
    profile: 'waybill',
    run: async (trial) => {
      await trial.registered();
      trial.stand.behave({ usageAck: false });
      const job = await trial.taken('reporting');
      await trial.ended(job);
      await keptUntilHeard(trial, job, ({ type }) => type === 'usage.report');
    },
  },
  {
    name: 'plain-server',
    claim: 'At a server that announces no extension it works without them.',
    section: 'WireExtensions',
    profile: 'waybill',
    run: async (trial) => {
      await trial.anew({ extensions: undefined });
      const line = await trial.registered();
      const job = trial.dispatch(line, 'quick', { attempt: undefined, fence: undefined });
      const end = await trial.ended(job);
      if (end.fields['state'] !== 'success') fail('the job ended otherwise than `success`', end);
    },
  },
  {
    name: 'artifact-refused',
    claim:
      'An `artifact.upload.request` fits its schema, and a refusal does not leave the job hanging.',
    section: 'artifact.upload.request',
    profile: 'waybill',
    run: async (trial) => {
      const job = await trial.taken('storing');
      const end = await trial.ended(job);
      const request =
        trial.about(job).find(({ type }) => type === 'artifact.upload.request') ??
        skip('the job `storing` never asked');
      if (request.refusal !== undefined) fail('it does not fit its schema', request);
      return `the job ends as ${String(end.fields['state'])}`;
    },
  },
];
