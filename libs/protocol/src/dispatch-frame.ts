/**
 * The `job.dispatch` frame of an offer, as a pure function of the folded run: what lies in the log is the offer, and the frame
 * follows from it. Secret fields are still sealed here; the gateway opens them while it writes the frame.
 */
import type { Attempt } from './attempt.ts';
import { wireJobId } from './ids.ts';
import type { Job } from './job.ts';
import { isNamed } from './needs.ts';
import type { Run } from './run.ts';
import { isTerminalJob, jobWords } from './states.ts';

export type DispatchFrame = Readonly<{ type: 'job.dispatch' }> & Readonly<Record<string, unknown>>;

/** `extended` adds what only agents of our own SDK understand. Undefined before `run.created`. */
export function dispatchFrame(
  run: Run,
  job: Job,
  attempt: Attempt,
  extended: boolean,
): DispatchFrame | undefined {
  const made = run.created;
  if (made === null) return undefined;
  const upstream = upstreamJobs(run, job);
  const config = job.spec.config;
  return {
    type: 'job.dispatch',
    messageId: `${job.spec.jobId}.${attempt.attempt}.${attempt.fence}`,
    runId: made.runId,
    jobId: wireJobId(job.spec.jobId, attempt.attempt),
    repoUrl: made.repoUrl,
    ref: made.ref,
    sha: made.sha,
    lockFileUrl: '',
    jobConfig: job.spec.withEvent ? { ...config, event: made.event } : config,
    timestamp: attempt.offeredAt,
    ...(made.secrets === undefined ? {} : { secrets: made.secrets }),
    ...(job.spec.maxLogSizeBytes === undefined
      ? {}
      : { maxLogSizeBytes: job.spec.maxLogSizeBytes }),
    ...(run.requestId === null ? {} : { requestId: run.requestId }),
    ...(upstream.length === 0 ? {} : upstreamOf(upstream)),
    ...(extended ? extensionOf(run, attempt) : {}),
  };
}

const upstreamJobs = (run: Run, { spec }: Job): readonly Job[] =>
  spec.needs.flatMap((need) => run.jobs.filter((each) => isNamed(each.spec, need.job)));

/** The jobs that this one needs and that have left secret outputs, which only the gateway can open. */
export const upstreamSecrets = (
  run: Run,
  job: Job,
): readonly Readonly<{ jobId: string; name: string; outputs: Job['secretOutputs'] }>[] =>
  upstreamJobs(run, job)
    .filter(({ secretOutputs }) => Object.keys(secretOutputs).length > 0)
    .map(({ spec, secretOutputs }) => ({
      jobId: spec.jobId,
      name: spec.name,
      outputs: secretOutputs,
    }));

const extensionOf = ({ traceparent }: Run, { attempt, fence }: Attempt) => ({
  attempt,
  fence,
  ...(traceparent === null ? {} : { traceparent }),
});

function upstreamOf(jobs: readonly Job[]): Readonly<Record<string, unknown>> {
  const ended = jobs.filter((job) => isTerminalJob(job.state));
  return {
    upstreamJobOutputs: Object.fromEntries(ended.map((job) => [job.spec.name, job.outputs])),
    upstreamJobStatuses: Object.fromEntries(
      ended.map((job) => [job.spec.name, jobWords[job.state].wire]),
    ),
  };
}
