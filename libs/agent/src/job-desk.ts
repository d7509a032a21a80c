/**
 * Takes and refuses jobs, and knows those that are here: running, or ended with a status that nobody has confirmed.
 * Every dispatch is answered at once, before any work; one that repeats what was taken before is never run again.
 */
import { type Clock, type Logger, newId, registerSecretValues } from '@waybill/process';
import { wire } from '@waybill/protocol';
import type { Report } from './backlog.ts';
import { hostLoad } from './host-facts.ts';
import type { JobAborted, JobHandle, Run } from './job-handle.ts';
import type { Outbox } from './outbox.ts';
import { type Desks, type TakenJob, takeJob } from './taken-job.ts';
import type { AgentTiming } from './timing.ts';

export type JobDeskOptions = Desks &
  Readonly<{
    agentId: string;
    maxConcurrency: number;
    run: Run;
    clock: Clock;
    log: Logger;
    timing: AgentTiming;
    outbox: Outbox;
    congestion: Pick<JobHandle, 'congested' | 'drained'>;
    /** Sends, or keeps until the agent is back. */
    post: (report: Report) => void;
    /** The status is in the outbox already. */
    deliver: (status: wire.JobStatus) => void;
    /** The number of jobs has changed. */
    onSize: (size: number) => void;
  }>;

export type JobDesk = Readonly<{
  readonly size: number;
  readonly jobs: Iterable<TakenJob>;
  readonly inFlight: readonly wire.InFlightJob[];
  job(jobId: string): TakenJob | undefined;
  onDispatch(dispatch: wire.JobDispatch, extensions: wire.WireExtensions | undefined): void;
  abortAll(reason: JobAborted): void;
  /** From now on every dispatch is rejected. */
  close(): void;
  /** From now on nobody is told what becomes of the jobs here, and nothing of it is kept. */
  forget(): void;
  /** Resolves at once, or when the last job has ended. */
  idle(): Promise<void>;
}>;

/** How many ended jobs are remembered, to know a repeat by. */
const endedMax = 1_000;

export function createJobDesk(o: JobDeskOptions): JobDesk {
  const jobs = new Map<string, TakenJob>();
  const ended = new Set<string>();
  let closed = false;
  let forgetting = false;
  let change = Promise.withResolvers<void>();

  const reportLoad = (): void => {
    const { agentId } = o;
    o.answer({
      type: 'agent.status',
      messageId: newId(),
      agentId,
      activeJobs: jobs.size,
      ...hostLoad(),
    });
  };
  const follow = async ({ dispatch, ended: end }: TakenJob): Promise<void> => {
    const status = await end;
    const { runId, jobId } = dispatch;
    o.log.info({ runId, jobId, state: status.state }, 'job ended');
    if (!forgetting) o.outbox.keep(status);
    jobs.delete(jobId);
    if (dispatch.fence !== undefined) remember(ended, keyOf(dispatch));
    if (!forgetting) o.deliver(status);
    reportLoad();
    o.onSize(jobs.size);
    change.resolve();
    change = Promise.withResolvers();
  };
  const refusalOf = (): wire.WireRejectReason | undefined => {
    if (closed) return 'draining';
    return jobs.size >= o.maxConcurrency ? 'busy' : undefined;
  };
  const isRepeat = (dispatch: wire.JobDispatch): boolean =>
    jobs.has(dispatch.jobId) || o.outbox.has(dispatch.jobId) || ended.has(keyOf(dispatch));

  return {
    get size() {
      return jobs.size;
    },
    get jobs() {
      return jobs.values();
    },
    get inFlight() {
      return inFlight(
        [...jobs.values()].map(({ dispatch }) => dispatch),
        o.outbox,
      );
    },
    job: (jobId) => jobs.get(jobId),
    onDispatch: (dispatch, extensions) => {
      maskSecretsOf(dispatch);
      const { runId, jobId, attempt } = dispatch;
      if (isRepeat(dispatch)) return o.log.warn({ runId, jobId }, 'repeated dispatch ignored');
      const reason = refusalOf();
      o.log.info({ runId, jobId, attempt, reason }, reason ? 'job rejected' : 'job taken');
      if (reason) {
        o.answer({ type: 'job.reject', ...answerTo(dispatch, o.clock), reason });
        return reportLoad();
      }
      o.answer({ type: 'job.ack', ...answerTo(dispatch, o.clock) });
      const job = takeJob({ ...o, dispatch, newMessageId: newId });
      jobs.set(jobId, job);
      o.onSize(jobs.size);
      job.onSession(extensions);
      void follow(job);
    },
    abortAll: (reason) => {
      for (const job of jobs.values()) job.abort(reason);
    },
    close: () => {
      closed = true;
    },
    forget: () => {
      closed = true;
      forgetting = true;
    },
    idle: async () => {
      while (jobs.size > 0) await change.promise;
    },
  };
}

const answerTo = ({ runId, jobId, attempt, fence }: wire.JobDispatch, clock: Clock) => ({
  messageId: newId(),
  runId,
  jobId,
  timestamp: clock.now(),
  ...(attempt === undefined ? {} : { attempt }),
  ...(fence === undefined ? {} : { fence }),
});

function inFlight(
  running: readonly wire.InFlightJob[],
  outbox: Outbox,
): readonly wire.InFlightJob[] {
  const all = [...running, ...outbox.statuses].map(({ jobId, runId }) => [jobId, runId] as const);
  return [...new Map(all)]
    .slice(0, wire.wireLimits.inFlightJobsMax)
    .map(([jobId, runId]) => ({ jobId, runId }));
}

/** From here on no line of the agent's own log shows them. */
function maskSecretsOf(dispatch: wire.JobDispatch): void {
  wire.mapSecrets(wire.JobDispatch, dispatch, (_path, value) => {
    registerSecretValues(value);
    return value;
  });
}

const keyOf = ({ jobId, fence }: wire.JobDispatch): string => `${jobId} ${fence ?? ''}`;

function remember(keys: Set<string>, key: string): void {
  keys.add(key);
  const [oldest] = keys;
  if (keys.size > endedMax && oldest !== undefined) keys.delete(oldest);
}
