/**
 * Frames of agents as facts to append: where each lies, under which id, and with whose name. The body is the frame as it came;
 * what says who spoke comes from the session and the stored offer alone.
 */
import {
  type Draft,
  type FactType,
  foreignToken,
  isTerminalJob,
  runDraft,
  subjects,
  type wire,
  wireJobId,
} from '@waybill/protocol';
import type { Custody } from './custody.ts';

const SOURCE = '/waybill/agent-gateway';

/**
 * The frames that speak of a job, and the event of its run that each becomes; null for those that lie in streams of their own.
 * Extensions are taken from every agent, announced or not: what is valid is worth keeping.
 */
const storedAs = {
  'job.ack': 'job.ack',
  'job.reject': 'job.reject',
  'job.status': 'job.status',
  'step.status': 'step.status',
  'step.approval-request': 'approval.requested',
  'job.approval-request': 'approval.requested',
  'log.chunk': null,
  'job.heartbeat': null,
  'usage.report': 'usage.reported',
  'conversation.status': 'conversation.reported',
  'context.bundle': 'context.reported',
  'workspace.ref': 'workspace.reported',
  'job.concurrency.report': 'concurrency.reported',
  'run.event': 'run.event',
  'job.context': 'job.context',
} as const satisfies Partial<Record<wire.AgentMessage['type'], FactType | null>>;

/** Of a run's milestones, those that name their job. */
export type JobFrame = Extract<wire.AgentMessage, { type: keyof typeof storedAs }> &
  Readonly<{ jobId: string }>;

export const isJobFrame = (message: wire.AgentMessage): message is JobFrame =>
  Object.hasOwn(storedAs, message.type) && 'jobId' in message && message.jobId !== undefined;

/** A job's last word; an agent of our SDK keeps it until it is acknowledged. */
export const isTerminalStatus = (
  message: JobFrame,
): message is Extract<JobFrame, { type: 'job.status' }> =>
  message.type === 'job.status' && isTerminalJob(message.state);

const trailing: ReadonlySet<string> = new Set<JobFrame['type']>([
  'log.chunk',
  'job.reject',
  'usage.report',
  'conversation.status',
  'run.event',
  'job.context',
]);

/** Whether the frame says that its job is still at work, so that one that is not has to be told. */
export const isAtWork = (message: JobFrame): boolean =>
  !trailing.has(message.type) && !isTerminalStatus(message);

/** What agents of the protocol tell beside it, also behind the end of a job: nobody needs it there. */
export const isRemark = ({ type }: JobFrame): boolean =>
  type === 'run.event' || type === 'job.context';

/** Whether an agent that says so before its registration is done has the job in hand. */
export const takesUp = (message: JobFrame): boolean =>
  message.type !== 'job.reject' && message.type !== 'usage.report' && !isRemark(message);

type Speaker = Readonly<{ org: string; agentId: string; session: number }>;
/** `frameNo` counts the frames of the session. `resends`: the agent repeats what was not acknowledged, under the same `messageId`. */
export type Spoken = Readonly<{ who: Speaker; frameNo: number; resends: boolean }>;

/** Ids stand in headers as they are, so a foreign one that does not fit is replaced by its hash. */
const plain = (id: string): string => (/^[\x21-\x7e]{1,256}$/.test(id) ? id : foreignToken(id));

export const frameId = ({ who, frameNo }: Spoken): string =>
  `${who.org}:s${who.session}:${frameNo}`;

function factId(message: JobFrame, custody: Custody, spoken: Spoken): string {
  const { org, runId, agentId } = custody;
  const messageId = 'messageId' in message ? message.messageId : undefined;
  if (typeof messageId !== 'string') return frameId(spoken);
  // Each attempt may count its own words from one, and each kind of them.
  const name = `${org}:${runId}:${plain(agentId)}:${plain(messageId)}:${wireJobId(custody.jobId, custody.attempt)}`;
  // A report counts once for ever, on whichever session.
  if (message.type === 'usage.report') return name;
  if (!spoken.resends) return frameId(spoken);
  const word = `${name}:${message.type}`;
  // Runs judge a word by its session: what was void on one, and has spent its id, may count on the next.
  return message.type === 'log.chunk' ? word : `${word}:s${spoken.who.session}`;
}

