/** A job in each of its states, come there by real events: what docs/run-lifecycle.md is computed on. */
import { currentAttempt, type Job } from '../src/job.ts';
import { history, JOB, type JobShape, RUN } from '../src/run.fixture.ts';
import { foldRun, type Run } from '../src/run.ts';
import type { RunCreated } from '../src/run-created.ts';
import type { RunEvent } from '../src/run-message.ts';
import type { JobState } from '../src/states.ts';

export type Scene = ReturnType<typeof history> & Readonly<{ job: () => Job }>;

/** What is so before the job comes to its state, and after. */
export type Given = Readonly<{
  shape?: Partial<JobShape>;
  /** Who must approve it, where it is held. */
  held?: NonNullable<JobShape['approval']>;
  run?: Partial<RunCreated>;
  room?: 'assumed' | 'reported';
  /** Why it is cancelling, where that is not a cancel: its own limit, or nothing but its agent's word. */
  stop?: 'job_timeout' | 'own word';
  /** How the job that is needed ended; else it is open. */
  upstream?: 'success' | 'failed';
  /** What happens as soon as it runs. */
  began?: (scene: Scene) => void;
  /** What happens before the event that the row is about. */
  then?: (scene: Scene) => void;
}>;

/** How long it may run, where it has a limit. */
export const LIMIT_MS = 60_000;

export const UPSTREAM = `${RUN}-1`;

/** The job as the log says it. */
export function sceneOf(state: JobState, given: Given): Scene {
  const h = history();
  const scene: Scene = { ...h, job: () => jobOf(foldRun(h.events)) };
  const isPending = state === 'pending' || state === 'skipped' || state === 'drift_dropped';
  const needs = isPending ? [{ job: 'upstream', on: ['success' as const] }] : [];
  const held = state === 'held' ? { approval: given.held ?? {} } : {};
  scene.created([{ name: 'job', needs, ...held, ...given.shape }, { name: 'upstream' }], given.run);
  if (given.upstream !== undefined) {
    scene.offered(1, 3, UPSTREAM);
    scene.status(1, 3, given.upstream, UPSTREAM);
  }
  reach[state](scene, given);
  given.then?.(scene);
  return scene;
}

type Reach = (scene: Scene, given: Given) => void;
const offered: Reach = (scene, { room }) =>
  void scene.offered(1, 7, JOB, 'agent-7', room ?? 'reported');
const running: Reach = (scene, given) => {
  offered(scene, given);
  scene.ack(1, 7);
  given.began?.(scene);
};
const says =
  (state: 'success' | 'failed' | 'cancelled'): Reach =>
  (scene, given) => {
    running(scene, given);
    scene.status(1, 7, state);
  };
const nothing: Reach = () => {};

const reach: Readonly<Record<JobState, Reach>> = {
  pending: nothing,
  // Held from the start, as it is created.
  held: nothing,
  // No event leads to it yet.
  waiting: nothing,
  queued: nothing,
  offered,
  running,
  recovering: (scene, given) => {
    running(scene, given);
    scene.lost(1, 7);
  },
  cancelling: (scene, given) => {
    running(scene, given);
    if (given.stop === undefined) scene.stop(1);
    else if (given.stop === 'own word') scene.status(1, 7, 'cancelling');
    else scene.stop(1, { reason: given.stop }, scene.at() + LIMIT_MS + 1);
  },
  success: says('success'),
  failed: says('failed'),
  cancelled: says('cancelled'),
  skipped: (scene) => {
    scene.offered(1, 3, UPSTREAM);
    scene.status(1, 3, 'failed', UPSTREAM);
    scene.add('job.skipped', { jobId: JOB, because: ['upstream failed'] }, { jobId: JOB });
  },
  timed_out_stale: (scene, given) => {
    running(scene, given);
    const at = scene.at() + 120_001;
    scene.add('job.stale', { jobId: JOB, attempt: 1, heartbeat: null }, { jobId: JOB, at });
  },
  drift_dropped: (scene) => {
    scene.offered(1, 3, UPSTREAM);
    scene.add(
      'job.status',
      { state: 'running', droppedJobs: ['job'] },
      { jobId: UPSTREAM, attempt: 1, session: 3 },
    );
  },
};

/** The run as it stands before the last event, its job in the state. */
export function foldedBefore(
  scene: Scene,
  state: JobState,
): Readonly<{ run: Run; event: RunEvent }> {
  const event = scene.events.at(-1);
  if (event === undefined) throw new Error('the scene has no event');
  const run = foldRun(scene.events.slice(0, -1));
  const job = jobOf(run);
  if (state === 'waiting')
    return { run: { ...run, jobs: run.jobs.with(0, { ...job, state }) }, event };
  if (job.state !== state) throw new Error(`the job is ${job.state}, not ${state}`);
  return { run, event };
}

export function jobOf(run: Run): Job {
  const [job] = run.jobs;
  if (job === undefined) throw new Error('the run has its job');
  return job;
}

/** A deadline of the open attempt, or now where it has none. */
export const deadlineOf = (scene: Scene, of: 'answer' | 'return' | 'silence' | 'stop'): number => {
  const current = currentAttempt(scene.job());
  if (current === undefined) return scene.at();
  const deadlines = {
    answer: current.until,
    return: current.recoverUntil,
    silence: (current.heardAt ?? current.offeredAt) + 120_000,
    stop: current.stop?.until,
  };
  return deadlines[of] ?? scene.at();
};
