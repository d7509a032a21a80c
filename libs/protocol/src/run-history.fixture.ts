/**
 * Random histories of one run, as a log might hold them: decisions and facts, legal and not, of several jobs with needs, agents
 * and sessions; repeats, stale fences, early and late times, clocks that step back, gaps between sequences, poison. Each step is
 * drawn without looking, and then aimed: most of them at what would be legal now, so that histories get far.
 */
import fc from 'fast-check';
import { isOpenApproval } from './approval.ts';
import { runsUntil } from './attempt.ts';
import type { Job } from './job.ts';
import { currentAttempt, silenceMs, waitsUntil } from './job.ts';
import { rollUp } from './roll-up.ts';
import { ORG, RUN, START } from './run.fixture.ts';
import type { Run } from './run.ts';
import { evolveRun, initialRun } from './run.ts';
import { said } from './run-body.fixture.ts';
import { anyCreated, TIMES } from './run-created.fixture.ts';
import type { RunCreated } from './run-created.ts';
import type { RunEventType } from './run-event.ts';
import { runEventBodies } from './run-event.ts';
import type { RunEvent } from './run-message.ts';
import { StepState } from './states.ts';
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
    { weight: 4, arbitrary: fc.constant<'next'>('next') },
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
  jobState: fc.constantFrom(...WireJobState.options, 'running', 'success', 'failed', 'failed'),
  stepState: fc.constantFrom(...StepState.options),
  flag: fc.boolean(),
});
export type HistoryStep = typeof anyStep extends fc.Arbitrary<infer T> ? T : never;

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
  steps: readonly HistoryStep[],
  early: boolean,
): readonly RunEvent[] {
  const events: RunEvent[] = [];
  let run = initialRun;
  let at = START;
  const add = (step: HistoryStep, type: RunEventType | 'unreadable'): void => {
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

/** What might well come next for a job in the state, the likelier the oftener. */
const likely: Readonly<Partial<Record<Job['state'], readonly RunEventType[]>>> = {
  pending: ['job.queued', 'job.skipped'],
  held: [
    'approval.answered',
    'approval.answered',
    'approval.resolved',
    'approval.resolved',
    'job.cancelled',
    'cancel.requested',
  ],
  queued: [
    ...Array.from({ length: 9 }, () => 'job.offered' as const),
    'job.timed_out',
    'job.cancelled',
  ],
  offered: [
    ...Array.from({ length: 4 }, () => 'job.ack' as const),
    'job.reject',
    'job.reject',
    'job.unsent',
    'job.expired',
    'agent.lost',
    'job.status',
    'step.status',
    'agent.heard',
    'deadline.extended',
    'agent.absent',
    'agent.resumed',
    'session.ended',
    'job.cancel',
    'cancel.requested',
  ],
  recovering: [
    'agent.resumed',
    'agent.resumed',
    'agent.absent',
    'job.lost',
    'step.status',
    'deadline.extended',
    'job.cancel',
  ],
  running: [
    'job.status',
    'job.status',
    'job.status',
    'step.status',
    'step.status',
    'agent.lost',
    'job.stale',
    'agent.absent',
    'agent.resumed',
    'session.ended',
    'job.cancel',
    'cancel.requested',
    'approval.requested',
    'approval.requested',
    'approval.answered',
    'approval.answered',
    'approval.resolved',
    'approval.resolved',
  ],
  cancelling: [
    'job.status',
    'job.cancel',
    'job.cancel',
    'job.cancelled',
    'job.cancelled',
    'agent.lost',
    'job.stale',
    'agent.absent',
    'agent.resumed',
    'session.ended',
  ],
};

/** What might well come next for the job that the step is about. */
function nextType(run: Run, step: HistoryStep): RunEventType {
  const job = run.jobs[step.job % Math.max(1, run.jobs.length)];
  if (job === undefined) return 'run.created';
  const of = rollUp(run.jobs) === undefined ? likely[job.state] : undefined;
  const types = of ?? (['run.completed', 'job.status'] as const);
  return types[step.choice % types.length] ?? 'job.ack';
}

/** The moment that the event is about. */
function deadlineOf(job: Job, type: RunEventType | 'unreadable'): number | undefined {
  if (type === 'job.timed_out') return waitsUntil(job);
  if (type === 'approval.resolved') return job.approvals.find(isOpenApproval)?.expiresAt;
  if (type === 'job.offered') return job.workedUntil === 0 ? undefined : job.workedUntil;
  const current = currentAttempt(job);
  if (current === undefined) return undefined;
  if (type === 'job.expired') return current.until;
  if (type === 'job.lost') return current.recoverUntil ?? undefined;
  if (type === 'job.cancelled') return current.stop?.until;
  if (type === 'job.cancel') return runsUntil(current, job.spec.timeoutMs);
  return type === 'job.stale'
    ? (current.heardAt ?? current.offeredAt) + silenceMs(job.spec, TIMES)
    : undefined;
}
