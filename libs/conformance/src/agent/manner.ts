/** How the stand answers by itself: what it lets pass, what it announces, and what it says to the requests of a job. */
import type { wire } from '@waybill/protocol';
import { type RecordedFrame, textOf } from '../recorded-frame.ts';

/** What it answers by itself. */
export type Manner = Readonly<{
  /** `hold`: says nothing. `refuse`: `auth.failure` and 4010. */
  auth: 'accept' | 'hold' | 'refuse';
  register: 'ack' | 'hold';
  /** Announced, and then kept. */
  extensions: wire.WireExtensions | undefined;
  granted: boolean;
  leaseMs: number;
  heartbeatAck: boolean;
  terminalAck: boolean;
  usageAck: boolean;
  approval: 'approved' | 'rejected' | 'hold';
  concurrency: 'proceed' | 'cancel';
  /** To requests: a refusal that the protocol has, or nothing. */
  requests: 'refuse' | 'hold';
  /** How a connection is ended the moment that it opens. */
  onOpen: 'greet' | 'close';
}>;

const terminal: ReadonlySet<string> = new Set<wire.WireJobState>([
  'success',
  'failed',
  'cancelled',
  'skipped',
  'timed_out_stale',
  'drift_dropped',
]);
export const isTerminal = (frame: RecordedFrame): boolean =>
  frame.type === 'job.status' && terminal.has(textOf(frame, 'state'));

const refusal = 'this is a trial: nothing is stored here';

/** What a server of this manner says to a frame. */
export function answersTo(
  frame: RecordedFrame,
  manner: Manner,
): readonly wire.OrchestratorMessage[] {
  if (frame.refusal !== undefined && frame.type !== 'agent.register') return [];
  switch (frame.type) {
    case 'auth.request':
      if (manner.auth === 'accept')
        return [{ type: 'auth.success', connectionId: `kit-${frame.place}` }];
      return manner.auth === 'hold'
        ? []
        : [{ type: 'auth.failure', reason: 'this trial refuses you' }];
    case 'agent.register':
      return manner.register === 'ack' ? [registerAck(frame, manner)] : [];
    default:
      return [...extensionAnswers(frame, manner), ...requestAnswers(frame, manner)];
  }
}

function registerAck(frame: RecordedFrame, { extensions }: Manner): wire.RegisterAck {
  const labels = frame.fields['labels'];
  return {
    type: 'register.ack',
    agentId: textOf(frame, 'agentId'),
    labels: Array.isArray(labels) ? labels.map(String) : [],
    scalerManaged: false,
    ...(extensions === undefined ? {} : { extensions }),
  };
}

function extensionAnswers(
  frame: RecordedFrame,
  manner: Manner,
): readonly wire.OrchestratorMessage[] {
  if (manner.extensions === undefined) return [];
  const [runId, jobId, messageId] = [
    textOf(frame, 'runId'),
    textOf(frame, 'jobId'),
    textOf(frame, 'messageId'),
  ];
  const { attempt, fence } = frame.fields;
  const held = { runId, jobId, attempt: Number(attempt ?? 1), fence: Number(fence ?? 0) };
  const { leaseMs } = manner;
  if (frame.type === 'job.ack' && manner.granted)
    return [{ type: 'job.granted', ...held, leaseMs }];
  if (frame.type === 'job.heartbeat' && manner.heartbeatAck)
    return [{ type: 'job.heartbeat.ack', ...held, leaseMs }];
  if (isTerminal(frame) && manner.terminalAck)
    return [{ type: 'job.status.ack', messageId, runId, jobId }];
  if (frame.type === 'usage.report' && manner.usageAck)
    return [{ type: 'usage.ack', messageId, runId, jobId }];
  return [];
}

function requestAnswers(frame: RecordedFrame, manner: Manner): readonly wire.OrchestratorMessage[] {
  const [runId, jobId, messageId] = [
    textOf(frame, 'runId'),
    textOf(frame, 'jobId'),
    textOf(frame, 'messageId'),
  ];
  const outcome = manner.approval;
  if (frame.type === 'step.approval-request' && outcome !== 'hold') {
    const stepIndex = Number(frame.fields['stepIndex']);
    return [
      { type: 'step.approval-resolved', requestId: messageId, runId, jobId, stepIndex, outcome },
    ];
  }
  if (frame.type === 'job.approval-request' && outcome !== 'hold')
    return [{ type: 'job.approval-resolved', requestId: messageId, runId, jobId, outcome }];
  if (manner.requests === 'hold') return [];
  const requestId = textOf(frame, 'requestId');
  switch (frame.type) {
    case 'event.emit':
      return [{ type: 'event.emit.response', requestId, error: refusal }];
    case 'cache.upload.request':
      return [{ type: 'cache.upload.response', requestId: messageId, uploadUrl: '' }];
    case 'cache.user.restore.request':
      return [{ type: 'cache.user.restore.response', requestId: messageId, hit: false }];
    case 'cache.user.save.request':
      return [{ type: 'cache.user.save.response', requestId: messageId, skip: true }];
    case 'provenance.upload.request':
      return [{ type: 'provenance.upload.response', requestId: messageId, uploadUrl: '' }];
    case 'artifact.upload.request':
      return [
        { type: 'artifact.upload.response', requestId: messageId, uploadUrl: '', error: refusal },
      ];
    case 'job.concurrency.report':
      return [
        {
          type: 'job.concurrency.ack',
          requestId: messageId,
          action: manner.concurrency,
          runId,
          jobId,
        },
      ];
    case 'agent.api.request':
      return [{ type: 'agent.api.response', requestId, error: refusal }];
    default:
      return [];
  }
}
