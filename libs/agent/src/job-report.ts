/** The frames that report about one job, made from what user code says. What it says can never make an invalid frame. */
import { type Clock, safeError } from '@waybill/process';
import { wire } from '@waybill/protocol';
import type { Report } from './backlog.ts';
import { JobAborted, type JobHandle, type JobOutcome } from './job-handle.ts';
import { subjectOf } from './job-work.ts';
import { createLogBatch } from './log-batch.ts';
import { NotGranted } from './start-gate.ts';
import type { AgentTiming } from './timing.ts';

export type JobReportOptions = Readonly<{
  dispatch: wire.JobDispatch;
  clock: Clock;
  timing: AgentTiming;
  newMessageId: () => string;
  post: (report: Report) => void;
}>;

export type JobReport = Pick<JobHandle, 'status' | 'step' | 'log'> &
  Readonly<{
    heartbeat(): void;
    /** After the last log line. */
    terminal(
      outcome: Omit<JobOutcome, 'secretOutputs'> & Pick<wire.JobStatus, 'secretOutputs'>,
    ): wire.JobStatus;
  }>;

type Data = JobOutcome['data'];

const stepLogBytesMax = 10_485_760;
/** Far below any limit of a frame: a status over it would cost the connection, each time that it is sent again. */
const dataCharsMax = 524_288;
const terminalSteps: ReadonlySet<wire.WireStepState> = new Set([
  'success',
  'failed',
  'skipped',
  'cancelled',
]);

export function createJobReport(o: JobReportOptions): JobReport {
  const subject = subjectOf(o.dispatch);
  const header = () => ({
    messageId: o.newMessageId(),
    ...subject,
    timestamp: o.clock.now(),
  });
  const logs = createLogBatch({
    clock: o.clock,
    linesMax: o.timing.logLinesMax,
    delayMs: o.timing.logBatchMs,
    stepBytesMax: o.dispatch.maxLogSizeBytes ?? stepLogBytesMax,
    emit: (stepIndex, lines) => o.post({ type: 'log.chunk', ...header(), stepIndex, lines }),
  });

  return {
    status: (state, data) => {
      logs.flush();
      o.post({ type: 'job.status', ...header(), state, ...dataOf(data) });
    },
    step: (index, name, state, data, { type, secretsAccessed } = {}) => {
      logs.flush();
      o.post({
        type: 'step.status',
        ...header(),
        stepIndex: index,
        stepName: name.slice(0, wire.wireLimits.nameCharsMax),
        state,
        ...dataOf(data),
        ...(type === undefined ? {} : { step_type: type }),
        ...(secretsAccessed === undefined ? {} : { secretsAccessed }),
        ...(terminalSteps.has(state) ? { logBytesStreamed: logs.bytesOf(index) } : {}),
      });
    },
    log: logs.add,
    heartbeat: () => {
      o.post({ type: 'job.heartbeat', ...subject, timestamp: o.clock.now() });
    },
    terminal: ({ state, data, droppedJobs, secretOutputs }) => {
      logs.flush();
      return {
        type: 'job.status',
        ...header(),
        state,
        ...dataOf(data),
        ...(droppedJobs === undefined ? {} : { droppedJobs }),
        ...(secretOutputs === undefined ? {} : { secretOutputs }),
      };
    },
  };
}

/** What a job ends with whose code has thrown instead of returning. */
export function outcomeOfError(error: unknown, signal: AbortSignal): JobOutcome {
  const reason: unknown = signal.reason;
  if (reason instanceof JobAborted) {
    const state = reason.code === 'cancelled' ? 'cancelled' : 'failed';
    return { state, data: { reason: reason.code, error: { message: reason.message } } };
  }
  const reported = error instanceof NotGranted ? error.code : 'agent_error';
  return {
    state: 'failed',
    data: { reason: reported, error: { message: safeError(error).message } },
  };
}

/** User code may say anything, also what JSON cannot hold. */
function dataOf(data: Data): Readonly<{ data?: NonNullable<Data> }> {
  if (data === undefined) return {};
  try {
    if (JSON.stringify(data).length <= dataCharsMax) return { data };
    const { reason, durationMs } = data;
    return { data: { reason, durationMs, dataDropped: `over ${dataCharsMax} characters` } };
  } catch {
    return { data: { dataDropped: 'it cannot be written as JSON' } };
  }
}
