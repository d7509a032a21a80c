/**
 * The logs of attempts at work: what each step has used of its limit, and where the job's log lies in WB_LOGS. Counted as it
 * comes; of an attempt whose beginning this process has not seen it is counted again from the log, once.
 */
import type { Journal } from '@waybill/journal';
import { type Clock, isOutage, retry } from '@waybill/process';
import { parseJson, type StoredMessage, subjects, wire } from '@waybill/protocol';
import type { Custody } from '../domain/custody.ts';
import type { JobFrame } from '../domain/fact.ts';
import { limits } from '../domain/limits.ts';
import {
  keptLines,
  LOG_BYTES_MAX,
  linesBytes,
  noStepLog,
  type StepLog,
} from '../domain/log-cap.ts';
import type { Stored } from './fact-writer.ts';
import type { RunHistory } from './run-history.ts';

type LogChunk = Extract<JobFrame, { type: 'log.chunk' }>;

export type Admitted = Readonly<{
  body: string | Uint8Array;
  /** Nothing of the step is kept behind it. */
  isCut: boolean;
  stored(at: Stored): void;
}>;

/** The header of the chunk that ends what is kept of its step. */
export const LOG_CUT = 'wb-log-cut';

/** Everything but `begun` is called in the lane of the job. */
export type LogLedger = Readonly<{
  /** The attempt is about to be written to its agent. */
  begun(custody: Custody, bytesMax: number | undefined): void;
  /** Undefined for a chunk of which nothing is kept. */
  admit(custody: Custody, chunk: LogChunk, raw: Uint8Array): Promise<Admitted | undefined>;
  /** Where the job's log lies, as headers of its last word; none where there is none. */
  range(custody: Custody): Promise<Readonly<Record<string, string>>>;
  ended(custody: Custody): void;
}>;

type Deps = Readonly<{
  journal: Pick<Journal, 'replay'>;
  history: RunHistory;
  clock: Clock;
  signal: AbortSignal;
}>;

type Attempt = {
  readonly bytesMax: number;
  readonly steps: Map<number, StepLog>;
  first: number | undefined;
  last: number | undefined;
};

/** Steps that are counted one by one; the others of an attempt share one count. */
const stepsMax = 10_000;
const SHARED = Number.MIN_SAFE_INTEGER;
const BATCH = 200;

export function openLogLedger(deps: Deps): LogLedger {
  const attempts = new Map<string, Attempt>();

  const put = (key: string, attempt: Attempt): Attempt => {
    attempts.delete(key);
    attempts.set(key, attempt);
    const [oldest] = attempts.keys();
    if (attempts.size > limits.loggedAttemptsMax && oldest !== undefined) attempts.delete(oldest);
    return attempt;
  };
  const attemptOf = async (custody: Custody): Promise<Attempt> =>
    attempts.get(keyOf(custody)) ?? put(keyOf(custody), await counted(deps, custody));

  return {
    begun: (custody, bytesMax = LOG_BYTES_MAX) => {
      // An earlier attempt may have written to the same log.
      if (custody.attempt !== 1) return;
      put(keyOf(custody), { bytesMax, steps: new Map(), first: undefined, last: undefined });
    },
    admit: async (custody, chunk, raw) => {
      const attempt = await attemptOf(custody);
      const number = stepOf(attempt, chunk.stepIndex);
      const before = attempt.steps.get(number) ?? noStepLog;
      const { lines, isCut, step } = keptLines(chunk.lines, before, attempt.bytesMax);
      if (lines === undefined) return undefined;
      return {
        body: isCut ? JSON.stringify({ ...chunk, lines }) : raw,
        isCut,
        stored: ({ seq, duplicate }) => {
          // Sent again, it was counted the first time.
          if (!duplicate) attempt.steps.set(number, step);
          attempt.first ??= seq;
          attempt.last = Math.max(attempt.last ?? 0, seq);
        },
      };
    },
    range: async (custody) => {
      const { first, last } = await attemptOf(custody);
      if (first === undefined || last === undefined) return {};
      return { 'wb-log-first': String(first), 'wb-log-last': String(last) };
    },
    ended: (custody) => void attempts.delete(keyOf(custody)),
  };
}

const keyOf = ({ jobId, attempt }: Custody): string => `${jobId}.${attempt}`;

const stepOf = ({ steps }: Attempt, index: number): number =>
  steps.has(index) || steps.size < stepsMax ? index : SHARED;

/** From the log, and the limit from the run. */
async function counted(
  { journal, history, clock, signal }: Deps,
  custody: Custody,
): Promise<Attempt> {
  const { org, runId, jobId, fence } = custody;
  const { run } = await history.judge({ org, runId }, fence);
  const spec = run.jobs.find((job) => job.spec.jobId === jobId)?.spec;
  const count = async (): Promise<Attempt> => {
    const attempt: Attempt = {
      bytesMax: spec?.maxLogSizeBytes ?? LOG_BYTES_MAX,
      steps: new Map(),
      first: undefined,
      last: undefined,
    };
    await journal.replay({
      stream: 'WB_LOGS',
      filter: subjects.log(org, runId, jobId),
      batchMax: BATCH,
      onBatch: (messages) => {
        for (const message of messages) add(attempt, message, custody);
      },
    });
    return attempt;
  };
  return retry(count, {
    clock,
    deadlineMs: Number.POSITIVE_INFINITY,
    retryable: isOutage,
    signal,
  });
}

function add(attempt: Attempt, message: StoredMessage, custody: Custody): void {
  attempt.first ??= message.seq;
  attempt.last = message.seq;
  if (Number(message.header('wb-attempt') ?? 1) !== custody.attempt) return;
  const chunk = wire.LogChunk.safeParse(parseJson(message.body));
  if (!chunk.success) return;
  const number = stepOf(attempt, chunk.data.stepIndex);
  const { bytes, isCut } = attempt.steps.get(number) ?? noStepLog;
  attempt.steps.set(number, {
    bytes: bytes + linesBytes(chunk.data.lines),
    isCut: isCut || message.header(LOG_CUT) !== undefined,
  });
}
