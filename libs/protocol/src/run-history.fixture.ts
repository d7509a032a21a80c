/**
 * Random histories of one run, as a log might hold them: decisions and facts, legal and not, of several jobs with needs, agents
 * and sessions; repeats, stale fences, early and late times, clocks that step back, gaps between sequences, poison. Each step is
 * drawn without looking, and then aimed: most of them at what would be legal now, so that histories get far.
 */
import fc from 'fast-check';
import type { Attempt } from './attempt.ts';
import type { Job } from './job.ts';
import { currentAttempt } from './job.ts';
import { ORG, RUN, START } from './run.fixture.ts';
import type { Run } from './run.ts';
import { evolveRun, initialRun, rollUp } from './run.ts';
import type { Need, RunCreated } from './run-created.ts';
import type { BodyOf, RunEventType } from './run-event.ts';
import { isDecision, runEventBodies } from './run-event.ts';
import type { RunEvent } from './run-message.ts';
import { completionOf } from './run-view.ts';
import { Outcome, StepState } from './states.ts';
import { WireJobState } from './wire/job.ts';

const types = Object.keys(runEventBodies) as readonly RunEventType[]; // the keys of a record of these types
/** Mostly 0, which means: as it would be legal. */
const off = fc.oneof(
  { weight: 12, arbitrary: fc.constant(0) },
  { weight: 1, arbitrary: fc.constantFrom(-2, -1, 1, 2) },
);

const anyStep = fc.record({
  type: fc.oneof(
    {
      weight: 1,
      arbitrary: fc.constantFrom<RunEventType | 'unreadable' | 'repeat'>(
        ...types,
        'unreadable',
        'repeat',
      ),
    },
    { weight: 2, arbitrary: fc.constant<'next'>('next') },
  ),
  job: fc.integer({ min: 0, max: 4 }),
  choice: fc.nat(1_000),
  attempt: off,
  session: off,
  fence: off,
  agent: off,
  /** Where a decision about time lies, seen from its deadline. */
  due: fc.constantFrom(-1_000, -1, 0, 1, 1, 1, 500),
  passed: fc.oneof(
    { weight: 10, arbitrary: fc.integer({ min: 0, max: 40 }) },
    { weight: 1, arbitrary: fc.constant(-30) },
  ),
  gap: fc.constantFrom(1, 1, 1, 3),
  jobState: fc.constantFrom(...WireJobState.options, 'running', 'success', 'failed'),
  stepState: fc.constantFrom(...StepState.options),
  flag: fc.boolean(),
});
type Step = typeof anyStep extends fc.Arbitrary<infer T> ? T : never;

const anyNeed = (upstream: string): fc.Arbitrary<Need> =>
  fc
    .uniqueArray(fc.constantFrom('success' as const, 'success' as const, ...Outcome.options), {
      minLength: 1,
      maxLength: 3,
    })
    .map((on) => ({ job: upstream, on }));

/** Jobs `a` to `d`, of which each may need some before it; times are short so that deadlines pass. */
export const anyCreated: fc.Arbitrary<RunCreated> = fc
  .record({
    needs: fc
      .tuple(fc.constant([]), anyNeed('a'), fc.tuple(anyNeed('a'), anyNeed('b')), anyNeed('c'))
      .chain((all) =>
        fc.tuple(
          ...all.map((each) => fc.constantFrom<readonly Need[]>([], [each].flat(), [each].flat())),
        ),
      ),
    count: fc.integer({ min: 1, max: 4 }),
    offersMax: fc.integer({ min: 1, max: 3 }),
    withEvent: fc.boolean(),
  })
  .map(({ needs, count, offersMax, withEvent }) => ({
    runId: RUN,
    org: ORG,
    trigger: {
      triggerId: RUN.slice(0, -2),
      source: 'github',
      kind: 'webhook' as const,
      event: 'push',
      deliveryId: 'd',
    },
    rule: { name: 'ci', generation: 1 },
    workflow: 'ci',
    repoUrl: '',
    ref: 'main',
    sha: '',
    event: { ref: 'refs/heads/main' },
    jobs: needs.slice(0, count).map((each, index) => ({
      jobId: `${RUN}-${index}`,
      name: 'abcd'.charAt(index),
      runsOn: index === 0 ? [] : ['linux'],
      needs: [...each],
      config: { name: 'abcd'.charAt(index) },
      withEvent,
    })),
    offersMax,
    ackTimeoutMs: 50,
    recoveryMs: 60,
    staleMs: 70,
  }));

export const anyHistory: fc.Arbitrary<readonly RunEvent[]> = fc
  .record({
    created: anyCreated,
    steps: fc.array(anyStep, { maxLength: 60, size: 'max' }),
    early: fc.boolean(),
  })
  .map(({ created, steps, early }) => historyOf(created, steps, early));

/** `early`: something lies before `run.created`, as nothing ever should. */
function historyOf(
  created: RunCreated,
  steps: readonly Step[],
  early: boolean,
): readonly RunEvent[] {
  const events: RunEvent[] = [];
  let run = initialRun;
  let at = START;
  const add = (step: Step, type: RunEventType | 'unreadable'): void => {
    const seq = run.seq + step.gap;
    const job = run.jobs[step.job % Math.max(1, run.jobs.length)];
    const deadline = job === undefined ? undefined : deadlineOf(job, type);
    at = deadline === undefined ? at + step.passed : deadline + step.due;
    const event = {
      org: ORG,
      runId: RUN,
      seq,
      at,
      ...said(type, { run, job, step, created, at }),
    } as RunEvent; // its body is made for its type
    const repeated =
      step.type === 'repeat'
        ? events.at(-1 - (step.choice % Math.max(1, events.length)))?.id
        : undefined;
    const id = repeated ?? `e${seq}`;
    events.push({ ...event, id, meta: { ...event.meta, id } });
    run = evolveRun(run, events.at(-1) ?? event);
  };
  for (const [index, step] of steps.entries()) {
    if (index === (early ? 1 : 0)) add({ ...step, type: 'run.created', gap: 1 }, 'run.created');
    add(step, step.type === 'next' || step.type === 'repeat' ? nextType(run, step) : step.type);
  }
  return events;
}

