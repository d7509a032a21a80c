/** What the fold makes of the events about a run as a whole, and of what agents say of a step: computed by the fold itself. */
import { history, JOB, type JobShape } from '../src/run.fixture.ts';
import { foldRun, type Run } from '../src/run.ts';
import { completionOf } from '../src/run-view.ts';
import type { JobState, StepState } from '../src/states.ts';

type History = ReturnType<typeof history>;
export type RunPlace = Run['state'] | 'running, all jobs ended';

const NEVER_BEGUN: readonly JobShape[] = [{ name: 'a' }];

/** A run in each of its states. */
const reach: Readonly<Record<RunPlace, (h: History) => void>> = {
  absent: () => {},
  pending: (h) => void h.created(NEVER_BEGUN),
  running: (h) => {
    h.created(NEVER_BEGUN);
    h.offered(1, 7);
    h.ack(1, 7);
  },
  'running, all jobs ended': (h) => {
    reach.running(h);
    h.status(1, 7, 'success');
  },
  cancelling: (h) => {
    reach.running(h);
    h.asked();
  },
  success: (h) => ended(h, 'success'),
  failed: (h) => ended(h, 'failed'),
  cancelled: (h) => ended(h, 'cancelled'),
};

function ended(h: History, state: 'success' | 'failed' | 'cancelled'): void {
  reach.running(h);
  h.status(1, 7, state);
  complete(h);
}

function complete(h: History, outcome?: 'cancelled'): void {
  const completion = completionOf(foldRun(h.events)) ?? {
    state: 'success' as const,
    startedAt: null,
    completedAt: h.at(),
    durationMs: 0,
    queuedMs: 0,
  };
  h.add('run.completed', {
    ...completion,
    state: outcome ?? completion.state,
    usage: {},
    costUsd: 0,
    priceGeneration: null,
    jobs: [],
  });
}

const happens: readonly (readonly [what: string, tell: (h: History) => void])[] = [
  ['`run.created`', (h) => void h.created(NEVER_BEGUN)],
  [
    'an agent takes its job up',
    (h) => {
      if (h.events.length === 1) h.offered(1, 7);
      h.ack(1, 7);
    },
  ],
  ['`cancel.requested` of the whole run', (h) => void h.asked()],
  ['`cancel.requested` of its job', (h) => void h.asked({ jobIds: [JOB] })],
  ['`run.completed`', (h) => complete(h)],
  ['`run.completed` with another outcome', (h) => complete(h, 'cancelled')],
];

export const runPlaces = Object.keys(reach) as readonly RunPlace[]; // the keys of a record of these

/** Rows: what happens; columns: where the run is. */
export const runRows: readonly (readonly string[])[] = happens.map(([what, tell]) => [
  what,
  ...runPlaces.map((place) => {
    const h = history();
    reach[place](h);
    tell(h);
    const run = foldRun(h.events);
    return run.lastVoid?.seq === run.seq ? `void: \`${run.lastVoid.why}\`` : `\`${run.state}\``;
  }),
]);

const said = ['pending', 'running', 'success', 'failed', 'skipped', 'cancelled'] as const;
const jobEnds = ['success', 'failed', 'cancelled', 'timed_out_stale'] as const;

export const stepHead = [
  'the step is',
  ...said.map((state) => `its agent says \`${state}\``),
  ...jobEnds.map((state) => `the job ends \`${state}\``),
];

/** Rows: how the step is. */
export const stepRows: readonly (readonly string[])[] = ([undefined, ...said] as const).map(
  (from) => [
    from === undefined ? 'not heard of' : `\`${from}\``,
    ...said.map((state) => stepAfter(from, (h) => void h.step(1, 7, 0, state))),
    ...jobEnds.map((state) => stepAfter(from, (h) => endOfJob(h, state))),
  ],
);

function endOfJob(h: History, state: Extract<JobState, (typeof jobEnds)[number]>): void {
  if (state !== 'timed_out_stale') h.status(1, 7, state);
  else
    h.add(
      'job.stale',
      { jobId: JOB, attempt: 1, heartbeat: null },
      { jobId: JOB, at: h.at() + 120_001 },
    );
}

function stepAfter(from: StepState | undefined, tell: (h: History) => void): string {
  const h = history();
  reach.running(h);
  if (from !== undefined) h.step(1, 7, 0, from);
  tell(h);
  const run = foldRun(h.events);
  if (run.lastVoid?.seq === run.seq) return `void: \`${run.lastVoid.why}\``;
  const state = run.jobs[0]?.steps[0]?.state;
  return state === undefined ? '' : `\`${state}\``;
}
