/** Events of runs as their services write them, through the journal: what specs build a log from. */
import type { Journal } from '@waybill/journal';
import {
  completionOf,
  type DecisionType,
  type Draft,
  decisionId,
  type FactType,
  foldRun,
  jobId,
  type Run,
  type RunCreated,
  readRunMessage,
  runDraft,
  runId as runIdOf,
  subjects,
  triggerId as triggerIdOf,
} from '@waybill/protocol';

export type LogWriter = Readonly<{
  journal: Journal;
  org: string;
  /** The fold of the run as it lies in the log. */
  run(runId: string): Promise<Run>;
  append(draft: Draft): Promise<number>;
}>;

export function openLogWriter(journal: Journal, org: string): LogWriter {
  return {
    journal,
    org,
    run: async (runId) => {
      const messages = await journal.load('WB_RUNS', subjects.runFilter(org, runId), {
        leader: true,
      });
      return foldRun(messages.flatMap((message) => readRunMessage(message) ?? []));
    },
    append: async (draft) => {
      const appended = await journal.append(draft);
      if (appended.outcome !== 'stored') throw new Error(`${draft.type}: ${appended.outcome}`);
      return appended.seq;
    },
  };
}

export type JobShape = Readonly<{
  name: string;
  needs?: readonly string[];
  approval?: RunCreated['jobs'][number]['approval'];
}>;
export const newRunId = (org: string, delivery: string): string =>
  runIdOf(triggerIdOf(org, 'github', delivery), 0);

export async function createRun(
  { journal, org }: LogWriter,
  delivery: string,
  jobs: readonly JobShape[],
  over: Partial<RunCreated> = {},
): Promise<string> {
  const runId = newRunId(org, delivery);
  const body: RunCreated = {
    runId,
    org,
    trigger: {
      triggerId: triggerIdOf(org, 'github', delivery),
      source: 'github',
      kind: 'webhook',
      event: 'push',
      deliveryId: delivery,
    },
    rule: { name: 'ci', generation: 1 },
    workflow: 'ci',
    repoUrl: 'https://example.org/repo.git',
    ref: 'refs/heads/main',
    sha: 'a'.repeat(40),
    event: { commits: [{ message: 'grüße \u2028 😀' }] },
    jobs: jobs.map(({ name, needs = [], approval }, index) => ({
      jobId: jobId(runId, index),
      name,
      runsOn: ['linux'],
      needs: needs.map((job) => ({ job, on: ['success'] })),
      config: { steps: [{ run: 'true' }] },
      withEvent: true,
      ...(approval === undefined ? {} : { approval }),
    })),
    offersMax: 5,
    ackTimeoutMs: 10_000,
    recoveryMs: 120_000,
    staleMs: 60_000,
    ...over,
  };
  const id = decisionId(org, runId, 'run.created', 'run', 0);
  const draft = runDraft({
    org,
    runId,
    type: 'run.created',
    meta: { id, source: '/waybill/dispatcher', requestId: `req-${delivery}` },
    body,
  });
  const filter = subjects.runFilter(org, runId);
  const appended = await journal.append(draft, { filter, lastSeq: 0 });
  if (appended.outcome !== 'stored') throw new Error(appended.outcome);
  return runId;
}

type About = Readonly<{ runId: string; index?: number; attempt?: number }>;

export async function decide(
  writer: LogWriter,
  type: DecisionType,
  { runId, index = 0, attempt }: About,
  body: Readonly<Record<string, unknown>> = {},
  to?: string,
): Promise<number> {
  const { seq } = await writer.run(runId);
  const { org } = writer;
  const job = jobId(runId, index);
  const about = attempt === undefined ? {} : { attempt };
  return writer.append({
    ...runDraft({
      org,
      runId,
      type,
      meta: {
        id: decisionId(org, runId, type, `${index}`, seq),
        source: '/waybill/dispatcher',
        jobId: job,
        ...about,
      },
      body: JSON.stringify(type === 'run.completed' ? body : { jobId: job, ...about, ...body }),
      ...(to === undefined ? {} : { to }),
    }),
  });
}

/** Offers the job as its next attempt and gives back which one that is. */
export async function offer(writer: LogWriter, about: About, agentId: string): Promise<number> {
  const run = await writer.run(about.runId);
  const attempt = (run.jobs[about.index ?? 0]?.attempts.length ?? 0) + 1;
  const body = {
    fence: run.seq,
    agentId,
    session: 7,
    ackTimeoutMs: 10_000,
    reason: attempt === 1 ? 'initial' : 'retry',
  };
  await decide(writer, 'job.offered', { ...about, attempt }, body, agentId);
  return attempt;
}

let frames = 0;

export function say(
  { org, append }: LogWriter,
  type: FactType,
  { runId, index = 0, attempt = 1 }: About,
  body: string | Readonly<Record<string, unknown>> = {},
  over: Readonly<{ session?: number; agentId?: string }> = {},
): Promise<number> {
  frames += 1;
  const { session = 7, agentId = 'agent-1' } = over;
  const meta = {
    id: `${org}:s${session}:${frames}`,
    source: '/waybill/agent-gateway',
    jobId: jobId(runId, index),
    attempt,
    agentId,
    session,
  };
  return append(
    runDraft({
      org,
      runId,
      type,
      meta,
      body: typeof body === 'string' ? body : JSON.stringify(body),
    }),
  );
}

export async function complete(writer: LogWriter, runId: string): Promise<number> {
  const run = await writer.run(runId);
  const completion = completionOf(run);
  if (completion === undefined) throw new Error('the run is still open');
  const jobs = run.jobs.map(({ spec, state, attempts }) => ({
    jobId: spec.jobId,
    name: spec.name,
    state,
    attempts: attempts.length,
    durationMs: null,
  }));
  return decide(
    writer,
    'run.completed',
    { runId },
    {
      ...completion,
      usage: { tokens: 12 },
      costUsd: 0.25,
      priceGeneration: null,
      jobs,
    },
  );
}

/** One job from its offer to its end. */
export async function work(writer: LogWriter, about: About, state = 'success'): Promise<void> {
  const attempt = await offer(writer, about, 'agent-1');
  const now = { ...about, attempt };
  await say(writer, 'job.ack', now);
  await say(writer, 'step.status', now, { stepIndex: 0, stepName: 'build', state: 'running' });
  await say(writer, 'step.status', now, {
    stepIndex: 0,
    stepName: 'build',
    state,
    data: { exitCode: 0 },
  });
  await say(writer, 'job.status', now, { state });
}
