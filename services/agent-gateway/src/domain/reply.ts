/**
 * Answers to requests that get nothing: of a job that is not the agent's, of one that is over, or of a service that is not there.
 * Every request is answered, because agents that exist wait for an answer and some of them for ever.
 */
import type { wire } from '@waybill/protocol';

const NOT_YOURS = 'the job is not at work in the hands of this agent';

/** Undefined for what asks for nothing. `why`: for people, where the answer has a place for it. */
export function replyTo(
  message: wire.AgentMessage,
  why: string = NOT_YOURS,
): wire.OrchestratorMessage | undefined {
  switch (message.type) {
    case 'cache.upload.request':
      return { type: 'cache.upload.response', requestId: message.messageId, uploadUrl: '' };
    case 'cache.user.restore.request':
      return { type: 'cache.user.restore.response', requestId: message.messageId, hit: false };
    case 'cache.user.save.request': {
      const { messageId: requestId } = message;
      return { type: 'cache.user.save.response', requestId, skip: false, uploadUrl: '' };
    }
    case 'provenance.upload.request':
      return { type: 'provenance.upload.response', requestId: message.messageId, uploadUrl: '' };
    case 'artifact.upload.request': {
      const { messageId: requestId } = message;
      return { type: 'artifact.upload.response', requestId, uploadUrl: '', error: why };
    }
    case 'artifact.upload.complete':
      return { type: 'artifact.upload.result', requestId: message.messageId, error: why };
    case 'agent.api.request': {
      const { requestId, method } = message;
      const error = `the method "${method}" is not supported by this Waybill`;
      return { type: 'agent.api.response', requestId, error };
    }
    case 'job.concurrency.report':
      return concurrencyAck(message, 'cancel');
    case 'step.approval-request': {
      const { messageId, runId, jobId, stepIndex } = message;
      const job = { requestId: messageId, runId, jobId };
      const outcome = { outcome: 'rejected', reason: why } as const;
      return { type: 'step.approval-resolved', ...job, stepIndex, ...outcome };
    }
    case 'job.approval-request': {
      const { messageId, runId, jobId } = message;
      const job = { requestId: messageId, runId, jobId };
      return { type: 'job.approval-resolved', ...job, outcome: 'rejected', reason: why };
    }
    default:
      return undefined;
  }
}

/** Agents that exist hang after `wait`: groups are decided before a job is offered, and a job that was offered goes on or ends. */
export const concurrencyAck = (
  { messageId, runId, jobId }: wire.JobConcurrencyReport,
  action: 'proceed' | 'cancel',
): wire.JobConcurrencyAck => ({
  type: 'job.concurrency.ack',
  requestId: messageId,
  action,
  runId,
  jobId,
});
