/** What user code gets to run a job with, and what it gives back. */
import type { wire } from '@waybill/protocol';
import type { JobRequests } from './job-requests.ts';
import type { JobWork } from './job-work.ts';

/** Also the `reason` in the data of the status that the job ends with. */
export type AbortCode = 'cancelled' | 'agent_stopped' | 'lease_lost' | 'agent_refused';

/** The reason of a job's abort signal. */
export class JobAborted extends Error {
  override readonly name = 'JobAborted';
  readonly code: AbortCode;
  /** Whatever still runs is to be ended at once. */
  readonly force: boolean;

  constructor(code: AbortCode, message: string, force = false) {
    super(message);
    this.code = code;
    this.force = force;
  }
}

export type LiveState = 'pending' | 'queued' | 'running' | 'recovering' | 'cancelling';
type Data = Readonly<Record<string, unknown>>;

export type JobOutcome = Readonly<{
  state: 'success' | 'failed' | 'cancelled' | 'skipped' | 'drift_dropped';
  data?: Data;
  droppedJobs?: readonly string[];
  /** In plain text here: sealed to the run's key before they leave, and only of a job that succeeded. */
  secretOutputs?: Readonly<Record<string, string>>;
}>;

/** More about a step than its state. */
export type StepMore = Readonly<{
  type?: wire.WireStepType;
  /** Names of the secrets that it could read; never their values. */
  secretsAccessed?: readonly string[];
}>;

export type JobHandle = Readonly<{
  dispatch: wire.JobDispatch;
  /** Aborted with a `JobAborted` when the job has to end. */
  signal: AbortSignal;
  /** Aborted when whatever still runs has to end at once: with `signal`, or later, when that was not enough. */
  forced: AbortSignal;
  /**
   * Calls back with how long the job's lease still lasts, at once where it has one and with each renewal, until the returned
   * function is called. The signals come from this process: what goes on outside of it while it is frozen has to end by itself
   * before the lease does. Servers of others give no leases.
   */
  onLease(listener: (leftMs: number) => void): () => void;
  /** A state on the way. The final one is what `run` returns; `running` has been sent already. */
  status(state: LiveState, data?: Data): void;
  step(index: number, name: string, state: wire.WireStepState, data?: Data, more?: StepMore): void;
  /** Lines of a step; -1 is the preparation. Batched, and cut at the job's limit for each step. */
  log(stepIndex: number, lines: readonly string[]): void;
  /** More has been sent than the network takes: whoever produces output should wait for `drained`. */
  readonly congested: boolean;
  drained(): Promise<void>;
  /** An artefact's URL as this machine can reach it: storage that calls itself local is at the server's host. */
  reachable(url: string): string;
}> &
  JobRequests &
  JobWork;

/** Runs one job. A rejection is a failure of the job; it never harms the agent. */
export type Run = (job: JobHandle) => Promise<JobOutcome>;
