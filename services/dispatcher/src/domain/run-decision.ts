/**
 * What a run needs decided next, one decision at a time: the next expectation is known only once the last one is folded.
 * Offers are not made here, because they also need an agent. Pure and idempotent: the same run gives the same decision.
 */

import type { BodyOf, Draft, Job, JobOffered, Run } from '@waybill/protocol';
import {
  completionOf,
  currentAttempt,
  decisionId,
  needsOf,
  runDraft,
  subjects,
} from '@waybill/protocol';

/** To be appended only where nothing of the run lies behind `lastSeq`. */
export type Decision = Readonly<{
  draft: Draft;
  expect: Readonly<{ filter: string; lastSeq: number }>;
}>;

const SOURCE = '/waybill/dispatcher';

export function decideRun(run: Run): Decision | undefined {
  const { created, completed } = run;
  if (created === null || completed !== null) return undefined;
  for (const job of run.jobs) {
    if (job.state !== 'pending') continue;
    const needs = needsOf(job.spec.needs, run.jobs);
    const { jobId } = job.spec;
    if (needs.kind === 'met') return about(run, 'job.queued', jobId, { jobId });
    if (needs.kind === 'unmet')
      return about(run, 'job.skipped', jobId, { jobId, because: [...needs.because] });
  }
  const completion = completionOf(run);
  return completion === undefined
    ? undefined
    : about(run, 'run.completed', undefined, completedBody(run, completion));
}

function about<T extends 'job.queued' | 'job.skipped' | 'run.completed'>(
  run: Run,
  type: T,
  jobId: string | undefined,
  body: BodyOf<T>,
): Decision {
  const { org, runId } = madeOf(run);
  return {
    expect: { filter: subjects.runFilter(org, runId), lastSeq: run.seq },
    draft: runDraft({
      org,
      runId,
      type,
      meta: {
        id: decisionId(org, runId, type, jobId ?? 'run', run.seq),
        source: SOURCE,
        jobId,
        requestId: run.requestId ?? undefined,
        traceparent: run.traceparent ?? undefined,
      },
      body,
    }),
  };
}

/** Asked only of runs whose `run.created` is folded. */
function madeOf(run: Run): Readonly<{ org: string; runId: string; ackTimeoutMs: number }> {
  if (run.created === null) throw new Error('no decision is made about a run that does not exist');
  return run.created;
}

/** Usage and cost are sums over usage events, which no agent of this version reports. */
const completedBody = (
  run: Run,
  completion: NonNullable<ReturnType<typeof completionOf>>,
): BodyOf<'run.completed'> => ({
  ...completion,
  usage: {},
  costUsd: 0,
  priceGeneration: null,
  jobs: run.jobs.map((job) => ({
    jobId: job.spec.jobId,
    name: job.spec.name,
    state: job.state,
    attempts: job.attempts.length,
    durationMs:
      job.startedAt === null || job.completedAt === null ? null : job.completedAt - job.startedAt,
  })),
});

/** Offers a queued job to an agent's session. The fence is the sequence that the offer expects. */
export function decideOffer(
  run: Run,
  job: Job,
  to: Readonly<{ agentId: string; session: number }>,
): Decision {
  const { org, runId, ackTimeoutMs } = madeOf(run);
  const attempt = (currentAttempt(job)?.attempt ?? 0) + 1;
  const { jobId } = job.spec;
  const body: JobOffered = {
    jobId,
    attempt,
    fence: run.seq,
    agentId: to.agentId,
    session: to.session,
    ackTimeoutMs,
    reason: attempt === 1 ? 'initial' : 'retry',
  };
  const meta = {
    id: decisionId(org, runId, 'job.offered', `${jobId}.${attempt}`, run.seq),
    source: SOURCE,
    jobId,
    attempt,
    fence: run.seq,
    agentId: to.agentId,
    session: to.session,
    requestId: run.requestId ?? undefined,
    traceparent: run.traceparent ?? undefined,
  };
  return {
    expect: { filter: subjects.runFilter(org, runId), lastSeq: run.seq },
    draft: runDraft({ org, runId, type: 'job.offered', to: to.agentId, meta, body }),
  };
}
