/** What a server makes of frames: broken ones end the connection, unknown ones do not, and none of them harms anybody else. */
import { wire } from '@waybill/protocol';
import { fail } from '../check.ts';
import type { Line } from '../line.ts';
import { textOf } from '../recorded-frame.ts';
import type { ServerCheck, ServerTrial } from './server-trial.ts';

const tooBigBytes = wire.wireLimits.frameBytesMax + 1;

async function refused(trial: ServerTrial, frame: object | string | Uint8Array): Promise<void> {
  const { line } = await trial.registered();
  line.send(frame);
  const { code } = await line.end({ what: 'the end of the connection' });
  const [error] = line.of('error');
  if (error === undefined) fail('no `error` frame preceded the end', line.frames.at(-1));
  if (error !== undefined && textOf(error, 'code') !== 'INVALID_MESSAGE')
    fail('its `code` is not INVALID_MESSAGE', error);
  if (code !== 4003) fail(`the connection ended with ${code}`, error);
}

/** A ping may be answered before the server has read what came ahead of it; a request is not. */
async function stays(trial: ServerTrial, line: Line): Promise<void> {
  const isThere = await line.pinged(trial.withinMs);
  line.send({ type: 'agent.api.request', requestId: 'kit-after', method: 'kit.nothing' });
  await trial.watch.until(() => line.closed ?? line.of('agent.api.response')[0], trial.quietMs * 2);
  if (!isThere || !line.isOpen) fail('the connection ended', line.frames.at(-1));
}

const refuses = (
  name: string,
  what: string,
  frame: () => object | string | Uint8Array,
): ServerCheck => ({
  name,
  claim: `${what} is answered with an \`error\` frame INVALID_MESSAGE, and the connection ends with 4003.`,
  section: 'Close codes: 4003; Envelope: error',
  run: (trial) => refused(trial, frame()),
});

export const frameChecks: readonly ServerCheck[] = [
  refuses('bad-json', 'A frame that is not JSON', () => '{"type":"job.ack",'),
  refuses('not-object', 'A frame that is no object', () => '[1,2]'),
  refuses('schema-invalid', 'A frame that does not fit its schema', () => ({
    type: 'job.ack',
    messageId: 'kit-1',
    runId: 'kit',
  })),
  refuses('wrong-direction', 'A message of the server’s own', () => ({
    type: 'job.cancel',
    messageId: 'kit-1',
    runId: 'kit',
    jobId: 'kit',
    reason: 'none',
  })),
  refuses('binary-frame', 'A binary frame', () =>
    Buffer.from('{"type":"heartbeat","timestamp":1}'),
  ),
  {
    name: 'error-tells-nothing',
    claim: 'An `error` frame does not repeat what was sent.',
    section: 'Envelope: error',
    run: async (trial) => {
      const { line } = await trial.registered();
      const secret = 'kit-secret-0123456789';
      line.send({
        type: 'job.status',
        messageId: 'kit-1',
        runId: 'kit',
        jobId: 'kit',
        state: secret,
        timestamp: secret,
      });
      await line.end();
      const wrong = line.frames.find(({ fields }) => JSON.stringify(fields).includes(secret));
      if (wrong !== undefined) fail('it does', wrong);
    },
  },
  {
    name: 'too-big',
    claim: 'A frame above 25 MiB ends the connection with 1009.',
    section: 'Limits: frames; Close codes: 1009',
    run: async (trial) => {
      const { line } = await trial.registered();
      line.send('x'.repeat(tooBigBytes));
      const { code } = await line.end();
      // A server may cut the line while the rest of the frame is still on its way.
      if (code !== 1009 && code !== 1006) fail(`the connection ended with ${code}`);
      await trial.registered();
    },
  },
  {
    name: 'unknown-type',
    claim:
      'A message of a type that nobody defined does not end the connection: agents have extras.',
    section: 'Envelope',
    run: async (trial) => {
      const { line } = await trial.registered();
      line.send({ type: 'kit.unknown', messageId: 'kit-1' });
      await stays(trial, line);
    },
  },
  {
    name: 'published-extras',
    claim:
      'What published agents send beside the protocol’s tables is taken: `run.event`, `job.context`, `agent.metrics`, `agent.log`.',
    section: 'run.event, job.context, agent.metrics, agent.log, agent.status, heartbeat',
    run: async (trial) => {
      const { line, agentId } = await trial.registered();
      const [runId, jobId, timestamp] = ['kit-run', 'kit-job', 1];
      line.send({ type: 'heartbeat', timestamp });
      line.send({
        type: 'agent.status',
        messageId: 'kit-1',
        agentId,
        activeJobs: 0,
        uptimeSeconds: 1,
      });
      line.send({ type: 'agent.log', messageId: 'kit-2', agentId, lines: ['up'], timestamp });
      line.send({
        type: 'agent.metrics',
        messageId: 'kit-3',
        agentId,
        metrics: [{ name: 'a', type: 'gauge', value: null }],
        timestamp,
      });
      line.send({
        type: 'run.event',
        runId,
        jobId,
        eventType: 'agent.teardown',
        timestampMs: 1,
        sourceService: 'agent',
        durationMs: 1,
      });
      line.send({
        type: 'job.context',
        runId,
        jobId,
        context: { envVars: { TOKEN: 'kit-secret' } },
      });
      for (const type of ['ack', 'nack']) line.send({ type, messageId: 'kit-4', reason: 'none' });
      await stays(trial, line);
      const error = line.of('error')[0];
      if (error !== undefined) fail('one of them was refused', error);
    },
  },
  {
    name: 'api-answered',
    claim: '`agent.api.request` is answered, if only with an error.',
    section: 'agent.api.request, agent.api.response',
    run: async (trial) => {
      const { line } = await trial.registered();
      line.send({
        type: 'agent.api.request',
        requestId: 'kit-call',
        method: 'kit.nothing',
        params: {},
      });
      const answer = await line.next('agent.api.response', {
        fits: (frame) => textOf(frame, 'requestId') === 'kit-call',
      });
      if (answer.refusal !== undefined) fail('it does not fit its schema', answer);
    },
  },
];