/** What might well come next for the job that the step is about. */
function nextType(run: Run, step: Step): RunEventType {
  const job = run.jobs[step.job % Math.max(1, run.jobs.length)];
  if (job === undefined) return 'run.created';
  const pick = (...of: readonly RunEventType[]): RunEventType =>
    of[step.choice % of.length] ?? 'job.ack';
  if (rollUp(run.jobs) !== undefined) return pick('run.completed', 'job.status');
  switch (job.state) {
    case 'pending':
      return pick('job.queued', 'job.skipped');
    case 'queued':
      return 'job.offered';
    case 'offered':
      return pick(
        'job.ack',
        'job.ack',
        'job.reject',
        'job.expired',
        'agent.lost',
        'job.status',
        'step.status',
        'agent.heard',
        'deadline.extended',
        'agent.absent',
        'agent.resumed',
      );
    case 'recovering':
      return pick('agent.resumed', 'agent.absent', 'job.lost', 'step.status');
    default:
      return pick(
        'job.status',
        'job.status',
        'step.status',
        'agent.lost',
        'job.stale',
        'agent.absent',
        'agent.resumed',
      );
  }
}

function deadlineOf(job: Job, type: RunEventType | 'unreadable'): number | undefined {
  const current = currentAttempt(job);
  if (current === undefined) return undefined;
  if (type === 'job.expired') return current.until;
  if (type === 'job.lost') return current.recoverUntil ?? undefined;
  return type === 'job.stale' ? (current.heardAt ?? current.offeredAt) + 70 : undefined;
}

type Scene = Readonly<{
  run: Run;
  job: Job | undefined;
  step: Step;
  created: RunCreated;
  at: number;
}>;
type Said = Readonly<{ type: string; body?: unknown; problem?: unknown; meta: object }>;

function said(type: RunEventType | 'unreadable', scene: Scene): Said {
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
  if (isDecision(type))
    return {
      type,
      body: decided(type, scene, { jobId, attempt, current }),
      meta: { source, jobId, attempt },
    };
  return {
    type,
    body: fact(type, step),
    meta: { source, jobId, attempt, ...speaker(type, scene) },
  };
}

function creation(step: Step, created: RunCreated): Said {
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

function decided(
  type: RunEventType,
  { run, step, at }: Scene,
  { jobId, attempt, current }: About,
): unknown {
  switch (type) {
    case 'job.offered': {
      const agentId = `agent-${step.choice % 3}`;
      const fence = Math.max(0, run.seq + step.fence);
      const reason = attempt === 1 ? 'initial' : 'retry';
      return {
        jobId,
        attempt,
        fence,
        agentId,
        session: 1 + (step.choice % 7),
        ackTimeoutMs: 50,
        reason,
      } satisfies BodyOf<'job.offered'>;
    }
    case 'job.stale':
      return {
        jobId,
        attempt,
        heartbeat: step.flag ? null : { seq: 1, at: at - 20 * step.choice },
      } satisfies BodyOf<'job.stale'>;
    case 'deadline.extended':
      return {
        jobId,
        attempt,
        until: (current?.until ?? at) + 10 * (step.session + 1),
        cause: 'outage',
      } satisfies BodyOf<'deadline.extended'>;
    case 'job.skipped':
      return { jobId, because: [] } satisfies BodyOf<'job.skipped'>;
    case 'run.completed': {
      const completion = completionOf(run) ?? {
        state: 'success' as const,
        startedAt: null,
        completedAt: at,
        durationMs: 0,
        queuedMs: 0,
      };
      const state = step.attempt === 0 ? completion.state : 'cancelled';
      return {
        ...completion,
        state,
        usage: {},
        costUsd: 0,
        priceGeneration: null,
        jobs: [],
      } satisfies BodyOf<'run.completed'>;
    }
    default:
      return { jobId, attempt };
  }
}

function fact(type: RunEventType, step: Step): unknown {
  switch (type) {
    case 'job.reject':
      return { reason: step.flag ? 'busy' : 'draining' } satisfies BodyOf<'job.reject'>;
    case 'job.status': {
      const data = {
        outputs: { x: step.choice },
        error: 'it broke',
        ...(step.choice % 7 === 0 ? { droppedJobs: ['d', 7] } : {}),
      };
      return { state: step.jobState, data } satisfies BodyOf<'job.status'>;
    }
    case 'step.status': {
      const body = {
        stepIndex: step.choice % 3,
        stepName: 's',
        state: step.stepState,
        data: { exitCode: step.choice },
      };
      return {
        ...body,
        ...(step.flag ? { step_type: 'hook:cleanup' } : {}),
      } satisfies BodyOf<'step.status'>;
    }
    case 'agent.lost':
      return { code: 1006, scalerManaged: step.choice % 4 === 0 } satisfies BodyOf<'agent.lost'>;
    default:
      return { previousSession: 1, frame: 'log.chunk' };
  }
}
