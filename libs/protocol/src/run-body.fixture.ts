/** What the events of random histories say: mostly what would be legal now, and a little off where the step says so. */
import { type Approval, isOpenApproval, tallyOf } from './approval.ts';
import type { Attempt } from './attempt.ts';
import type { StopReason } from './decision-body.ts';
import type { Job } from './job.ts';
import { currentAttempt } from './job.ts';
import { RUN } from './run.fixture.ts';
import type { Run } from './run.ts';
import { TIMES } from './run-created.fixture.ts';
import type { RunCreated } from './run-created.ts';
import type { BodyOf, RunEventType } from './run-event.ts';
import { isDecision } from './run-event.ts';
import type { HistoryStep } from './run-history.fixture.ts';
import { completionOf } from './run-view.ts';

export type Scene = Readonly<{
  run: Run;
  job: Job | undefined;
  step: HistoryStep;
  created: RunCreated;
  at: number;
}>;
type Said = Readonly<{ type: string; body?: unknown; problem?: unknown; meta: object }>;

export function said(type: RunEventType | 'unreadable', scene: Scene): Said {
  const { job, step, created } = scene;
  const source = 'test';
  if (type === 'unreadable')
    return { type, problem: { code: 'not-json', detail: '' }, meta: { source } };
  if (type === 'run.created') return creation(step, created);
  const jobId = step.job === 4 ? `${RUN}-9` : (job?.spec.jobId ?? `${RUN}-0`);
  const current = job === undefined ? undefined : currentAttempt(job);
  const attempt = Math.max(
    0,
    (current?.attempt ?? 0) + step.attempt + (type === 'job.offered' ? 1 : 0),
  );
  const about = { jobId, attempt, current };
  if (isDecision(type))
    return { type, body: decided(type, scene, about), meta: { source, jobId, attempt } };
  return {
    type,
    body: fact(type, step, { ...about, approval: approvalOf(job, step) }),
    meta: { source, jobId, attempt, ...speaker(type, scene) },
  };
}

function creation(step: HistoryStep, created: RunCreated): Said {
  const isOwn = step.flag || step.choice % 5 > 0;
  const body = isOwn ? created : { ...created, runId: `${RUN.slice(0, -1)}1` };
  return { type: 'run.created', body, meta: { source: 'test', requestId: 'req-1' } };
}

function speaker(type: RunEventType, { job, step }: Scene): object {
  const current = job === undefined ? undefined : currentAttempt(job);
  const back = type === 'agent.resumed' || type === 'agent.absent' ? 1 : 0;
  const session = Math.max(0, (current?.session ?? 1) + step.session + back);
  return { session, agentId: step.agent === 0 ? current?.agentId : `agent-${step.agent}` };
}

type About = Readonly<{ jobId: string; attempt: number; current: Attempt | undefined }>;

const reasons: readonly StopReason[] = ['cancelled', 'job_timeout', 'fail_fast'];

function decided(
  type: RunEventType,
  { run, job, step, at }: Scene,
  { jobId, attempt, current }: About,
): unknown {
  switch (type) {
    case 'job.offered':
      return {
        jobId,
        attempt,
        fence: Math.max(0, run.seq + step.fence),
        agentId: `agent-${step.choice % 3}`,
        session: 1 + (step.choice % 7),
        ackTimeoutMs: TIMES.ackTimeoutMs,
        reason: attempt === 1 ? 'initial' : 'retry',
        room: step.flag ? 'assumed' : 'reported',
      } satisfies BodyOf<'job.offered'>;
    case 'job.stale':
      return {
        jobId,
        attempt,
        heartbeat: step.flag ? null : { seq: 1, at: at - 20 * step.choice },
        ...(step.choice % 3 === 0 ? {} : { readAt: at - (step.choice % 5 === 0 ? 20_000 : 5) }),
      } satisfies BodyOf<'job.stale'>;
    case 'deadline.extended':
      return extension(step, { jobId, attempt, current }, at);
    case 'approval.resolved':
      return resolution(step, jobId, approvalOf(job, step));
    case 'job.skipped':
      return { jobId, because: [] } satisfies BodyOf<'job.skipped'>;
    case 'run.completed':
      return completed(run, step, at);
    default:
      return stopping(type, step, { jobId, attempt, current });
  }
}

const extension = (
  step: HistoryStep,
  { jobId, attempt, current }: About,
  at: number,
): BodyOf<'deadline.extended'> => ({
  jobId,
  attempt,
  until: (current?.recoverUntil ?? current?.until ?? at) + 10 * (step.session + 1),
  cause: 'outage',
});

function stopping(type: RunEventType, step: HistoryStep, about: About): unknown {
  const { jobId, attempt, current } = about;
  const reason = reasons[step.choice % 3] ?? 'cancelled';
  switch (type) {
    case 'job.cancel':
      return {
        jobId,
        attempt,
        reason,
        force: step.flag,
        graceMs: TIMES.cancelGraceMs,
      } satisfies BodyOf<'job.cancel'>;
    case 'job.cancelled': {
      const isStopping = (current?.stop ?? null) !== null;
      return {
        jobId,
        reason,
        ...(isStopping ? { attempt } : {}),
      } satisfies BodyOf<'job.cancelled'>;
    }
    case 'session.ended':
      return {
        jobId,
        attempt,
        session: Math.max(1, (current?.session ?? 1) + step.session),
        cause: 'gateway_lost',
      } satisfies BodyOf<'session.ended'>;
    default:
      return { jobId, attempt };
  }
}