type FactMeta = Readonly<{ id: string; source: string; session: number }> &
  Pick<Custody, 'jobId' | 'attempt' | 'fence' | 'agentId' | 'requestId' | 'traceparent'>;

/** What is said of whoever speaks for the attempt. */
export const metaOf = (id: string, custody: Custody, session: number): FactMeta => ({
  id,
  source: SOURCE,
  jobId: custody.jobId,
  attempt: custody.attempt,
  fence: custody.fence,
  agentId: custody.agentId,
  session,
  requestId: custody.requestId,
  traceparent: custody.traceparent,
});

/** `body`: the frame as it came, or without what must not be kept. */
export function jobFact(
  message: JobFrame,
  body: string | Uint8Array,
  custody: Custody,
  spoken: Spoken,
): Draft {
  const { org, runId, jobId } = custody;
  const meta = metaOf(factId(message, custody, spoken), custody, spoken.who.session);
  switch (message.type) {
    case 'log.chunk':
      return {
        stream: 'WB_LOGS',
        subject: subjects.log(org, runId, jobId),
        type: 'log.chunk',
        meta: { ...meta, runId },
        body,
      };
    case 'job.heartbeat':
      return {
        stream: 'WB_HEARTBEATS',
        subject: subjects.heartbeat(org, runId, jobId),
        type: 'job.heartbeat',
        meta: { ...meta, runId },
        body,
      };
    default:
      return runDraft({ org, runId, type: storedAs[message.type], meta, body });
  }
}

/** The first word of an attempt is a log line or a heartbeat, which lie in streams of their own. */
export function heardFact(message: JobFrame, custody: Custody, spoken: Spoken): Draft {
  const { org, runId, jobId, attempt } = custody;
  const meta = metaOf(
    `${org}:s${spoken.who.session}:heard:${jobId}.${attempt}`,
    custody,
    spoken.who.session,
  );
  return runDraft({ org, runId, type: 'agent.heard', meta, body: { frame: message.type } });
}

type SocketFact =
  | Readonly<{ type: 'agent.lost'; body: { code: number; scalerManaged: boolean } }>
  | Readonly<{
      type: 'agent.resumed' | 'agent.absent';
      body: { previousSession: number; keepsApprovals?: boolean };
    }>;

/** What a socket's end or beginning means to a run. One of a kind per session and attempt: a repeat has the same id. */
export function socketFact(fact: SocketFact, custody: Custody, session: number): Draft {
  const { org, runId, jobId, attempt } = custody;
  const word = fact.type.slice('agent.'.length);
  const meta = metaOf(`${org}:s${session}:${word}:${jobId}.${attempt}`, custody, session);
  return runDraft({ org, runId, type: fact.type, meta, body: fact.body });
}

/** The offer's own session says so: its gateway found that there is nothing to write to it. */
export function unsentFact(cause: string, custody: Custody): Draft {
  const { org, runId, jobId, attempt, session } = custody;
  const meta = metaOf(`${org}:s${session}:unsent:${jobId}.${attempt}`, custody, session);
  return runDraft({ org, runId, type: 'job.unsent', meta, body: { cause } });
}

export const agentLogFact = (who: Speaker, body: string | Uint8Array, frameNo: number): Draft => ({
  stream: 'WB_LOGS',
  subject: subjects.agentLog(who.org, who.agentId),
  type: 'agent.log',
  meta: {
    id: frameId({ who, frameNo, resends: false }),
    source: SOURCE,
    agentId: who.agentId,
    session: who.session,
  },
  body,
});
