import { wire } from '@waybill/protocol';
import { expect, it } from 'vitest';
import { isJobFrame } from './fact.ts';
import { replyTo } from './reply.ts';

const job = { runId: 'r', jobId: 'j' };
const artefact = { messageId: 'm', jobId: 'j', cacheType: 'deps', platform: 'linux', arch: 'x64' };

it.each([
  ['cache.upload.response', { type: 'cache.upload.request', ...artefact }],
  [
    'cache.user.restore.response',
    { type: 'cache.user.restore.request', messageId: 'm', jobId: 'j', key: 'k' },
  ],
  [
    'cache.user.save.response',
    { type: 'cache.user.save.request', messageId: 'm', jobId: 'j', key: 'k' },
  ],
  [
    'provenance.upload.response',
    { type: 'provenance.upload.request', messageId: 'm', jobId: 'j', subjectDigest: 'ab' },
  ],
  ['job.concurrency.ack', { type: 'job.concurrency.report', messageId: 'm', ...job, group: 'g' }],
  [
    'artifact.upload.response',
    { type: 'artifact.upload.request', messageId: 'm', ...job, name: 'a' },
  ],
  ['agent.api.response', { type: 'agent.api.request', requestId: 'm', method: 'x' }],
  [
    'step.approval-resolved',
    {
      type: 'step.approval-request',
      messageId: 'm',
      ...job,
      stepIndex: 0,
      stepName: 's',
      clauses: [],
      reason: '',
    },
  ],
])('%s answers its request and fits the protocol', (type, frame) => {
  const reply = replyTo(wire.AgentMessage.parse(frame));
  expect(reply).toMatchObject({ type, requestId: 'm' });
  expect(wire.OrchestratorMessage.safeParse(reply).success).toBe(true);
});

it('every request of the protocol is answered, and nothing else', () => {
  const asking = wire.wireMessages.agent
    .map(wire.typeOf)
    .filter((type) => /request$|report$|emit$/.test(type) && !type.startsWith('auth.'));
  expect(asking).toEqual([
    'event.emit',
    'cache.upload.request',
    'cache.user.restore.request',
    'cache.user.save.request',
    'provenance.upload.request',
    'step.approval-request',
    'job.concurrency.report',
    'agent.api.request',
    'usage.report',
    'artifact.upload.request',
    'job.approval-request',
  ]);
  expect(replyTo(wire.AgentMessage.parse({ type: 'heartbeat', timestamp: 1 }))).toBeUndefined();
  expect(isJobFrame(wire.AgentMessage.parse({ type: 'job.heartbeat', ...job, timestamp: 1 }))).toBe(
    true,
  );
});
