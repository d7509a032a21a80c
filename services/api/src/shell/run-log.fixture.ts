/** A run's events as the other services append them, for specs of the api: created, offered, taken, done, recorded by nobody. */
import type { Journal } from '@waybill/journal';
import {
  decisionId,
  jobSpecs,
  type RunEventType,
  runDraft,
  subjects,
  triggerId as triggerIdOf,
} from '@waybill/protocol';
import { ORG } from './running-api.fixture.ts';

const AGENT = 'agent-1';

export type WrittenRun = Readonly<{ runId: string; jobId: string; seqs: readonly number[] }>;
type Write = (
  type: RunEventType,
  body: Readonly<Record<string, unknown>>,
  o?: Readonly<{ fact?: boolean; attempt?: number }>,
) => Promise<number>;

export function runWriter(
  journal: Journal,
  runId: string,
): Readonly<{
  jobId: string;
  write: Write;
  log: (lines: readonly string[]) => Promise<number>;
  seqs: number[];
}> {
  const jobId = `${runId}-0`;
  const seqs: number[] = [];
  const stored = async (draft: Parameters<Journal['append']>[0]): Promise<number> => {
    const outcome = await journal.append(draft);
    if (outcome.outcome !== 'stored') throw new Error(`not stored: ${outcome.outcome}`);
    return outcome.seq;
  };
  const write: Write = async (type, body, o = {}) => {
    const last = seqs.at(-1) ?? 0;
    const id =
      o.fact === true
        ? `${runId}:fact:${seqs.length}`
        : decisionId(ORG, runId, 'job.queued', `${type}${seqs.length}`, last);
    const meta = {
      id,
      source: '/waybill/test',
      jobId,
      attempt: o.attempt ?? 1,
      agentId: AGENT,
      session: 1,
      fence: seqs[0] ?? 0,
    };
    const isAddressed = type === 'job.offered' || type === 'approval.resolved';
    const to = isAddressed ? { to: AGENT } : {};
    const seq = await stored(
      runDraft({ org: ORG, runId, type, meta, body: JSON.stringify(body), ...to }),
    );
    seqs.push(seq);
    return seq;
  };
  let chunks = 0;
  const log = (lines: readonly string[]): Promise<number> =>
    stored({
      stream: 'WB_LOGS',
      subject: subjects.log(ORG, runId, jobId),
      type: 'log.chunk',
      meta: { id: `${runId}:log:${++chunks}`, source: '/waybill/test', runId, jobId, attempt: 1 },
      body: JSON.stringify({
        type: 'log.chunk',
        messageId: `m${chunks}`,
        runId,
        jobId,
        stepIndex: 0,
        lines,
        timestamp: 1,
      }),
    });
  return { jobId, write, log, seqs };
}

export const createdBody = (runId: string, secrets?: unknown) => ({
  runId,
  org: ORG,
  trigger: {
    triggerId: runId.slice(0, 26),
    source: 'github',
    kind: 'webhook',
    event: 'push',
    deliveryId: 'd',
  },
  rule: { name: 'ci', generation: 1 },
  workflow: 'ci',
  repoUrl: '',
  ref: '',
  sha: '',
  event: null,
  ...(secrets === undefined ? {} : { secrets }),
  jobs: jobSpecs([{ name: 'build', steps: [{ run: 'true' }] }], {
    runId,
    workflow: 'ci',
    checkout: false,
    input: undefined,
  }),
  offersMax: 5,
  ackTimeoutMs: 10_000,
  recoveryMs: 120_000,
  staleMs: 120_000,
});

export const newRunId = (name: string): string => `${triggerIdOf(ORG, 'github', name)}-0`;

/** From `run.created` to `run.completed`, all valid. */
export async function writeWholeRun(journal: Journal, name: string): Promise<WrittenRun> {
  const runId = newRunId(name);
  const { write, log, seqs, jobId } = runWriter(journal, runId);
  await write('run.created', createdBody(runId));
  await write('job.offered', offeredBody(runId, seqs.at(-1) ?? 0));
  const frame = { messageId: 'm', runId, jobId, timestamp: 1 };
  await write('job.ack', { type: 'job.ack', ...frame }, { fact: true });
  await write('job.status', { type: 'job.status', ...frame, state: 'running' }, { fact: true });
  await log(['hello', 'wörld']);
  await log(['done']);
  await write('job.status', { type: 'job.status', ...frame, state: 'success' }, { fact: true });
  await write('run.completed', completedBody(jobId));
  return { runId, jobId, seqs };
}

export const offeredBody = (runId: string, fence: number) => ({
  jobId: `${runId}-0`,
  attempt: 1,
  fence,
  agentId: AGENT,
  session: 1,
  ackTimeoutMs: 10_000,
  reason: 'initial',
});

export const completedBody = (jobId: string) => ({
  state: 'success',
  startedAt: 1,
  completedAt: 2,
  durationMs: 1,
  queuedMs: 0,
  usage: {},
  costUsd: 0,
  priceGeneration: null,
  jobs: [{ jobId, name: 'build', state: 'success', attempts: 1, durationMs: 1 }],
});
