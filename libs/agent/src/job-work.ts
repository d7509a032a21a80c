/**
 * What a job reports about work with models. Facts that nobody answers, but for usage, which is kept until the server has it.
 * A server that did not announce them is told nothing: it would close the connection over a frame that it does not know.
 */
import { type Clock, safeError } from '@waybill/process';
import { wire } from '@waybill/protocol';
import { RequestFailed } from './request-desk.ts';

type Header = 'type' | 'messageId' | 'runId' | 'jobId' | 'timestamp' | 'attempt' | 'fence';
/** Without the header, and without the index signature that would make every field of any type. */
type Said<T> = {
  [Key in keyof T as string extends Key ? never : Key extends Header ? never : Key]: T[Key];
};

export type JobWork = Readonly<{
  /** Sent until it is acknowledged, also over restarts of the agent where it has an outbox file. Throws what is not valid. */
  usage(entries: readonly wire.UsageEntry[]): void;
  conversation(status: Said<wire.ConversationStatus>): void;
  contextBundle(bundle: Said<wire.ContextBundle>): void;
  workspaceRef(workspace: Said<wire.WorkspaceRef>): void;
}>;

export type WorkFact = wire.ConversationStatus | wire.ContextBundle | wire.WorkspaceRef;

export type JobWorkOptions = Readonly<{
  dispatch: wire.JobDispatch;
  clock: Clock;
  newMessageId: () => string;
  post: (fact: WorkFact) => void;
  keepUsage: (report: wire.UsageReport) => void;
}>;

export function createJobWork(o: JobWorkOptions): JobWork {
  const header = () => ({
    messageId: o.newMessageId(),
    ...subjectOf(o.dispatch),
    timestamp: o.clock.now(),
  });
  const report = (fact: WorkFact): void => o.post(valid(fact));

  return {
    usage: (entries) => {
      for (const some of inReports(entries))
        o.keepUsage(valid({ type: 'usage.report', ...header(), entries: some }));
    },
    conversation: (status) => report({ type: 'conversation.status', ...header(), ...status }),
    contextBundle: (bundle) => report({ type: 'context.bundle', ...header(), ...bundle }),
    workspaceRef: (workspace) => report({ type: 'workspace.ref', ...header(), ...workspace }),
  };
}

/** A report that some server cannot take would be sent to it for ever. */
const reportBytesMax = 262_144;

function inReports(entries: readonly wire.UsageEntry[]): readonly wire.UsageEntry[][] {
  const reports: wire.UsageEntry[][] = [];
  let bytes = 0;
  for (const entry of entries) {
    bytes += Buffer.byteLength(JSON.stringify(entry));
    const last = reports.at(-1);
    if (
      last !== undefined &&
      last.length < wire.wireLimits.usageEntriesMax &&
      bytes < reportBytesMax
    )
      last.push(entry);
    else {
      reports.push([entry]);
      bytes = Buffer.byteLength(JSON.stringify(entry));
    }
  }
  return reports;
}

/** What names the job in its frames. */
export const subjectOf = ({ runId, jobId, attempt, fence }: wire.JobDispatch) => ({
  runId,
  jobId,
  ...(attempt === undefined ? {} : { attempt }),
  ...(fence === undefined ? {} : { fence }),
});

function valid<T extends wire.AgentMessage>(frame: T): T {
  const parsed = wire.AgentMessage.safeParse(frame);
  if (parsed.success) return frame;
  throw new RequestFailed('invalid', `${frame.type}: ${safeError(parsed.error).message}`);
}
