/**
 * What leaves the agent: at once where it is registered, later where it is not, and again where it has to be confirmed. What a
 * server has not announced is not sent to it, because it would close the connection over a frame that it does not know.
 */
import type { wire } from '@waybill/protocol';
import { createBacklog, type Report } from './backlog.ts';
import type { Outbox } from './outbox.ts';

export type Delivery = Readonly<{
  /** What the server speaks; undefined while the agent is not registered. */
  readonly session: wire.WireExtensions | undefined;
  /** The same, or what it spoke last. */
  readonly announced: wire.WireExtensions | undefined;
  post(report: Report): void;
  /** It is in the outbox already. */
  deliver(status: wire.JobStatus): void;
  keepUsage(report: wire.UsageReport): void;
  begin(extensions: wire.WireExtensions): void;
  /** What waits goes first, what is to be confirmed last. */
  flush(): void;
  end(): void;
}>;

export type DeliveryOptions = Readonly<{
  outbox: Outbox;
  backlogMax: number;
  send: (frame: wire.AgentMessage, sent?: () => void) => void;
  onHeartbeatSent: (jobId: string) => void;
}>;

const ofAgentWork: ReadonlySet<Report['type']> = new Set<Report['type']>([
  'conversation.status',
  'context.bundle',
  'workspace.ref',
]);

export function createDelivery({ outbox, backlogMax, send, ...o }: DeliveryOptions): Delivery {
  const backlog = createBacklog(backlogMax);
  let session: wire.WireExtensions | undefined;
  let last: wire.WireExtensions | undefined;

  const transmit = (report: Report): void => {
    if (ofAgentWork.has(report.type) && session?.agentWork !== true) return;
    send(report);
    if (report.type === 'job.heartbeat') o.onHeartbeatSent(report.jobId);
  };
  const deliver = (status: wire.JobStatus): void => {
    if (session === undefined) return;
    const { terminalAck } = session;
    // Without a confirmation, what the system has taken counts as delivered.
    send(status, () => (terminalAck ? undefined : outbox.settle(status.messageId)));
  };
  const deliverUsage = (report: wire.UsageReport): void => {
    if (session === undefined) return;
    // Whoever does not know usage will never confirm it.
    if (session.agentWork === true) send(report);
    else outbox.settle(report.messageId);
  };

  return {
    get session() {
      return session;
    },
    get announced() {
      return last;
    },
    post: (report) => (session === undefined ? backlog.push(report) : transmit(report)),
    deliver,
    keepUsage: (report) => outbox.keepUsage(report, () => deliverUsage(report)),
    begin: (extensions) => {
      session = extensions;
      last = extensions;
    },
    flush: () => {
      for (const report of backlog.take()) transmit(report);
      for (const report of outbox.usage) deliverUsage(report);
      for (const status of outbox.statuses) deliver(status);
    },
    end: () => {
      session = undefined;
    },
  };
}
