/** Stored events of one run in memory, for specs of the domain: what the log would give back, sequence by sequence. */
import {
  decisionId,
  headersOf,
  jobId,
  parseSubject,
  type RunDraft,
  type RunEvent,
  type RunEventOf,
  type RunEventType,
  readRunMessage,
  runDraft,
  runId,
  triggerId,
} from '@waybill/protocol';

export const ORG = 'main';
export const RUN = runId(triggerId(ORG, 'api', 'one'), 0);
export const JOB = jobId(RUN, 0);

type Meta = Partial<RunDraft<RunEventType>['meta']>;

/** An event as a reader of the log would get it. */
export function storedEvent<T extends RunEventType>(
  type: T,
  seq: number,
  body: object,
  o: Readonly<{ meta?: Meta; run?: string; to?: string; at?: number }> = {},
): RunEventOf<T> {
  const { run = RUN, to, at = seq } = o;
  const draft = runDraft({
    org: ORG,
    runId: run,
    type,
    meta: { id: `${type}@${seq}`, source: '/test', ...o.meta },
    body: JSON.stringify(body),
    ...(to === undefined ? {} : { to }),
  });
  const headers = headersOf(draft);
  const event = readRunMessage({
    stream: 'WB_RUNS',
    seq,
    at,
    subject: draft.subject,
    header: (name) => headers[name],
    body: new TextEncoder().encode(String(draft.body)),
  });
  if (event === undefined || event.type !== type)
    throw new Error(`not a ${type}: ${JSON.stringify(parseSubject(draft.subject))}`);
  return event as RunEventOf<T>; // its type was just compared
}

export const created = (seq = 1): RunEvent =>
  storedEvent('run.created', seq, {
    runId: RUN,
    org: ORG,
    trigger: {
      triggerId: RUN.slice(0, 26),
      source: 'api',
      kind: 'manual',
      event: 'run',
      deliveryId: 'one',
    },
    rule: null,
    workflow: 'ci',
    repoUrl: '',
    ref: '',
    sha: '',
    event: null,
    jobs: [{ jobId: JOB, name: 'build', runsOn: [], needs: [], config: {}, withEvent: false }],
    offersMax: 5,
    ackTimeoutMs: 10,
    recoveryMs: 100,
    staleMs: 100,
  });

export type Offered = Readonly<{
  attempt?: number;
  agentId?: string;
  session?: number;
  run?: string;
}>;

export function offered(seq: number, o: Offered = {}): RunEventOf<'job.offered'> {
  const { attempt = 1, agentId = 'a', session = 7, run = RUN } = o;
  const body = {
    jobId: jobId(run, 0),
    attempt,
    fence: seq - 1,
    agentId,
    session,
    ackTimeoutMs: 10,
    reason: 'initial',
  };
  const id = decisionId(ORG, run, 'job.offered', `${attempt}`, seq - 1);
  return storedEvent('job.offered', seq, body, {
    run,
    to: agentId,
    meta: { id, jobId: jobId(run, 0), attempt },
  });
}

export const fact = (
  type: 'job.ack' | 'job.reject' | 'job.status' | 'agent.lost' | 'agent.resumed',
  seq: number,
  body: object,
  o: Readonly<{ attempt?: number; session?: number; agentId?: string; at?: number }> = {},
): RunEvent => {
  const { attempt = 1, session = 7, agentId = 'a', at = seq } = o;
  return storedEvent(type, seq, body, { meta: { jobId: JOB, attempt, session, agentId }, at });
};

export const expired = (seq: number, at: number, attempt = 1): RunEvent =>
  storedEvent('job.expired', seq, { jobId: JOB, attempt }, { meta: { jobId: JOB, attempt }, at });
