/** Lean runs as text, for snapshots: only what differs from a run, a job, an attempt of which nothing is known yet. */
import type { Attempt } from './attempt.ts';
import { newAttempt } from './attempt.ts';
import { marksOf, ofMarks } from './id-set.ts';
import type { Job } from './job.ts';
import { freshJob, type LeanSpec, type Limits, leanBody, limitsOf, namedSpec } from './lean.ts';
import type { Run } from './run.ts';
import { initialRun } from './run.ts';
import type { JobSpec, RunCreated } from './run-created.ts';

/** Raised with every change of what the fold keeps or how it judges: a snapshot of another version is not read. */
export const FOLD_VERSION = 5;

type StoredAttempt = Partial<Attempt>;
type StoredJob = Readonly<{ spec: LeanSpec; attempts?: readonly StoredAttempt[] }> &
  Partial<Omit<Job, 'spec' | 'attempts'>>;
type StoredRun = Readonly<{
  created?: Readonly<{ runId: string }> & Limits;
  jobs?: readonly StoredJob[];
  seen?: readonly number[];
}> &
  Partial<Omit<Run, 'created' | 'jobs' | 'seen'>>;

const usualAttempt = newAttempt(
  {
    jobId: '',
    attempt: 0,
    fence: 0,
    agentId: '',
    session: 0,
    reason: 'initial',
    ackTimeoutMs: 10_000,
  },
  0,
);

/** Of a lean run: what `lean` leaves out is not in the text. */
export function encodeRun(run: Run): string {
  const { created, jobs, seen, ...most } = run;
  const stored: StoredRun = {
    ...told(most, initialRun),
    ...(created === null ? {} : { created: { runId: created.runId, ...limitsOf(created) } }),
    jobs: jobs.map((job) => storedJob(job, run.createdAt)),
    seen: marksOf(seen),
  };
  return JSON.stringify(stored);
}

/** Of a text that `encodeRun` of the same `FOLD_VERSION` has made. */
export function decodeRun(text: string): Run {
  // Written by this same version, and kept behind a digest.
  const { created, jobs = [], seen = [], ...most } = JSON.parse(text) as StoredRun;
  const run = { ...initialRun, ...most };
  const restored = jobs.map((job) => restoredJob(job, run.createdAt));
  const specs = restored.map(({ spec }) => spec);
  return { ...run, created: restoredCreated(created, specs), jobs: restored, seen: ofMarks(seen) };
}

function restoredCreated(stored: StoredRun['created'], specs: JobSpec[]): RunCreated | null {
  if (stored === undefined) return null;
  const { runId, ...limits } = stored;
  return leanBody(runId, specs, limits);
}

function storedJob(job: Job, createdAt: number): StoredJob {
  const { spec, attempts, ...most } = job;
  const { config: _config, ...leanest } = spec;
  return {
    spec: leanest,
    ...told(most, freshJob(spec, createdAt)),
    ...(attempts.length === 0
      ? {}
      : { attempts: attempts.map((each) => told(each, usualAttempt)) }),
  };
}

function restoredJob({ spec, attempts, ...most }: StoredJob, createdAt: number): Job {
  const fresh = freshJob(namedSpec(spec), createdAt);
  const job = { ...fresh, ...most };
  if (attempts === undefined) return job;
  return { ...job, attempts: attempts.map((each) => ({ ...usualAttempt, ...each })) };
}

/** What it says that is not usual. */
function told<T extends object>(value: T, usual: T): Partial<T> {
  const said: Partial<T> = {};
  // The keys of a value of the type are keys of the type.
  for (const key of Object.keys(value) as (keyof T)[])
    if (!isSame(value[key], usual[key])) said[key] = value[key];
  return said;
}

const isSame = (a: unknown, b: unknown): boolean =>
  a === b ||
  (typeof a === 'object' && typeof b === 'object' && JSON.stringify(a) === JSON.stringify(b));
