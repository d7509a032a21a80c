/** The evidence of one small run in which everything is right: what the checks' own tests doctor. */
import { createHash } from 'node:crypto';
import {
  agentDraft,
  type Draft,
  decidedDraft,
  headersOf,
  isDecision,
  parseJson,
  readTriggerMessage,
  receivedDraft,
  runDraft,
  streamNames,
  subjects,
} from '@waybill/protocol';
import { createdBody, JOB, ORG, RUN, START } from '@waybill/protocol/fixtures';
import type { Evidence, LoggedMessage, StoredRecord } from './evidence.ts';

export const AGENT = 'agent-7';
export const SESSION = 7;

export function logged(draft: Draft, seq: number, at = START + seq): LoggedMessage {
  const headers = { ...headersOf(draft), ...expected(draft, seq) };
  const body = typeof draft.body === 'string' ? Buffer.from(draft.body) : draft.body;
  const header = (name: string): string | undefined => headers[name];
  return { stream: draft.stream, seq, at, subject: draft.subject, headers, header, body };
}

/** As the server keeps it. */
const expected = ({ stream, type }: Draft, seq: number): Readonly<Record<string, string>> =>
  stream === 'WB_RUNS' && isDecision(type)
    ? {
        'Nats-Expected-Last-Subject-Sequence': String(seq - 1),
        'Nats-Expected-Last-Subject-Sequence-Subject': subjects.runFilter(ORG, RUN),
      }
    : {};

const { trigger } = createdBody();
const received = logged(
  receivedDraft({
    org: ORG,
    source: trigger.source,
    triggerId: trigger.triggerId,
    kind: trigger.kind,
    event: trigger.event,
    deliveryId: trigger.deliveryId,
    digest: 'digest',
    requestId: 'request-1',
    body: '{}',
  }),
  1,
);

function decided(): LoggedMessage {
  const event = readTriggerMessage(received);
  if (event?.type !== 'trigger.received') throw new Error('the fixture is no trigger');
  const { triggerId } = trigger;
  const runs = [{ rule: null, runId: RUN }];
  return logged(decidedDraft(event, { triggerId, decision: 'run', receivedSeq: 1, runs }), 2);
}

export const registered = (org = ORG): LoggedMessage =>
  logged(
    agentDraft({
      org,
      agentId: AGENT,
      type: 'registered',
      id: 'registered-7',
      gateway: 'gateway/1',
      body: JSON.stringify({ agentId: AGENT, labels: ['any'] }),
    }),
    SESSION,
  );

const about = {
  source: 'test',
  jobId: JOB,
  attempt: 1,
  agentId: AGENT,
  session: SESSION,
  fence: 1,
};
const run = (type: Parameters<typeof runDraft>[0]['type'], id: string, body: object): Draft =>
  runDraft({
    org: ORG,
    runId: RUN,
    type,
    meta: type.startsWith('run.') ? { id, source: 'test' } : { ...about, id },
    body: JSON.stringify(body),
    ...(type === 'job.offered' ? { to: AGENT } : {}),
  });

export const offer = (attempt = 1, fence = 1, id = `offer-${attempt}-${fence}`): Draft =>
  run('job.offered', id, {
    jobId: JOB,
    attempt,
    fence,
    agentId: AGENT,
    session: SESSION,
    ackTimeoutMs: 10_000,
    reason: attempt === 1 ? 'initial' : 'retry',
  });
export const ack = (id = 'ack'): Draft => run('job.ack', id, { type: 'job.ack' });
export const status = (state: string, id = `status-${state}`): Draft =>
  run('job.status', id, { state });
export const completed = (state = 'success', id = 'completed'): Draft =>
  run('run.completed', id, {
    state,
    startedAt: START + 3,
    completedAt: START + 4,
    durationMs: 1,
    queuedMs: 2,
    usage: {},
    costUsd: 0,
    priceGeneration: null,
    jobs: [{ jobId: JOB, name: 'test', state, attempts: 1, durationMs: 1 }],
  });

const right: readonly Draft[] = [
  run('run.created', 'created', createdBody()),
  offer(),
  ack(),
  status('success'),
  completed(),
];

export const runLog = (drafts: readonly Draft[] = right): readonly LoggedMessage[] =>
  drafts.map((draft, index) => logged(draft, index + 1));

export function recordOf(
  messages: readonly LoggedMessage[],
  previous: string | null,
): StoredRecord {
  const events = messages.map(({ seq, subject, body }) => ({
    seq,
    subject,
    body: parseJson(body),
  }));
  const body = Buffer.from(JSON.stringify({ org: ORG, runId: RUN, previous, events }));
  const sha256 = createHash('sha256').update(body).digest('hex');
  const lastSeq = messages.at(-1)?.seq ?? 0;
  return { org: ORG, runId: RUN, firstSeq: 1, lastSeq, sha256, previous, body };
}

/** What is given stands in the place of what is right. */
export function evidence(doctored: Partial<Evidence> = {}, drafts?: readonly Draft[]): Evidence {
  const runs = runLog(drafts);
  const log = {
    ...emptyLog,
    WB_TRIGGERS: [received, decided()],
    WB_RUNS: runs,
    WB_AGENTS: [registered()],
  };
  const diary = (['start', 'stop'] as const).map((what, atMs) => ({
    agentId: AGENT,
    kind: 'granted' as const,
    what,
    runId: RUN,
    wireJobId: JOB,
    fence: 1,
    atMs,
    at: START + 4 + atMs,
  }));
  const { triggerId } = trigger;
  const told = { triggerId, runIds: [RUN], decision: 'run' };
  return {
    log,
    tables: { runs: [{ org: ORG, run_id: RUN }] },
    records: [recordOf(runs, null)],
    checkpoints: { WB_RUNS: runs.length, WB_TRIGGERS: 2, WB_AGENTS: SESSION, WB_CONFIG: 0 },
    differences: [],
    diary,
    ledger: [{ org: ORG, triggerId, status: 202, told }],
    output: { up: 'Waybill is up' },
    canaries: ['canary-5fa3/+="é'],
    disturbances: [],
    replicas: 1,
    ...doctored,
  };
}

const emptyLog = Object.fromEntries(
  streamNames.map((name) => [name, []]),
) as unknown as Evidence['log']; // the keys are all of `streamNames`
export const rightRun = right;
