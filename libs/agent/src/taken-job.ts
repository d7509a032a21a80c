/**
 * One job that the agent has taken, from its `job.ack` to its terminal status: it starts once it may, gives heartbeats
 * for as long as it lives, stops when its lease is over, and ends with a terminal status whatever the user's code does.
 */
import { isGranted, type wire } from '@waybill/protocol';
import { JobAborted, type JobHandle, type Run } from './job-handle.ts';
import { createJobLease } from './job-lease.ts';
import { createJobReport, type JobReportOptions, outcomeOfError } from './job-report.ts';
import { createJobRequests } from './job-requests.ts';
import { sealOutputs } from './job-secret.ts';
import { createJobWork } from './job-work.ts';
import type { RequestDesk } from './request-desk.ts';
import { createStartGate } from './start-gate.ts';
import { reachableUrl } from './upload.ts';

/** What a job needs of its agent to ask the server for something. */
export type Desks = Readonly<{
  serverUrl: string;
  requests: RequestDesk;
  /** Sends where a socket is open; what nobody hears is not repeated. */
  answer: (frame: wire.AgentMessage) => void;
  keepUsage: (report: wire.UsageReport) => void;
  /** What the server can do, as far as it is known. */
  announced: () => wire.WireExtensions | undefined;
}>;

export type TakenJobOptions = JobReportOptions &
  Desks &
  Readonly<{
    run: Run;
    congestion: Pick<JobHandle, 'congested' | 'drained'>;
  }>;

export type TakenJob = Readonly<{
  dispatch: wire.JobDispatch;
  /** The terminal status, once nothing of the job runs any more. Never rejects. */
  readonly ended: Promise<wire.JobStatus>;
  abort(reason: JobAborted): void;
  /** What the server announced; undefined while the agent is not registered. */
  onSession(extensions: wire.WireExtensions | undefined): void;
  onGranted(message: wire.JobGranted): void;
  onHeartbeatSent(): void;
  onHeartbeatAck(message: wire.JobHeartbeatAck): void;
}>;

export function takeJob(o: TakenJobOptions): TakenJob {
  const { dispatch, clock, timing } = o;
  const abort = new AbortController();
  const force = new AbortController();
  const report = createJobReport(o);
  const gate = createStartGate({
    clock,
    grantMs: timing.grantMs,
    grantable: dispatch.fence !== undefined,
  });
  const onLease = new Set<(leftMs: number) => void>();
  let leaseEndsMs: number | undefined;
  const lease = createJobLease({
    clock,
    timing,
    beat: report.heartbeat,
    onLapse: (leaseMs, forced) => {
      const why = `no heartbeat was answered in a lease of ${leaseMs} ms: the job may be another agent's`;
      end(new JobAborted('lease_lost', why, forced));
    },
    onLimit: (leftMs) => {
      leaseEndsMs = clock.monotonicMs() + leftMs;
      for (const listener of onLease) listener(leftMs);
    },
  });
  /** Asked again by force, a job that takes its time has had it. */
  const end = (reason: JobAborted): void => {
    if (reason.force) force.abort(reason);
    abort.abort(reason);
  };
  const handle: JobHandle = {
    ...createJobRequests({ ...o, signal: abort.signal }),
    ...createJobWork(o),
    dispatch,
    signal: abort.signal,
    forced: force.signal,
    onLease: (listener) => {
      onLease.add(listener);
      if (leaseEndsMs !== undefined) listener(leaseEndsMs - clock.monotonicMs());
      return () => void onLease.delete(listener);
    },
    status: report.status,
    step: report.step,
    log: report.log,
    get congested() {
      return o.congestion.congested;
    },
    drained: () => o.congestion.drained(),
    reachable: (url) => reachableUrl(url, o.serverUrl),
  };

  const outcome = async (): ReturnType<Run> => {
    try {
      await gate.opened(abort.signal);
      report.status('running');
      return await o.run(handle);
    } catch (error) {
      return outcomeOfError(error, abort.signal);
    }
  };
  const live = async (): Promise<wire.JobStatus> => {
    const { secretOutputs = {}, ...result } = await outcome();
    lease.end();
    const { sealed, problems } = await sealOutputs(
      result.state === 'success' ? secretOutputs : {},
      dispatch,
    );
    if (problems.length > 0) report.log(-1, problems);
    const isAny = Object.keys(sealed).length > 0;
    return report.terminal({ ...result, ...(isAny ? { secretOutputs: sealed } : {}) });
  };

  return {
    dispatch,
    ended: live(),
    abort: end,
    onSession: (extensions) => {
      gate.onSession(extensions);
      lease.onSession(extensions);
    },
    onGranted: ({ fence, leaseMs }) => {
      if (!isGranted(fence, dispatch.fence)) return;
      if (leaseMs !== undefined) lease.begin(leaseMs);
      gate.grant();
    },
    onHeartbeatSent: lease.onSent,
    onHeartbeatAck: ({ fence, leaseMs }) => {
      if (isGranted(fence, dispatch.fence)) lease.renew(leaseMs);
    },
  };
}
