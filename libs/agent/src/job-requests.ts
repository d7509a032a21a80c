/**
 * What a job may ask of the server: events, approvals, its turn in a group, and room for what it stores. Everything is bounded
 * in time but an approval, and what is not answered fails: a receipt that nobody gave is never made up.
 */
import type { Clock } from '@waybill/process';
import type { wire } from '@waybill/protocol';
import { createJobUploads, type JobUploads } from './job-uploads.ts';
import { subjectOf } from './job-work.ts';
import { type RequestDesk, RequestFailed } from './request-desk.ts';
import type { AgentTiming } from './timing.ts';

export type ApprovalAsk = Readonly<{
  /** Of this step; of the job as a whole when absent. */
  step?: Readonly<{ index: number; name: string }>;
  /** All must be met; none means anybody who may approve. */
  clauses?: readonly wire.ApproverClause[];
  reason: string;
  timeoutSeconds?: number;
  payload?: Readonly<Record<string, unknown>>;
}>;
export type ApprovalAnswer = Readonly<{ outcome: wire.WireApprovalOutcome; reason?: string }>;

export type JobRequests = JobUploads &
  Readonly<{
    /** Resolves with the receipt; rejects after 5 s without one, and with the server's reason where it refuses. */
    emit(
      eventName: string,
      payload: Readonly<Record<string, unknown>>,
      target?: wire.EventTarget,
    ): Promise<Readonly<{ deliveryId: string }>>;
    /** Waits as long as it takes. Rejects where the connection is lost and the server does not keep approvals. */
    approve(ask: ApprovalAsk): Promise<ApprovalAnswer>;
    concurrency(
      group: string,
    ): Promise<Readonly<{ action: 'proceed' | 'cancel'; reason?: string }>>;
  }>;

export type JobRequestsOptions = Readonly<{
  dispatch: wire.JobDispatch;
  signal: AbortSignal;
  clock: Clock;
  timing: AgentTiming;
  newMessageId: () => string;
  requests: RequestDesk;
  serverUrl: string;
  answer: (frame: wire.AgentMessage) => void;
  /** Undefined while the agent has never been registered. */
  announced: () => wire.WireExtensions | undefined;
}>;

export function createJobRequests(o: JobRequestsOptions): JobRequests {
  const { dispatch, requests, timing, newMessageId } = o;
  const { jobId, runId } = dispatch;
  const timeoutMs = timing.requestMs;
  /** What a job that has to end still asks for, its hooks do; the time bounds it. */
  const ending = () => (o.signal.aborted ? {} : { signal: o.signal });

  return {
    ...createJobUploads(o),
    emit: async (eventName, payload, target) => {
      const id = newMessageId();
      const frame = {
        type: 'event.emit' as const,
        jobId,
        requestId: id,
        eventName,
        payload,
        ...(target === undefined ? {} : { target }),
      };
      const { deliveryId, error } = await requests.ask({
        id,
        frame,
        answer: 'event.emit.response',
        timeoutMs: timing.emitMs,
        ...ending(),
      });
      if (deliveryId === undefined) throw new RequestFailed('refused', error ?? 'no receipt');
      return { deliveryId };
    },
    approve: async ({ step, clauses = [], ...more }) => {
      const id = newMessageId();
      const ask = { id, keeps: true, signal: o.signal } as const;
      const said = { messageId: id, runId, jobId, clauses, ...more };
      if (step === undefined) {
        if (o.announced()?.agentWork !== true)
          throw new RequestFailed('unsupported', 'the server takes no approvals of whole jobs');
        const frame = { type: 'job.approval-request' as const, ...said, ...subjectOf(dispatch) };
        return answerOf(await requests.ask({ ...ask, frame, answer: 'job.approval-resolved' }));
      }
      const at = { stepIndex: step.index, stepName: step.name };
      const frame = { type: 'step.approval-request' as const, ...said, ...at };
      return answerOf(await requests.ask({ ...ask, frame, answer: 'step.approval-resolved' }));
    },
    concurrency: async (group) => {
      const id = newMessageId();
      const { action, reason } = await requests.ask({
        id,
        frame: { type: 'job.concurrency.report', messageId: id, runId, jobId, group },
        answer: 'job.concurrency.ack',
        timeoutMs,
        ...ending(),
      });
      // Nothing follows a `wait`: whoever parked the job would hold its slot for good.
      if (action === 'wait') throw new RequestFailed('refused', 'the server lets the job wait');
      return { action, ...(reason === undefined ? {} : { reason }) };
    },
  };
}

const answerOf = ({
  outcome,
  reason,
}: Readonly<{
  outcome: wire.WireApprovalOutcome;
  reason?: string | undefined;
}>): ApprovalAnswer => ({
  outcome,
  ...(reason === undefined ? {} : { reason }),
});