function completed(run: Run, step: HistoryStep, at: number): BodyOf<'run.completed'> {
  const completion = completionOf(run) ?? {
    state: 'success' as const,
    startedAt: null,
    completedAt: at,
    durationMs: 0,
    queuedMs: 0,
  };
  const state = step.attempt === 0 ? completion.state : 'cancelled';
  return { ...completion, state, usage: {}, costUsd: 0, priceGeneration: null, jobs: [] };
}

const jobStatus = (step: HistoryStep): BodyOf<'job.status'> => ({
  state: step.jobState,
  data: {
    outputs: { x: step.choice },
    error: step.flag ? 'it broke' : 'job_timeout after 60 s',
    ...(step.choice % 7 === 0 ? { droppedJobs: ['d', 'bc', 7] } : {}),
  },
});

const stepStatus = (step: HistoryStep): BodyOf<'step.status'> => ({
  stepIndex: step.choice % 3,
  stepName: 's',
  state: step.stepState,
  data: { exitCode: step.choice % 4 },
  ...(step.flag ? { step_type: 'hook:cleanup' } : {}),
});

const anyClauses = [[], [{ user: 'ada' }], [{ team: 'ops' }, { user: 'ada' }], [{ team: 'ops' }]];
const people = ['ada', 'bob', 'eve'];

/** The one that is spoken of: mostly an open one. */
const approvalOf = (job: Job | undefined, step: HistoryStep): Approval | undefined => {
  const open = job?.approvals.filter(isOpenApproval) ?? [];
  const all = open.length > 0 && step.choice % 5 > 0 ? open : (job?.approvals ?? []);
  return all[step.choice % Math.max(1, all.length)];
};

function answer(step: HistoryStep, approval: Approval | undefined): BodyOf<'approval.answered'> {
  const isOld = step.choice % 11 === 0;
  if (isOld) return { requestId: approval?.requestId ?? 'm0', outcome: 'approved' };
  return {
    approvalId: approval?.id ?? 'none',
    by: people[step.choice % people.length] ?? 'ada',
    teams: step.choice % 2 === 0 ? ['ops'] : [],
    decision: step.choice % 7 === 0 ? 'reject' : 'approve',
  };
}

function resolution(
  step: HistoryStep,
  jobId: string,
  approval: Approval | undefined,
): BodyOf<'approval.resolved'> {
  const said = approval === undefined ? undefined : (approval.outcome ?? tallyOf(approval));
  const right = said === undefined || said === 'withdrawn' ? 'expired' : said;
  const attempt = (approval?.attempt ?? 0) + step.attempt;
  return {
    jobId,
    ...(attempt > 0 ? { attempt } : {}),
    approvalId: approval?.id ?? 'none',
    outcome: step.choice % 6 === 0 ? 'approved' : right,
  };
}

type FactAbout = About & Readonly<{ approval: Approval | undefined }>;

function fact(type: RunEventType, step: HistoryStep, { jobId, approval }: FactAbout): unknown {
  switch (type) {
    case 'job.reject':
      return {
        reason: step.choice % 3 > 0 ? 'busy' : 'draining',
      } satisfies BodyOf<'job.reject'>;
    case 'job.unsent':
      return { cause: 'dispatch_too_big' } satisfies BodyOf<'job.unsent'>;
    case 'job.status':
      return jobStatus(step);
    case 'step.status':
      return stepStatus(step);
    case 'agent.lost':
      return { code: 1006, scalerManaged: step.choice % 4 === 0 } satisfies BodyOf<'agent.lost'>;
    case 'cancel.requested':
      return {
        ...(step.choice % 3 === 0 ? {} : { jobIds: [jobId] }),
        force: step.flag,
        by: 'ada',
      } satisfies BodyOf<'cancel.requested'>;
    case 'approval.requested':
      return {
        messageId: `m${step.choice % 3}`,
        ...(step.choice % 4 === 0 ? {} : { stepIndex: 0, stepName: 's' }),
        clauses: anyClauses[step.choice % anyClauses.length] ?? [],
        reason: 'may it',
        ...(step.flag ? { timeoutSeconds: 0.03 } : {}),
      } satisfies BodyOf<'approval.requested'>;
    case 'approval.answered':
      return answer(step, approval);
    default:
      return workFact(type, step);
  }
}

function workFact(type: RunEventType, step: HistoryStep): unknown {
  switch (type) {
    case 'usage.reported':
      return {
        entries: [
          { kind: 'model_call', 'gen_ai.usage.input_tokens': step.choice, costUsd: '0.000000001' },
        ],
      } satisfies BodyOf<'usage.reported'>;
    case 'artifact.stored':
      return {
        name: `f${step.choice % 3}`,
        uri: 'artifact://exec/r/f',
        sha256: 'ab',
        sizeBytes: step.choice,
      } satisfies BodyOf<'artifact.stored'>;
    default:
      return { previousSession: 1, frame: 'log.chunk' };
  }
}
