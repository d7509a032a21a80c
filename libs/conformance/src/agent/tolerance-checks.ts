/** What an agent has to live with: frames that are broken, unknown, foreign or large. Whatever comes, it goes on working. */
import { wire } from '@waybill/protocol';
import { fail } from '../check.ts';
import type { AgentCheck, AgentTrial } from './agent-trial.ts';
import { dispatchFrame } from './agent-trial.ts';

const invalidJob = 'kit-job-invalid';
const KiB = 1_024;
const pongMs = 5_000;
const bigBytes = wire.wireLimits.frameBytesMax - 64 * KiB;

/** Sends it, and sees that the agent still works: on the same connection, or back on another. */
async function survives(trial: AgentTrial, frame: object | string): Promise<boolean> {
  const line = await trial.registered();
  line.send(frame);
  await line.listen(trial.quietMs / 2);
  const stayed = line.isOpen;
  await trial.works('after the frame');
  return stayed;
}

async function unharmed(trial: AgentTrial, frame: object): Promise<void> {
  if (!(await survives(trial, frame))) fail('the connection ended over it');
}

export const toleranceChecks: readonly AgentCheck[] = [
  {
    name: 'dispatch-invalid',
    claim: 'A dispatch that does not fit its schema gets no answer, and the next good one is run.',
    section: 'job.dispatch',
    run: async (trial) => {
      const line = await trial.registered();
      const { jobConfig: _, ...withoutConfig } = dispatchFrame(
        invalidJob,
        invalidJob,
        trial.clock.now(),
      );
      const after = trial.watch.last;
      line.send(withoutConfig);
      line.send({ ...withoutConfig, jobConfig: 'nonsense' });
      line.send({ type: 'job.dispatch' });
      await line.listen(trial.quietMs);
      const answer = trial
        .frames()
        .find(
          ({ place, fields, type }) =>
            place > after &&
            (fields['jobId'] === invalidJob ||
              (/^job\.(?:ack|reject|status)$/.test(type) && fields['jobId'] === undefined)),
        );
      if (answer !== undefined) fail('it was answered', answer);
      await trial.works('after an invalid dispatch');
    },
  },
  {
    name: 'frame-not-json',
    claim: 'A frame that is not JSON does not end the agent: it works on, or comes back and works.',
    section: 'Envelope',
    run: async (trial) => {
      const stayed = await survives(trial, '{"type":"job.dispatch",');
      return stayed ? undefined : 'it ends the connection and comes back';
    },
  },
  {
    name: 'frame-not-object',
    claim: 'Neither does one that is JSON and no object.',
    section: 'Envelope',
    run: async (trial) => {
      const results = [
        await survives(trial, 'null'),
        await survives(trial, '[1]'),
        await survives(trial, '"x"'),
      ];
      return results.includes(false) ? 'it ends the connection and comes back' : undefined;
    },
  },
  {
    name: 'unknown-type',
    claim: 'A message of a type that nobody defined is passed over.',
    section: 'Envelope',
    run: (trial) =>
      unharmed(trial, { type: 'kit.unknown', messageId: 'kit-1', anything: [1, 2, 3] }),
  },
  {
    name: 'envelope-frames',
    claim:
      '`heartbeat`, `ack`, `nack`, `error` and `rate.limit.warning` of the other side do no harm.',
    section: 'Envelope: heartbeat, ack, nack, error',
    run: async (trial) => {
      const line = await trial.registered();
      line.send({ type: 'heartbeat', timestamp: trial.clock.now() });
      line.send({ type: 'ack', messageId: 'kit-nothing' });
      line.send({ type: 'nack', messageId: 'kit-nothing', reason: 'unknown' });
      line.send({ type: 'rate.limit.warning', retryAfterMs: 10 });
      await unharmed(trial, { type: 'error', code: 'KIT', message: 'nothing is wrong' });
    },
  },
  {
    name: 'foreign-answers',
    claim: 'Answers to requests that it never made do no harm.',
    section: 'event.emit.response, cache.*.response, step.approval-resolved',
    run: async (trial) => {
      const line = await trial.registered();
      const requestId = 'kit-nothing';
      line.send({ type: 'event.emit.response', requestId, deliveryId: 'kit' });
      line.send({ type: 'cache.user.restore.response', requestId, hit: false });
      line.send({ type: 'cache.upload.response', requestId, uploadUrl: '' });
      line.send({
        type: 'step.approval-resolved',
        requestId,
        runId: 'kit',
        jobId: 'kit',
        stepIndex: 0,
        outcome: 'approved',
      });
      await unharmed(trial, { type: 'agent.api.response', requestId, result: null });
    },
  },
  {
    name: 'extra-fields',
    claim: 'Fields that it does not know, on every level of a dispatch, do no harm.',
    section: 'job.dispatch',
    run: async (trial) => {
      const job = trial.dispatch(await trial.registered(), 'quick', {
        traceparent: '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01',
        orgId: 'kit',
        cacheRefScope: 'shared',
        kitUnknown: { deep: [{ er: true }] },
      });
      const status = await trial.ended(job);
      if (status.fields['state'] !== 'success')
        fail('the job ended otherwise than `success`', status);
    },
  },
  {
    name: 'max-frame',
    claim: 'A frame of nearly 25 MiB is read.',
    section: 'Limits: frames',
    run: async (trial) => {
      const job = trial.dispatch(await trial.registered(), 'quick', {
        kitPadding: 'x'.repeat(bigBytes),
      });
      const status = await trial.ended(job);
      if (status.fields['state'] !== 'success')
        fail('the job ended otherwise than `success`', status);
    },
  },
  {
    name: 'pings',
    claim: 'WebSocket pings are answered, while it is idle and while it works.',
    section: 'Connection: liveness',
    run: async (trial) => {
      const line = await trial.registered();
      if (!(await line.pinged(pongMs))) fail(`a ping was not answered within ${pongMs} ms`);
      const job = await trial.taken('long');
      if (!(await job.line.pinged(pongMs)))
        fail(`a ping was not answered within ${pongMs} ms while a job runs`);
    },
  },
  {
    name: 'fleet-logs',
    claim:
      '`fleet.logs.request` is answered with frames counted from 0, the last one marked, or with an error.',
    section: 'fleet.logs.request, fleet.bundle.chunk, fleet.bundle.error',
    run: async (trial) => {
      const line = await trial.registered();
      const requestId = 'kit-fleet';
      const isAnswer = ({
        type,
        fields,
      }: {
        type: string;
        fields: Readonly<Record<string, unknown>>;
      }): boolean => type.startsWith('fleet.bundle.') && fields['requestId'] === requestId;
      line.send({ type: 'fleet.logs.request', requestId, logWindowHours: 1, maxBytes: 1_000_000 });
      const over = await trial.watch.until(
        () =>
          line.frames.find(
            (frame) =>
              isAnswer(frame) &&
              (frame.type === 'fleet.bundle.error' || frame.fields['isLast'] === true),
          ),
        trial.quietMs * 2,
      );
      const answers = line.frames.filter(isAnswer);
      if (over === undefined && answers.length === 0)
        return 'it does not answer: its diagnostics cannot be collected';
      if (over === undefined) fail('the last frame of the bundle did not come', answers.at(-1));
      if (over?.type === 'fleet.bundle.error') return 'it answers with an error';
      const wrong = answers.find(
        (frame, seq) => frame.fields['seq'] !== seq || frame.refusal !== undefined,
      );
      if (wrong !== undefined) fail('a frame of the bundle is out of its place', wrong);
      return undefined;
    },
  },
];
