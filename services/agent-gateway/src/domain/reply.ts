/**
 * Answers to requests whose service is not built yet: a refusal that lets the agent go on. Every request is answered, because
 * agents that exist wait for an answer and some of them for ever.
 */
import type { wire } from '@waybill/protocol';

const UNSUPPORTED = 'not supported by this Waybill yet';

/** Undefined for what asks for nothing. */
export function replyTo(message: wire.AgentMessage): wire.OrchestratorMessage | undefined {
  switch (message.type) {
    case 'event.emit':
      return { type: 'event.emit.response', requestId: message.requestId, error: UNSUPPORTED };
    case 'cache.upload.request':
      return { type: 'cache.upload.response', requestId: message.messageId, uploadUrl: '' };
    case 'cache.user.restore.request':
      return { type: 'cache.user.restore.response', requestId: message.messageId, hit: false };
    case 'cache.user.save.request':
      return { type: 'cache.user.save.response', requestId: message.messageId, skip: true };
    case 'provenance.upload.request':
      return { type: 'provenance.upload.response', requestId: message.messageId, uploadUrl: '' };
    case 'agent.api.request':
      return { type: 'agent.api.response', requestId: message.requestId, error: UNSUPPORTED };
    case 'job.concurrency.report': {
      const { messageId, runId, jobId } = message;
      // Agents that exist hang after `wait`; groups are decided before a job is offered.
      return { type: 'job.concurrency.ack', requestId: messageId, action: 'proceed', runId, jobId };
    }
    case 'step.approval-request': {
      const { messageId, runId, jobId, stepIndex } = message;
      const outcome = { outcome: 'rejected', reason: UNSUPPORTED } as const;
      return {
        type: 'step.approval-resolved',
        requestId: messageId,
        runId,
        jobId,
        stepIndex,
        ...outcome,
      };
    }
    default:
      return undefined;
  }
}
